"""Loss and accuracy of training runs over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import empty_figure
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import Mode
from gradflow.charts.training.curves import (
    build_panels,
    draw_pair,
    explain_nonfinite,
    make_y_axis,
    mark_nonfinite,
)
from gradflow.charts.training.data import Lane
from gradflow.core.text import _

_LOSS_HEADROOM = 3.0
"""A log axis reaches up to this many times the largest loss of the start."""


Curve = Literal["log_loss", "loss", "accuracy"]
HEIGHT = 150


def learning_figure(
    lanes: Sequence[Lane],
    *,
    curve: Curve = "log_loss",
    mode: Mode = "light",
) -> go.Figure:
    """Draw the loss, or the accuracy, over the steps.

    Lines are solid for training and dashed for held-out data. A loss that is not finite is a cross
    at the top.

    Args:
        lanes: the runs.
        curve: the loss on a log axis or on a linear one, or the accuracy.
        mode: for a light or a dark page.
    """
    if not any(len(lane.steps) for lane in lanes):
        return empty_figure(_("No step was recorded yet"), mode=mode, height=HEIGHT)
    axes = PanelAxes(0)
    data: list[dict[str, Any]] = []
    notes: list[str] = []
    if curve == "accuracy":
        for lane in lanes:
            data += draw_pair(lane, ("accuracy", "held_out_accuracy"), None, axes, mode)
        y_axis = {
            "title": {"text": _("accuracy")},
            "range": [-0.03, 1.03],
            "tickvals": [0, 0.5, 1],
            "ticktext": ["0%", "50%", "100%"],
        }
    else:
        scale = fit_loss_scale(lanes, curve == "log_loss")
        for lane in lanes:
            data += draw_pair(lane, ("loss", "held_out_loss"), scale, axes, mode)
            data += mark_nonfinite(lane, "loss", scale, mode)
        notes += explain_nonfinite(lanes, "loss")
        if any(_leaves_axis(lane, scale) for lane in lanes):
            notes.append(_("losses above the axis leave the figure"))
        y_axis = make_y_axis(scale, _("loss"))
    return build_panels(
        lanes,
        data,
        (y_axis,),
        height=HEIGHT,
        notes=notes,
        dashed=_("held-out") if any(map(_has_held_out, lanes)) else "",
        foot=30,  # the map below has the same axis, and names it
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
