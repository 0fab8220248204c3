"""Gradients against the scale of the weights, with and without normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, empty_figure, make_legend, make_note
from gradflow.charts.laws import LawCurve, draw_curves, fit_scale
from gradflow.charts.series import Scale
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization_effects.scales import ScaleSweep

_LEAST_DECADES = 4.0
"""Decades on each side of 1 that the axis shows at least."""
_MOST_DECADES = 14.0
"""Decades on each side of 1 that the axis shows at most: a line without a norm may leave it."""


def weight_scales_figure(
    scales: FloatArray, sweeps: Sequence[tuple[str, ScaleSweep]], *, mode: Mode = "light"
) -> go.Figure:
    """Draw two log-log panels over k: ‖∂L/∂a_1‖/‖∂L/∂a_{L−1}‖, and ‖∂L/∂W_1‖ with 1/k dashed.

    The y axes hold every line with a normalization; the first line, without one, may leave them.

    Args:
        scales: the factors k.
        sweeps: name and gradients of each network, first of the one without a normalization.
        mode: for a light or a dark page.
    """
    if not sweeps:
        return empty_figure(_("Nothing was computed: no lines to draw"), mode=mode)
    ratio, weight = make_scale_curves(scales, sweeps)
    axes = [_fit_axis(ratio), _fit_axis(weight)]
    data = [
        *draw_curves(ratio, axes[0], mode),
        *(
            {**trace, "xaxis": "x2"}
            for trace in draw_curves(weight, axes[1], mode, axis="y2", in_legend=False)
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
        "legend": {**make_legend(), "y": 1.12},
        "showlegend": True,
        "xaxis": {**x, "domain": [0.0, 0.46]},
        "xaxis2": {**x, "domain": [0.54, 1.0], "anchor": "y2"},
        "yaxis": {**axes[0].make_axis(""), "dtick": 4, "nticks": 0},
        "yaxis2": {**axes[1].make_axis(""), "dtick": 4, "nticks": 0, "anchor": "x2"},
        "annotations": [
            make_note(
                _("‖∂L/∂a‖ at layer 1, relative to the last hidden layer"), 0, 1.02, font=title
            ),
            make_note(_("‖∂L/∂W‖ at layer 1"), 0.54, 1.02, font=title),
        ],
    }
    return build_figure(data, layout, mode)


def make_scale_curves(
    scales: FloatArray, sweeps: Sequence[tuple[str, ScaleSweep]]
) -> tuple[list[LawCurve], list[LawCurve]]:
    """Make curves of both panels over log10 k.

    The law of ‖∂L/∂W_1‖ with a normalization is 1/k through the last point.
    """
    x = np.log10(scales)
    ratios = [LawCurve(name, x, sweep.ratio) for name, sweep in sweeps]
    (first_name, first), *others = sweeps
    weights = [LawCurve(first_name, x, first.weight_grad)]
    weights += [
        LawCurve(name, x, sweep.weight_grad, sweep.weight_grad[-1] * scales[-1] / scales)
        for name, sweep in others
    ]
    return ratios, weights


def _fit_axis(curves: Sequence[LawCurve]) -> Scale:
    """Fit a log axis to all curves but the first one, the one without a normalization."""
    scale = fit_scale(curves[1:], log=True)
    return Scale(
        True,
        max(min(scale.low, -_LEAST_DECADES), -_MOST_DECADES),
        min(max(scale.high, _LEAST_DECADES), _MOST_DECADES),
    )
