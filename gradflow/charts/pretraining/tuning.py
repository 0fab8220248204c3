"""Fine-tuning from several starts: loss and accuracy over the steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, empty_figure, make_legend
from gradflow.charts.pretraining.repetitions import (
    compute_medians,
    draw_level,
    draw_repetitions,
    make_share_axis,
    make_spike,
)
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import Mode, list_styles
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.pretraining.finetune import TuningCourse

CLASSES = 10


def tuning_figure(
    courses: Sequence[tuple[str, int, TuningCourse]], *, mode: Mode = "light"
) -> go.Figure:
    """Draw the training loss on a log axis at the left, the held-out accuracy at the right.

    Thin lines are single seeds, wide ones their median.

    Args:
        courses: name, index of its style, numbers.
        mode: for a light or a dark page.
    """
    if not courses:
        return empty_figure(_("Choose a start to train from"), mode=mode)
    losses = np.concatenate([course.loss.ravel() for _name, _index, course in courses])
    chance = math.log(CLASSES)
    scale = Scale.fit([Series("", losses, np.append(losses, chance))], log=True)
    data: list[dict[str, Any]] = []
    for name, index, course in courses:
        style, x = list_styles(mode)[index], course.steps.astype(float)
        loss, accuracy = course.loss, course.held_out_accuracy
        loss_texts = [f"{name} {format_number(value)}" for value in compute_medians(loss).tolist()]
        texts = [f"{name} {format_share(value)}" for value in compute_medians(accuracy).tolist()]
        data += draw_repetitions(name, x, scale.to_axis(loss), loss_texts, style)
        data += draw_repetitions(name, x, accuracy, texts, style, axis="2", legend=False)
    shapes, notes = zip(
        draw_level(math.log10(chance), _("guessing: ln 10 = 2.3"), mode),
        draw_level(1 / CLASSES, _("guessing: 10%"), mode, "2"),
        strict=True,
    )
    steps = int(courses[0][2].steps[-1])
    across = {
        "title": {"text": _("step of fine-tuning")},
        "range": [0, steps],
        "showgrid": False,
        **make_spike(mode),
        "unifiedhovertitle": {"text": f"<b>{_('step')} %{{x}}</b>"},
    }
    layout = {
        "height": 430,
        "margin": {"l": 84, "r": 24, "t": 50, "b": 56},
        "dragmode": False,
        "hovermode": "x unified",
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": {**across, "domain": [0, 0.46]},
        "xaxis2": {**across, "domain": [0.57, 1], "anchor": "y2"},
        "yaxis": scale.make_axis(_("training loss")),
        "yaxis2": {**make_share_axis(_("held-out accuracy")), "anchor": "x2"},
        "shapes": list(shapes),
        "annotations": list(notes),
    }
    return build_figure(data, layout, mode)
