"""Fine-tuning from several starts: loss and accuracy over the steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build, empty_figure, legend
from gradflow.charts.pretraining.lines import level, medians, repeated, share_axis, spike
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import Mode, number, share, styles
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.pretraining.finetune import TuningCourse

CLASSES = 10


def tuning_figure(
    courses: Sequence[tuple[str, int, TuningCourse]], *, mode: Mode = "light"
) -> go.Figure:
    """Left the training loss on a log axis, right the accuracy on held-out images.

    Thin lines are single seeds, wide ones their median.

    Args:
        courses: name, place of its style, numbers.
        mode: for a light or a dark page.
    """
    if not courses:
        return empty_figure(_("Choose a start to train from"), mode=mode)
    every = np.concatenate([one.loss.ravel() for _name, _place, one in courses])
    chance = math.log(CLASSES)
    scale = Scale.fitting([Series("", every, np.append(every, chance))], log=True)
    data: list[dict[str, Any]] = []
    for name, place, one in courses:
        style, x = styles(mode)[place], one.steps.astype(float)
        loss, right = medians(one.loss), medians(one.held_out_accuracy)
        losses = [f"{name} {number(value)}" for value in loss.tolist()]
        shares = [f"{name} {share(value)}" for value in right.tolist()]
        data += repeated(name, x, scale.drawn(one.loss), losses, style)
        data += repeated(name, x, one.held_out_accuracy, shares, style, axis="2", legend=False)
    shapes, notes = zip(
        level(math.log10(chance), _("guessing: ln 10 = 2.3"), mode),
        level(1 / CLASSES, _("guessing: 10 %"), mode, "2"),
        strict=True,
    )
    steps = int(courses[0][2].steps[-1])
    across = {
        "title": {"text": _("step of fine-tuning")},
        "range": [0, steps],
        "showgrid": False,
        **spike(mode),
        "unifiedhovertitle": {"text": f"<b>{_('step')} %{{x}}</b>"},
    }
    layout = {
        "height": 430,
        "margin": {"l": 84, "r": 24, "t": 50, "b": 56},
        "dragmode": False,
        "hovermode": "x unified",
        "legend": legend(),
        "showlegend": True,
        "xaxis": {**across, "domain": [0, 0.46]},
        "xaxis2": {**across, "domain": [0.57, 1], "anchor": "y2"},
        "yaxis": scale.axis(_("training loss")),
        "yaxis2": {**share_axis(_("held-out accuracy")), "anchor": "x2"},
        "shapes": list(shapes),
        "annotations": list(notes),
    }
    return build(data, layout, mode)
