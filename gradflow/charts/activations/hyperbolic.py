"""sinh and sin: curves with their partial sums, and the unit hyperbola with the unit circle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import build_figure, make_legend, make_note
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode, fade
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.hyperbolic import PairMember, Sector

_DOMAINS = ((0.0, 0.47), (0.53, 1.0))
_PI_TICKS = {-2: "−2π", -1: "−π", 0: "0", 1: "π", 2: "2π"}
_HEIGHTS = {"sinh": 8.0, "cosh": 8.0, "sin": 2.5, "cos": 2.5, "tanh": 2.5, "tan": 6.0}


def series_figure(
    sides: Sequence[PairMember], order: int, x: float, *, mode: Mode = "light"
) -> go.Figure:
    """Draw two functions side by side, each with its partial sum up to x^order.

    Dots mark the chosen x, a shaded box the range in which the series converges.

    Args:
        sides: the hyperbolic function and its circular sister.
        order: of the partial sums.
        x: the chosen one.
        mode: for a light or a dark page.
    """
    palette = PALETTES[mode]
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": 400,
        "margin": {"l": 50, "r": 16, "t": 76, "b": 56},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": {**make_legend(), "y": 1.12},
        "annotations": [],
        "shapes": [],
    }
    colours = (palette.forward, palette.backward)
    for i, (side, colour) in enumerate(zip(sides, colours, strict=True)):
        axes = PanelAxes(i)
        limit = _HEIGHTS[side.name]
        data += _draw_series(side, order, x, colour, axes, mode)
        layout[axes.x_key] = {
            "domain": _DOMAINS[i],
            "anchor": axes.y,
            "range": [-2 * math.pi, 2 * math.pi],
            "tickvals": [k * math.pi for k in _PI_TICKS],
            "ticktext": list(_PI_TICKS.values()),
            "title": {"text": "x"},
            "unifiedhovertitle": {"text": "<b>x = %{x:.3g}</b>"},
        }
        layout[axes.y_key] = {"anchor": axes.x, "range": [-limit, limit], "zeroline": True}
        layout["annotations"].append(_write_title(f"{side.name} x", i, colour))
        if math.isfinite(side.radius):
            layout["shapes"].append(_shade_convergence(side.radius, axes, mode))
    return build_figure(data, layout, mode)


def _draw_series(
    side: PairMember, order: int, x: float, colour: str, axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    """Draw a function, its partial sum, and both at the chosen x."""
    ink = PALETTES[mode].ink
    panel = {**axes.trace_keys, "type": "scatter"}
    return [
        {
            "name": side.name,
            "mode": "lines",
            "x": side.x,
            "y": side.value,
            "line": {"color": colour, "width": 3.5},
            **panel,
            "hovertemplate": f"{side.name} %{{y:.4g}}<extra></extra>",
        },
        {
            "name": _("its series up to order {n}").format(n=order),
            "mode": "lines",
            "x": side.x,
            "y": side.partial,
            "showlegend": axes.panel == 0,
            **panel,
            "line": {"color": ink, "width": 2.5, "dash": "dash"},
            "hovertemplate": _("series") + " %{y:.4g}<extra></extra>",
        },
        {
            "name": "x",
            "mode": "markers",
            "x": [x, x],
            "y": [side.at, side.partial_at],
            "showlegend": False,
            "hoverinfo": "skip",
            **panel,
            "marker": {
                "size": 11,
                "symbol": ["circle", "square-open"],
                "color": [colour, ink],
                "line": {"width": 2},
            },
        },
    ]


def _shade_convergence(radius: float, axes: PanelAxes, mode: Mode) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": axes.x,
        "yref": f"{axes.y} domain",
        "y0": 0,
        "y1": 1,
        "x0": -radius,
        "x1": radius,
        "layer": "below",
        "fillcolor": fade(PALETTES[mode].muted, 0.15),
        "line": {"width": 0},
    }


def sectors_figure(sectors: Sequence[Sector], *, mode: Mode = "light") -> go.Figure:
    """Draw the unit hyperbola and the unit circle, each with the sector of the same area |t|/2.

    Args:
        sectors: of the hyperbola and of the circle.
        mode: for a light or a dark page.
    """
    hyperbola, circle = sectors
    palette = PALETTES[mode]
    reach = max(1.4, 1.15 * abs(hyperbola.point[0]), 1.15 * abs(hyperbola.point[1]))
    layout: dict[str, Any] = {
        "height": 400,
        "margin": {"l": 60, "r": 16, "t": 40, "b": 56},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "annotations": [
            _write_title(_("hyperbola: cosh² t − sinh² t = 1"), 0, palette.forward),
            _write_title(_("circle: cos² t + sin² t = 1"), 1, palette.backward),
        ],
        **_lay_out_sector(0, ("cosh t", "sinh t"), [-0.1 * reach, reach], [-reach, reach]),
        **_lay_out_sector(1, ("cos t", "sin t"), [-1.4, 1.4], [-1.4, 1.4]),
    }
    data = [
        *_draw_sector(hyperbola, ("cosh t", "sinh t"), palette.forward, PanelAxes(0), mode),
        *_draw_sector(circle, ("cos t", "sin t"), palette.backward, PanelAxes(1), mode),
    ]
    return build_figure(data, layout, mode)


def _draw_sector(
    sector: Sector, names: tuple[str, str], colour: str, axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    """Draw the sector, the curve that bounds it, and the point where t ends."""
    panel = {**axes.trace_keys, "type": "scatter"}
    across, up = names
    return [
        {
            "name": _("sector of area |t|/2"),
            "mode": "lines",
            "x": sector.outline[0],
            "y": sector.outline[1],
            "fill": "toself",
            "fillcolor": fade(colour, 0.3),
            "line": {"width": 0, "color": colour},
            "hoverinfo": "skip",
            **panel,
        },
        {
            "name": _("curve"),
            "mode": "lines",
            "x": sector.u,
            "y": sector.v,
            "hoverinfo": "skip",
            "line": {"color": colour, "width": 3},
            **panel,
        },
        {
            "name": _("point"),
            "mode": "markers",
            "x": [sector.point[0]],
            "y": [sector.point[1]],
            "marker": {"size": 13, "color": PALETTES[mode].ink},
            **panel,
            "hovertemplate": f"{across} = %{{x:.4g}}<br>{up} = %{{y:.4g}}<extra></extra>",
        },
    ]


def _lay_out_sector(
    panel: int, names: tuple[str, str], x_range: list[float], y_range: list[float]
) -> dict[str, Any]:
    """Make both axes of a panel, with the same unit."""
    axes = PanelAxes(panel)
    return {
        axes.x_key: {
            "domain": _DOMAINS[panel],
            "anchor": axes.y,
            "range": x_range,
            "title": {"text": names[0]},
            "zeroline": True,
            "constrain": "domain",
        },
        axes.y_key: {
            "anchor": axes.x,
            "range": y_range,
            "title": {"text": names[1]},
            "zeroline": True,
            "scaleanchor": axes.x,
            "constrain": "domain",
        },
    }


def _write_title(text: str, panel: int, colour: str) -> dict[str, Any]:
    font = {"size": TITLE_SIZE, "color": colour}
    return make_note(f"<b>{text}</b>", _DOMAINS[panel][0], 1.01, font=font)
