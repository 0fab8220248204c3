"""Loss and accuracy of training runs over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import empty_figure
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import Mode
from gradflow.charts.training.curves import (
    build_two_panels,
    draw_pair,
    explain_nonfinite,
    make_y_axis,
    mark_nonfinite,
)
from gradflow.charts.training.data import Lane
from gradflow.core.text import _

_LOSS_HEADROOM = 3.0
"""A log axis reaches up to this many times the largest loss of the start."""


def learning_figure(lanes: Sequence[Lane], *, log: bool = True, mode: Mode = "light") -> go.Figure:
    """Draw the loss over the steps at the left, and the accuracy at the right.

    Lines are solid for training and dashed for held-out data. A loss that is not finite is a cross
    at the top.

    Args:
        lanes: the runs.
        log: whether the loss has a log axis.
        mode: for a light or a dark page.
    """
    if not any(len(lane.steps) for lane in lanes):
        return empty_figure(_("No step was recorded yet"), mode=mode)
    scale = fit_loss_scale(lanes, log)
    left, right = PanelAxes(0), PanelAxes(1)
    data: list[dict[str, Any]] = []
    for lane in lanes:
        data += draw_pair(lane, ("loss", "held_out_loss"), scale, left, mode)
        data += mark_nonfinite(lane, "loss", scale, mode)
        data += draw_pair(lane, ("accuracy", "held_out_accuracy"), None, right, mode)
    notes = explain_nonfinite(lanes, "loss")
    if any(_leaves_axis(lane, scale) for lane in lanes):
        notes.append(_("losses above the axis leave the figure"))
    shares = {
        "title": {"text": _("accuracy")},
        "range": [-0.03, 1.03],
        "tickvals": [0, 0.25, 0.5, 0.75, 1],
        "ticktext": ["0%", "25%", "50%", "75%", "100%"],
    }
    return build_two_panels(
        lanes,
        data,
        (make_y_axis(scale, _("loss")), shares),
        notes=notes,
        dashed=_("held-out") if any(map(_has_held_out, lanes)) else "",
        mode=mode,
    )


def fit_loss_scale(lanes: Sequence[Lane], log: bool) -> Scale:
    """Fit the axis of the losses.

    For several runs it ends a little above the largest loss at the start, for a single one a little
    above its training losses: a run that explodes, or a held-out loss that does, leaves the figure
    and does not flatten the other lines.
    """
    several = len(lanes) > 1
    decisive = np.concatenate(
        [lane.numbers["loss"][:1] if several else lane.numbers["loss"] for lane in lanes]
    )
    most = (_LOSS_HEADROOM if log else 1.0) * decisive[np.isfinite(decisive)].max(initial=0.0)
    losses = np.concatenate(
        [lane.numbers[name] for name in ("loss", "held_out_loss") for lane in lanes]
    )
    within = losses[losses <= most] if most else losses
    return Scale.fit([Series("", within, within)], log)


def _has_held_out(lane: Lane) -> bool:
    """Whether the loss on held-out data was measured."""
    return bool((~np.isnan(lane.numbers["held_out_loss"])).any())


def _leaves_axis(lane: Lane, scale: Scale) -> bool:
    """Whether a finite loss lies above the axis."""
    highest = 10.0**scale.high if scale.log else scale.high
    losses = np.concatenate([lane.numbers["loss"], lane.numbers["held_out_loss"]])
    return bool((losses[np.isfinite(losses)] > highest).any())
