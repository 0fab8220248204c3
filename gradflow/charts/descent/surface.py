"""The loss of two parameters as a landscape, with the trajectories on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.descent.paths import (
    DescentPath,
    Ground,
    choose_style,
    find_window,
    make_step_hover,
)
from gradflow.charts.figure import FloatArray, build_figure, empty_figure
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode
from gradflow.core.numbers import format_number
from gradflow.core.text import _

HEIGHT = 620
_SYMBOLS_IN_SPACE = {"triangle-up": "circle-open", "star": "square-open"}
"""Stand-ins for symbols that Plotly has in the plane but not in space."""


def descent_surface_figure(
    ground: Ground, paths: Sequence[DescentPath], *, mode: Mode = "light"
) -> go.Figure:
    """Draw the loss as height, logarithmic where it spans decades, and every trajectory on it.

    Points outside the window or without a finite loss are left out.
    """
    if not ground.is_flat:
        return empty_figure(_("A loss of one parameter has no landscape"), mode=mode)
    drawn, ticks, texts = scale_heights(ground.heights)
    palette = PALETTES[mode]
    x, y = ground.coordinates
    low, high = float(np.nanmin(drawn)), float(np.nanmax(drawn))
    surface = {
        "type": "surface",
        "name": "loss",
        "x": x.astype(np.float32),
        "y": y.astype(np.float32),
        "z": drawn.astype(np.float32),
        # In greys, as seen from above: colours are for the paths.
        "colorscale": [[0, palette.page], [1, blend(palette.page, palette.muted, 0.75)]],
        "showscale": False,
        "opacity": 0.8,
        "hoverinfo": "skip",
        "lighting": {"ambient": 0.8, "diffuse": 0.5, "specular": 0.05},
        "contours": {
            "z": {
                "show": True,
                "color": palette.muted,
                "width": 1,
                "start": low,
                "end": high,
                "size": (high - low) / 18 or 1.0,
            }
        },
    }
    axis = {
        "backgroundcolor": "rgba(0,0,0,0)",
        "gridcolor": palette.grid,
        "color": palette.ink,
        "tickfont": {"size": TEXT_SIZE - 3},
        "showspikes": False,
    }
    layout = {
        "height": HEIGHT,
        "margin": {"l": 0, "r": 0, "t": 36, "b": 0},
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
        "showlegend": True,
        "scene": {
            "xaxis": axis | {"title": {"text": ground.axes[0]}},
            "yaxis": axis | {"title": {"text": ground.axes[1]}},
            "zaxis": axis | {"title": {"text": "L"}, "tickvals": ticks, "ticktext": texts},
            "aspectratio": {"x": 1.2, "y": 1.2, "z": 0.75},
            # From high up, so that no wall stands before a path.
            "camera": {"eye": {"x": 0.85, "y": -1.3, "z": 1.95}},
        },
    }
    lines = [_draw_path(path, ground, drawn, mode) for path in paths]
    return build_figure([surface, *lines], layout, mode)


def _draw_path(path: DescentPath, ground: Ground, drawn: FloatArray, mode: Mode) -> dict[str, Any]:
    style = choose_style(path.style_index, mode)
    low, high = np.array(find_window(ground)).T
    inside = ((path.points >= low) & (path.points <= high)).all(axis=1)
    points = np.where(inside[:, None], path.points, math.nan)
    # A little above the ground, so that the surface does not swallow the line.
    lift = 0.025 * float(np.nanmax(drawn) - np.nanmin(drawn))
    height = np.full(len(points), math.nan)
    height[inside] = _interpolate(ground, drawn, points[inside]) + lift
    return {
        "type": "scatter3d",
        "name": path.name,
        "mode": "lines+markers",
        "x": points[:, 0].astype(np.float32),
        "y": points[:, 1].astype(np.float32),
        "z": height.astype(np.float32),
        "line": {"color": style.colour, "width": 8},
        "marker": {
            "color": style.colour,
            "size": 4,
            "symbol": _SYMBOLS_IN_SPACE.get(style.symbol, style.symbol),
        },
        **make_step_hover(path, ground.axes),
    }


def _interpolate(ground: Ground, drawn: FloatArray, points: FloatArray) -> FloatArray:
    """Interpolate the drawn surface at points within it, bilinear as Plotly draws it."""
    x, y = ground.coordinates
    u = (points[:, 0] - x[0]) / (x[-1] - x[0]) * (len(x) - 1)
    v = (points[:, 1] - y[0]) / (y[-1] - y[0]) * (len(y) - 1)
    i = np.clip(u.astype(int), 0, len(x) - 2)
    j = np.clip(v.astype(int), 0, len(y) - 2)
    s, t = u - i, v - j
    heights: FloatArray = (
        drawn[j, i] * (1 - s) * (1 - t)
        + drawn[j, i + 1] * s * (1 - t)
        + drawn[j + 1, i] * (1 - s) * t
        + drawn[j + 1, i + 1] * s * t
    )
    return heights


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


def blend(below: str, above: str, share: float) -> str:
    """Blend two colours ``#rrggbb``; contours lie on each other, so none may be transparent."""
    pairs = zip(*([int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (below, above)), strict=True)
    return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in pairs)
