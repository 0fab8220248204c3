"""Activation functions and their derivatives, one above the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, empty_figure, make_legend
from gradflow.charts.theme import Mode, Style, fade, list_styles
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.activation_facts import FunctionCurve


def functions_figure(
    curves: Sequence[tuple[str, FunctionCurve]], *, mode: Mode = "light"
) -> go.Figure:
    """Draw φ(z) above and φ′(z) below, over the same z.

    Args:
        curves: name and curve of each function. The range of a random slope is a band.
        mode: for a light or a dark page.
    """
    if not curves:
        return empty_figure(_("No function is chosen: choose one or more above"), mode=mode)
    data: list[dict[str, Any]] = []
    for (name, curve), style in zip(curves, repeat_styles(len(curves), mode), strict=True):
        data += _draw_band(name, curve, style)
        for axis, symbol, values in (("y", "φ", curve.value), ("y2", "φ′", curve.slope)):
            line = {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "legendgroup": name,
                "showlegend": axis == "y",
                "x": curve.z,
                "y": values,
                "yaxis": axis,
                "line": {"color": style.colour, "dash": style.dash, "width": 3, "simplify": False},
                "hovertemplate": f"{name} {symbol} = %{{y:.4g}}<extra></extra>",
            }
            data.append(line)
    z = curves[0][1].z
    layout = {
        "height": 620,
        "margin": {"l": 70, "r": 24, "t": 60, "b": 56},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": {
            "anchor": "y2",
            "range": [float(z[0]), float(z[-1])],
            "title": {"text": "z"},
            "unifiedhovertitle": {"text": "<b>z = %{x:.3g}</b>"},
            "zeroline": True,
        },
        "yaxis": {"domain": [0.47, 1.0], "title": {"text": "φ(z)"}, "zeroline": True},
        "yaxis2": {
            "domain": [0.0, 0.4],
            "title": {"text": "φ′(z)"},
            "zeroline": True,
            "rangemode": "tozero",
        },
    }
    return build_figure(data, layout, mode)


def repeat_styles(count: int, mode: Mode) -> list[Style]:
    """List ``count`` styles; beyond the palette, colours come again with other dashes."""
    basic = list_styles(mode)
    n = len(basic)
    return [
        Style(basic[i % n].colour, basic[(i + i // n) % n].dash, basic[i % n].symbol)
        for i in range(count)
    ]


def _draw_band(name: str, curve: FunctionCurve, style: Style) -> list[dict[str, Any]]:
    """Draw the range of a random slope in both panels."""
    if np.isnan(curve.low_slope):
        return []
    z = curve.z[curve.z <= 0]
    low, high = curve.low_slope, curve.high_slope
    flat = np.ones_like(z)
    return [
        _fill_area(name, z, z * low, z * high, "y", style),
        _fill_area(name, z, low * flat, high * flat, "y2", style),
    ]


def _fill_area(
    name: str, z: FloatArray, low: FloatArray, high: FloatArray, axis: str, style: Style
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": f"{name} band",
        "legendgroup": name,
        "showlegend": False,
        "hoverinfo": "skip",
        "yaxis": axis,
        "fill": "toself",
        "fillcolor": fade(style.colour, 0.25),
        "line": {"width": 0, "color": style.colour},
        "x": np.concatenate([z, z[::-1]]),
        "y": np.concatenate([low, high[::-1]]),
    }
