"""The factor per layer against the gain, and the gradient of one choice layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import (
    FloatArray,
    build_figure,
    make_layer_axis,
    make_legend,
    make_note,
)
from gradflow.charts.overlay import THEORY_LINE
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, list_styles
from gradflow.core.numbers import format_number
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.initialization.gains import GainCurve

HEIGHT = 460
_LEFT, _RIGHT = (0.0, 0.56), (0.66, 1.0)
_LOOKS = {"diamond": (20, "top center"), "circle": (13, "bottom right"), "x": (8, "bottom right")}
"""Size and place of the text by symbol: all stand on each other where all recommend the same."""
_TICKS = (0.25, 0.5, 1, 2, 4, 8, 16)


@dataclass(frozen=True, eq=False)
class GainMark:
    """A gain that somebody recommends for an activation function.

    Attributes:
        name: who.
        symbol: Plotly's name of the marker.
        gain: the gain.
        activation: index of the curve.
    """

    name: str
    symbol: str
    gain: float
    activation: int


def gains_figure(
    curves: Sequence[tuple[str, GainCurve]],
    gains: FloatArray,
    marks: Sequence[GainMark],
    chosen: Mapping[str, FloatArray],
    *,
    mode: Mode = "light",
) -> go.Figure:
    """Draw the factor of ‖∂L/∂z‖ per layer over the gain, and RMS gradients over the layers.

    Args:
        curves: name and numbers of each activation function.
        gains: where they were measured.
        marks: recommended gains, drawn on the curves.
        chosen: RMS of ∂L/∂z per layer of the networks on the right, by name.
        mode: for a light or a dark page.
    """
    palette = PALETTES[mode]
    x = np.log2(gains)
    data = _draw_curves(curves, x, mode)
    named: set[str] = set()
    places: set[tuple[int, float]] = set()
    for mark in marks:
        own = (mark.activation, round(mark.gain, 3))
        drawn = _draw_mark(mark, curves, x, mode, in_legend=mark.name not in named)
        data.append(drawn | ({"text": [""]} if own in places else {}))
        named.add(mark.name)
        places.add(own)
    data += _draw_courses(chosen, mode)
    left, right = PanelAxes(0), PanelAxes(1)
    level = {"type": "line", "x0": x[0], "x1": x[-1], "y0": 0, "y1": 0}
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 76, "r": 16, "t": 84, "b": 60},
        "dragmode": False,
        "legend": make_legend() | {"y": 1.1},
        "showlegend": True,
        "shapes": [level | {"line": {"color": palette.ink, "width": 2}}],
        "annotations": [
            make_note(f"<b>{title}</b>", place[0], 1.01, font={"size": TITLE_SIZE})
            for title, place in (
                (_("factor per layer of ‖∂L/∂z‖"), _LEFT),
                (_("RMS of ∂L/∂z, layer by layer"), _RIGHT),
            )
        ],
        left.x_key: {
            "domain": _LEFT,
            "anchor": left.y,
            "title": {"text": _("gain on Xavier’s σ")},
            "range": [x[0] - 0.1, x[-1] + 0.1],
            "tickvals": np.log2(_TICKS).tolist(),
            "ticktext": [format_number(tick) for tick in _TICKS],
            "showgrid": False,
        },
        left.y_key: {
            "anchor": left.x,
            "range": np.log2([0.1, 6.0]).tolist(),
            "tickvals": np.log2([0.125, 0.25, 0.5, 1, 2, 4]).tolist(),
            "ticktext": ["0.125", "0.25", "0.5", "1", "2", "4"],
        },
        right.x_key: make_layer_axis(
            max((len(line) for line in chosen.values()), default=1),
            domain=_RIGHT,
            anchor=right.y,
            title={"text": _("layer")},
        ),
        right.y_key: {
            "anchor": right.x,
            "tickprefix": "10<sup>",
            "ticksuffix": "</sup>",
            "nticks": 6,
        },
    }
    return build_figure(data, layout, mode)


def _draw_curves(
    curves: Sequence[tuple[str, GainCurve]], x: FloatArray, mode: Mode
) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = []
    for (name, curve), style in zip(curves, list_styles(mode), strict=False):
        text = [
            _("{name}, gain {gain}: × {factor} ({low} to {high} over seeds), theory {law}").format(
                name=name,
                gain=format_number(2**place),
                factor=format_number(factor),
                low=format_number(low),
                high=format_number(high),
                law=format_number(law),
            )
            for place, factor, low, high, law in zip(
                x.tolist(),
                curve.measured.tolist(),
                curve.low.tolist(),
                curve.high.tolist(),
                curve.law.tolist(),
                strict=True,
            )
        ]
        data += [
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": x,
                "y": np.log2(curve.measured),
                "line": {"color": style.colour, "width": 3},
                "hovertext": text,
                "hovertemplate": "%{hovertext}<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "lines",
                "name": _("theory"),
                "showlegend": False,
                "x": x,
                "y": np.log2(curve.law),
                "line": {**THEORY_LINE, "color": style.colour, "width": 2},
                "hoverinfo": "skip",
            },
        ]
    return data


def _draw_mark(
    mark: GainMark,
    curves: Sequence[tuple[str, GainCurve]],
    x: FloatArray,
    mode: Mode,
    *,
    in_legend: bool,
) -> dict[str, Any]:
    """Draw a recommended gain on its curve, between two measured gains along the line."""
    name, curve = curves[mark.activation]
    place = float(np.log2(mark.gain))
    height = float(np.interp(place, x, np.log2(curve.measured)))
    palette, (size, side) = PALETTES[mode], _LOOKS[mark.symbol]
    text = _("{who}, {name}: gain {gain} gives × {factor} per layer").format(
        who=mark.name, name=name, gain=format_number(mark.gain), factor=format_number(2**height)
    )
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": mark.name,
        "legendgroup": mark.name,
        "showlegend": in_legend,
        "x": [place],
        "y": [height],
        "text": [f"× {format_number(2**height, 2)}"],
        "textposition": side,
        "textfont": {"size": TEXT_SIZE, "color": palette.ink},
        "hovertext": [text],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "symbol": mark.symbol,
            "size": size,
            "color": palette.ink if mark.symbol == "x" else palette.page,
            "line": {"color": palette.ink, "width": 1 if mark.symbol == "x" else 3},
        },
    }


def _draw_courses(chosen: Mapping[str, FloatArray], mode: Mode) -> list[dict[str, Any]]:
    data = []
    for (name, line), style in zip(chosen.items(), list_styles(mode)[3:], strict=False):
        with np.errstate(divide="ignore"):
            heights = np.log10(line)
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": np.arange(1.0, len(line) + 1),
                "y": heights,
                "line": {"color": style.colour, "dash": style.dash, "width": 3},
                "marker": {"symbol": style.symbol, "size": 8, "color": style.colour},
                "hovertemplate": f"{name}: 10<sup>%{{y:.2f}}</sup><extra></extra>",
                **PanelAxes(1).trace_keys,
            }
        )
    return data
