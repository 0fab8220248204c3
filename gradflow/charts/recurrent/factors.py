"""The factor that a gradient gains or loses at every step back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray
from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.charts.recurrent.time_axis import make_back_axis
from gradflow.charts.series import Scale
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, list_styles
from gradflow.core.numbers import format_number
from gradflow.core.text import _

FACTOR_LIMIT = 10.0
"""Larger factors are marked at the edge of the axis."""
_MOST_LABELS = 8
"""If a curve has more marks, only the largest value is written out."""


def factors_figure(
    named: Sequence[tuple[str, FloatArray, FloatArray]], *, mode: Mode = "light"
) -> go.Figure:
    """Draw the factor of every step back on a linear axis; those of the direct path are dashed.

    The axis reaches as far as the factors do; those above ``FACTOR_LIMIT`` are marked at its edge.

    Args:
        named: name, measured factors (NaN where nothing is left) and those of the direct path (NaN
            where there is none), from the loss back, of each.
        mode: for a light or a dark page.
    """
    curves = make_factor_curves(named)
    values = np.concatenate([curve.values for curve in curves] or [np.zeros(0)])
    high = min(max(1.25, 1.08 * float(values.max(initial=1.0))), FACTOR_LIMIT)
    scale = Scale(False, 0.0, high)
    beyond = _mark_beyond(curves, scale, mode)
    steps = max((len(total) for _name, total, _direct in named), default=1)
    return laws_figure(
        curves,
        x=make_back_axis(steps),
        y_title=_("factor of one step back"),
        mode=mode,
        scale=scale,
        law=_("direct path alone (mean over units)"),
        notes=[_("▲ beyond the axis, with its value")] if beyond else (),
        more=beyond,
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": 1,
                "y1": 1,
                "layer": "below",
                "line": {"color": PALETTES[mode].muted, "width": 2},
            },
        ],
    )


def make_factor_curves(named: Sequence[tuple[str, FloatArray, FloatArray]]) -> list[LawCurve]:
    """Make curves on which the factor from distance k to k + 1 stands at k + 1.

    There is no point where nothing is left of the gradient.
    """
    curves = []
    for name, total, direct in named:
        known = ~np.isnan(total)
        distances = np.arange(1.0, len(total) + 1)
        curves.append(LawCurve(name, distances[known], total[known], direct, distances))
    return curves


def _mark_beyond(curves: Sequence[LawCurve], scale: Scale, mode: Mode) -> list[dict[str, Any]]:
    """Draw a triangle at the edge of the axis for every factor above it."""
    traces = []
    for curve, style in zip(curves, list_styles(mode), strict=False):
        is_beyond = curve.values > scale.high
        values = curve.values[is_beyond].tolist()
        if not values:
            continue
        labelled = values if len(values) <= _MOST_LABELS else [max(values)]
        trace = {
            "type": "scatter",
            "name": "beyond",
            "mode": "markers+text",
            "showlegend": False,
            "x": curve.x[is_beyond],
            "y": [scale.ceiling] * len(values),
            "text": [format_number(value) if value in labelled else "" for value in values],
            "textposition": "bottom center",
            "textfont": {"size": TEXT_SIZE - 1, "color": style.colour},
            "hoverinfo": "skip",  # the curve's own point says it
            "marker": {"symbol": "triangle-up", "size": 12, "color": style.colour},
        }
        traces.append(trace)
    return traces
