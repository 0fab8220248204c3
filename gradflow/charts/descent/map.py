"""Descent seen from above (two parameters) or on its curve (one), with an animation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.descent.motion import draw_moving_traces, make_controls, make_frames
from gradflow.charts.descent.paths import (
    DescentPath,
    Ground,
    choose_style,
    find_last_seen,
    find_window,
    join_with_gaps,
    make_step_hover,
    project_path,
)
from gradflow.charts.figure import FloatArray, build_figure, empty_figure
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, fade
from gradflow.core.numbers import format_number
from gradflow.core.text import _

HEIGHT = 600
MARGIN = {"l": 76, "r": 24, "t": 40, "b": 150}


def descent_figure(
    ground: Ground, paths: Sequence[DescentPath], *, mode: Mode = "light"
) -> go.Figure:
    """Draw all trajectories on the loss, with an animation that runs in the browser.

    A loss of two parameters is drawn as contours, evenly spaced in the logarithm where the loss
    spans decades; a loss of one as a curve. Lines hold every step; only the heads, and a tail of
    the last steps behind each, move: buttons to play, pause and step, and a slider over at most
    120 steps. A path that leaves the window or overflows ends in a cross where it was last seen.
    """
    if not paths:
        return empty_figure(_("Choose at least one optimizer"), mode=mode, height=HEIGHT)
    fixed = [
        *(_draw_contours(ground, mode) if ground.is_flat else _draw_curve(ground, mode)),
        *(_draw_casing(ground, paths, mode) if ground.is_flat else []),
        *(_draw_path(path, ground, mode) for path in paths),
        *_draw_named_points(ground, mode),
        *_draw_crosses(ground, paths, mode),
    ]
    traces = [*fixed, *draw_moving_traces(ground, paths, mode)]
    frames = make_frames(ground, paths, (len(fixed), len(fixed) + 1))
    return build_figure(traces, _make_layout(ground) | make_controls(paths, mode), mode, frames)


def _make_layout(ground: Ground) -> dict[str, Any]:
    (x_low, x_high), (y_low, y_high) = find_window(ground)
    y_title = ground.axes[1] if ground.is_flat else _("loss L")
    return {
        "height": HEIGHT,
        "margin": MARGIN | ({"r": 100} if ground.is_flat else {}),
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
        "xaxis": {"range": [x_low, x_high], "title": {"text": ground.axes[0]}},
        "yaxis": {"range": [y_low, y_high], "title": {"text": y_title}},
    }


def scale_heights(heights: FloatArray) -> tuple[FloatArray, list[float], list[str]]:
    """Scale heights for drawing, and choose ticks for the colour bar.

    If half of the window is lower than 15% of the highest point, the drawn height is log10 of
    the height above the lowest point plus a hundredth of the median; else it is the height itself.

    Returns:
        The drawn heights, and the ticks with their texts.
    """
    low = float(np.nanmin(heights))
    above = heights - low
    median, high = float(np.nanmedian(above)), float(np.nanmax(above))
    if median == 0 or median >= 0.15 * high:
        values = np.linspace(low, low + high, 5)
        return heights, values.tolist(), _format_ticks(values, high)
    softening = median / 100
    exponents = np.arange(np.ceil(np.log10(softening)), np.floor(np.log10(high)) + 1)
    steps = np.concatenate([[0.0], 10.0**exponents])
    drawn: FloatArray = np.log10(above + softening)
    return drawn, np.log10(steps + softening).tolist(), _format_ticks(low + steps, high)


def _format_ticks(values: FloatArray, high: float) -> list[str]:
    # The lowest point of the grid is hardly ever exactly the minimum.
    return [
        format_number(value if abs(value) > 1e-3 * high else 0.0, 2) for value in values.tolist()
    ]


def _draw_contours(ground: Ground, mode: Mode) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    drawn, ticks, texts = scale_heights(ground.heights)
    low, high = float(np.nanmin(drawn)), float(np.nanmax(drawn))
    x, y = ground.coordinates
    # Without colour, which is for the paths.
    scale = [[0, palette.page], [1, blend(palette.page, palette.muted, 0.75)]]
    return [
        {
            "type": "contour",
            "name": "loss",
            "x": x.astype(np.float32),
            "y": y.astype(np.float32),
            "z": drawn.astype(np.float32),
            "customdata": ground.heights.astype(np.float32),
            "hovertemplate": f"{ground.axes[0]} %{{x:.3g}}, {ground.axes[1]} %{{y:.3g}}"
            "<br>L %{customdata:.4g}<extra></extra>",
            "autocontour": False,
            "contours": {"start": low, "end": high, "size": (high - low) / 18},
            "line": {"width": 0.6, "color": fade(palette.ink, 0.35)},
            "colorscale": scale,
            "colorbar": {
                "title": {"text": "L", "side": "top"},
                "tickvals": ticks,
                "ticktext": texts,
                "thickness": 14,
                "outlinewidth": 0,
                "len": 1,
            },
        }
    ]


def blend(below: str, above: str, share: float) -> str:
    """Blend two colours ``#rrggbb``; contours lie on each other, so none may be transparent."""
    pairs = zip(*([int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (below, above)), strict=True)
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)


