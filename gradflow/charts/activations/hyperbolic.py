"""sinh beside sin: curves with their partial sums, and the hyperbola beside the circle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from gradflow.charts.figure import build, legend, note
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode, faded
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.hyperbolic import Sector, Side

_DOMAINS = ((0.0, 0.47), (0.53, 1.0))
_TICKS = {-2: "−2π", -1: "−π", 0: "0", 1: "π", 2: "2π"}
_HEIGHTS = {"sinh": 8.0, "cosh": 8.0, "sin": 2.5, "cos": 2.5, "tanh": 2.5, "tan": 6.0}


def series_figure(
    sides: Sequence[Side], order: int, x: float, *, mode: Mode = "light"
) -> go.Figure:
    """Each function with its partial sum up to x^order, side by side; dots at the chosen x."""
    palette = PALETTES[mode]
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": 400,
        "margin": {"l": 50, "r": 16, "t": 76, "b": 56},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": {**legend(), "y": 1.12},
        "annotations": [],
        "shapes": [],
    }
    colours = (palette.forward, palette.backward)
    for i, (side, colour) in enumerate(zip(sides, colours, strict=True), start=1):
        suffix = "" if i == 1 else "2"
        own = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "type": "scatter"}
        limit = _HEIGHTS[side.name]
        data += [
            {
                "name": side.name,
                "mode": "lines",
                "x": side.x,
                "y": side.value,
                "line": {"color": colour, "width": 3.5},
                **own,
                "hovertemplate": f"{side.name} %{{y:.4g}}<extra></extra>",
            },
            {
                "name": _("its series up to order {n}").format(n=order),
                "mode": "lines",
                "x": side.x,
                "y": side.partial,
                "showlegend": i == 1,
                **own,
                "line": {"color": palette.ink, "width": 2.5, "dash": "dash"},
                "hovertemplate": _("series") + " %{y:.4g}<extra></extra>",
            },
            {
                "name": "x",
                "mode": "markers",
                "x": [x, x],
                "y": [side.at, side.partial_at],
                "showlegend": False,
                "hoverinfo": "skip",
                **own,
                "marker": {
                    "size": 11,
                    "symbol": ["circle", "square-open"],
                    "color": [colour, palette.ink],
                    "line": {"width": 2},
                },
            },
        ]
        layout[f"xaxis{suffix}"] = {
            "domain": _DOMAINS[i - 1],
            "anchor": f"y{suffix}",
            "range": [-2 * math.pi, 2 * math.pi],
            "tickvals": [k * math.pi for k in _TICKS],
            "ticktext": list(_TICKS.values()),
            "title": {"text": "x"},
            "unifiedhovertitle": {"text": "<b>x = %{x:.3g}</b>"},
        }
        layout[f"yaxis{suffix}"] = {
            "anchor": f"x{suffix}",
            "range": [-limit, limit],
            "zeroline": True,
        }
        layout["annotations"].append(
            note(
                f"<b>{side.name} x</b>",
                _DOMAINS[i - 1][0],
                1.01,
                font={"size": TITLE_SIZE, "color": colour},
            )
        )
        if math.isfinite(side.radius):
            layout["shapes"].append(
                {
                    "type": "rect",
                    "xref": f"x{suffix}",
                    "yref": f"y{suffix} domain",
                    "y0": 0,
                    "y1": 1,
                    "x0": -side.radius,
                    "x1": side.radius,
                    "layer": "below",
                    "fillcolor": faded(palette.muted, 0.15),
                    "line": {"width": 0},
                }
            )
    return build(data, layout, mode)


def sectors_figure(sectors: Sequence[Sector], *, mode: Mode = "light") -> go.Figure:
    """The unit hyperbola and the unit circle, each with the sector of the same area t/2."""
    palette = PALETTES[mode]
    names = (("cosh t", "sinh t"), ("cos t", "sin t"))
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": 400,
        "margin": {"l": 60, "r": 16, "t": 40, "b": 56},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "annotations": [],
    }
    for i, (sector, colour) in enumerate(
        zip(sectors, (palette.forward, palette.backward), strict=True), start=1
    ):
        suffix = "" if i == 1 else "2"
        own = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}", "type": "scatter"}
        across, up = names[i - 1]
        data += [
            {
                "name": _("sector of area |t|/2"),
                "mode": "lines",
                "x": sector.outline[0],
                "y": sector.outline[1],
                "fill": "toself",
                "fillcolor": faded(colour, 0.3),
                "line": {"width": 0, "color": colour},
                "hoverinfo": "skip",
                **own,
            },
            {
                "name": _("curve"),
                "mode": "lines",
                "x": sector.u,
                "y": sector.v,
                "hoverinfo": "skip",
                "line": {"color": colour, "width": 3},
                **own,
            },
            {
                "name": _("point"),
                "mode": "markers",
                "x": [sector.point[0]],
                "y": [sector.point[1]],
                "marker": {"size": 13, "color": palette.ink},
                **own,
                "hovertemplate": f"{across} = %{{x:.4g}}<br>{up} = %{{y:.4g}}<extra></extra>",
            },
        ]
        reach = max(1.4, 1.15 * abs(sector.point[0]), 1.15 * abs(sector.point[1]))
        layout[f"xaxis{suffix}"] = {
            "domain": _DOMAINS[i - 1],
            "anchor": f"y{suffix}",
            "range": [-0.1 * reach if i == 1 else -1.4, reach if i == 1 else 1.4],
            "title": {"text": across},
            "zeroline": True,
            "constrain": "domain",
        }
        layout[f"yaxis{suffix}"] = {
            "anchor": f"x{suffix}",
            "range": [-reach, reach] if i == 1 else [-1.4, 1.4],
            "title": {"text": up},
            "zeroline": True,
            "scaleanchor": f"x{suffix}",
            "constrain": "domain",
        }
        text = _("hyperbola: cosh² t − sinh² t = 1"), _("circle: cos² t + sin² t = 1")
        layout["annotations"].append(
            note(
                f"<b>{text[i - 1]}</b>",
                _DOMAINS[i - 1][0],
                1.01,
                font={"size": TITLE_SIZE, "color": colour},
            )
        )
    return build(data, layout, mode)
