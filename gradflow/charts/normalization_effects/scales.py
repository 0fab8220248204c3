"""Gradients against the scale of the weights, with and without normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build, empty_figure, legend, note
from gradflow.charts.laws import Curve, curve_traces, fitted_scale
from gradflow.charts.series import Scale
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization_effects.scales import Sweep

Named = tuple[str, "Sweep"]
_LEAST_DECADES = 4.0
"""Decades on each side of 1 that the axis shows at least."""
_MOST_DECADES = 14.0
"""Decades on each side of 1 that it shows at most: without a norm the line runs out of it."""


def weight_scales_figure(
    scales: FloatArray, sweeps: Sequence[Named], *, mode: Mode = "light"
) -> go.Figure:
    """Two log-log panels over k: ‖∂L/∂a_1‖/‖∂L/∂a_{L−1}‖, and ‖∂L/∂W_1‖ beside 1/k.

    The y axes hold every line with a normalization; the first line, without one, may leave them.
    """
    if not sweeps:
        return empty_figure(_("Nothing was computed: no lines to draw"), mode=mode)
    ratio, weight = make_scale_curves(scales, sweeps)
    axes = [_fit_axis(ratio), _fit_axis(weight)]
    data = [
        *curve_traces(ratio, axes[0], mode),
        *(
            {**trace, "xaxis": "x2"}
            for trace in curve_traces(weight, axes[1], mode, axis="y2", in_legend=False)
        ),
    ]
    dashed = {"mode": "lines", "x": [None], "y": [None], "showlegend": True, "hoverinfo": "skip"}
    line = {"dash": "8px,5px", "width": 3, "color": PALETTES[mode].muted}
    data.append({"type": "scatter", "name": _("exactly ∝ 1/k"), "line": line, **dashed})
    x = {
        "title": {"text": _("weight scale k")},
        "range": [float(np.log10(scales[0])) - 0.1, float(np.log10(scales[-1])) + 0.1],
        "tickprefix": "10<sup>",
        "ticksuffix": "</sup>",
        "dtick": 1,
        "showgrid": False,
        "unifiedhovertitle": {"text": "<b>k = 10<sup>%{x:.2f}</sup></b>"},
    }
    title = {"size": TITLE_SIZE, "color": PALETTES[mode].ink}
    layout: dict[str, Any] = {
        "height": 470,
        "margin": {"l": 70, "r": 24, "t": 84, "b": 60},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": {**legend(), "y": 1.12},
        "showlegend": True,
        "xaxis": {**x, "domain": [0.0, 0.46]},
        "xaxis2": {**x, "domain": [0.54, 1.0], "anchor": "y2"},
        "yaxis": {**axes[0].axis(""), "dtick": 4, "nticks": None},
        "yaxis2": {**axes[1].axis(""), "dtick": 4, "nticks": None, "anchor": "x2"},
        "annotations": [
            note(_("‖∂L/∂a‖ at layer 1, relative to the last hidden layer"), 0, 1.02, font=title),
            note(_("‖∂L/∂W‖ at layer 1"), 0.54, 1.02, font=title),
        ],
    }
    return build(data, layout, mode)


def make_scale_curves(
    scales: FloatArray, sweeps: Sequence[Named]
) -> tuple[list[Curve], list[Curve]]:
    """Curves over log10 k. The law of the second ones is 1/k through their last point."""
    x = np.log10(scales)
    ratio = [Curve(name, x, one.ratio) for name, one in sweeps]
    weight = [Curve(sweeps[0][0], x, sweeps[0][1].weight_grad)]
    weight += [
        Curve(name, x, one.weight_grad, one.weight_grad[-1] * scales[-1] / scales)
        for name, one in sweeps[1:]
    ]
    return ratio, weight


def _fit_axis(curves: Sequence[Curve]) -> Scale:
    found = fitted_scale(curves[1:], log=True)
    return Scale(
        True,
        max(min(found.low, -_LEAST_DECADES), -_MOST_DECADES),
        min(max(found.high, _LEAST_DECADES), _MOST_DECADES),
    )
