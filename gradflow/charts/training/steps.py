"""Gradient norm, clipping and learning rate of training runs over the steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import empty_figure
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode
from gradflow.charts.training.curves import (
    build_panels,
    draw_pair,
    explain_nonfinite,
    make_y_axis,
    mark_nonfinite,
)
from gradflow.charts.training.data import Lane
from gradflow.core.numbers import format_number
from gradflow.core.text import _

HEIGHT = 320


def steps_figure(lanes: Sequence[Lane], *, mode: Mode = "light") -> go.Figure:
    """Draw the gradient norm ‖g‖ over all parameters at the left, the rate η at the right.

    The norm has a log axis; it is dashed after clipping, and the threshold of clipping by norm is
    dotted. The rate has a linear axis, on which a warm-up is a straight line and a cosine looks
    like one.
    """
    if not any(len(lane.steps) for lane in lanes):
        return empty_figure(_("No step was recorded yet"), mode=mode)
    norms = _fit_scale(lanes, ("grad_norm", "clipped_grad_norm"), log=True)
    rates = _fit_scale(lanes, ("learning_rate",), log=False)
    left, right = PanelAxes(0), PanelAxes(1)
    data: list[dict[str, Any]] = []
    for lane in lanes:
        columns = ("grad_norm", "clipped_grad_norm") if _is_clipped(lane) else ("grad_norm",)
        data += draw_pair(lane, columns, norms, left, mode)
        data += mark_nonfinite(lane, "grad_norm", norms, mode)
        data += draw_pair(lane, ("learning_rate",), rates, right, mode)
    thresholds = sorted({lane.threshold for lane in lanes if lane.threshold > 0})
    notes = explain_nonfinite(lanes, "grad_norm")
    notes += [_("┄ threshold of clipping {c}").format(c=format_number(c)) for c in thresholds]
    return build_panels(
        lanes,
        data,
        (make_y_axis(norms, _("gradient norm ‖g‖")), make_y_axis(rates, _("learning rate η"))),
        height=HEIGHT,
        notes=notes,
        shapes=[_draw_threshold(y, mode) for y in map(float, np.log10(thresholds))],
        dashed=_("after clipping") if any(map(_is_clipped, lanes)) else "",
        mode=mode,
    )


def _fit_scale(lanes: Sequence[Lane], columns: Iterable[str], log: bool) -> Scale:
    series = [Series("", lane.steps, lane.numbers[name]) for name in columns for lane in lanes]
    return Scale.fit(series, log)


def _is_clipped(lane: Lane) -> bool:
    """Whether clipping changed any gradient so far."""
    before, after = lane.numbers["grad_norm"], lane.numbers["clipped_grad_norm"]
    return not np.array_equal(before, after, equal_nan=True)


def _draw_threshold(y: float, mode: Mode) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "x domain",
        "x0": 0,
        "x1": 1,
        "y0": y,
        "y1": y,
        "line": {"color": PALETTES[mode].muted, "width": 1.5, "dash": "dot"},
    }