def _draw_curve(ground: Ground, mode: Mode) -> list[dict[str, Any]]:
    (x,) = ground.coordinates
    return [
        {
            "type": "scatter",
            "name": _("loss L"),
            "showlegend": False,
            "mode": "lines",
            "x": x.astype(np.float32),
            "y": ground.heights.astype(np.float32),
            "line": {"color": PALETTES[mode].ink, "width": 2.5},
            "hovertemplate": "x %{x:.3g}<br>L %{y:.4g}<extra></extra>",
        }
    ]


def _draw_casing(ground: Ground, paths: Sequence[DescentPath], mode: Mode) -> list[dict[str, Any]]:
    """Draw a rim in the colour of the page around all lines, to set them off the contours."""
    points = join_with_gaps([project_path(path, ground) for path in paths]).astype(np.float32)
    return [
        {
            "type": "scatter",
            "name": "casing",
            "mode": "lines",
            "showlegend": False,
            "hoverinfo": "skip",
            "x": points[:, 0],
            "y": points[:, 1],
            "line": {"color": fade(PALETTES[mode].page, 0.8), "width": 5},
        }
    ]


def _draw_path(path: DescentPath, ground: Ground, mode: Mode) -> dict[str, Any]:
    style = choose_style(path.style_index, mode)
    points = project_path(path, ground).astype(np.float32)
    few = len(points) <= 60
    return {
        "type": "scatter",
        "name": path.name,
        "mode": "lines+markers",
        "x": points[:, 0],
        "y": points[:, 1],
        "line": {
            "color": style.colour if ground.is_flat else fade(style.colour, 0.45),
            "width": 2.5 if ground.is_flat else 1.5,
        },
        "marker": {
            "symbol": style.symbol,
            "size": (8 if few else 5) + (0 if ground.is_flat else 2),
            "color": style.colour,
            "line": {"color": PALETTES[mode].page, "width": 0.5},
        },
        **make_step_hover(path, ground.axes),
    }


def _draw_named_points(ground: Ground, mode: Mode) -> list[dict[str, Any]]:
    if not ground.marks:
        return []
    palette = PALETTES[mode]
    points = np.array([_put_on_ground(point, ground) for _n, _h, point in ground.marks])
    return [
        {
            "type": "scatter",
            "name": "marks",
            "showlegend": False,
            "mode": "markers+text",
            "x": points[:, 0],
            "y": points[:, 1],
            "text": [f"<b>{name}</b>" for name, _h, _p in ground.marks],
            "textposition": "middle right" if ground.is_flat else "bottom center",
            "textfont": {"size": TEXT_SIZE + 3, "color": palette.ink},
            "hovertext": [f"{name}: {help_text}" for name, help_text, _p in ground.marks],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {
                "symbol": "x-thin" if ground.is_flat else "circle-open",
                "size": 10 if ground.is_flat else 13,
                "color": palette.ink,
                "line": {"color": palette.ink, "width": 2},
            },
        }
    ]


def _put_on_ground(point: tuple[float, ...], ground: Ground) -> tuple[float, float]:
    if len(point) == 2:
        return point[0], point[1]
    return point[0], float(np.interp(point[0], ground.coordinates[0], ground.heights))


def _draw_crosses(ground: Ground, paths: Sequence[DescentPath], mode: Mode) -> list[dict[str, Any]]:
    """Mark where paths that ended out of sight were last seen, a little inside the border."""
    lost = [path for path in paths if path.ending]
    if not lost:
        return []
    low, high = np.array(find_window(ground)).T
    margin = 0.015 * (high - low)
    seen = [find_last_seen(project_path(path, ground), ground) for path in lost]
    points = np.clip(seen, low + margin, high - margin).tolist()
    colour = PALETTES[mode].alarm
    return [
        {
            "type": "scatter",
            "name": _("out of sight"),
            "mode": "markers",
            "x": [x for x, _y in points],
            "y": [y for _x, y in points],
            "hovertext": [f"<b>{path.name}</b><br>{path.ending}" for path in lost],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {
                "symbol": "x-thin",
                "size": 16,
                "color": colour,
                "line": {"color": colour, "width": 4},
            },
        }
    ]
