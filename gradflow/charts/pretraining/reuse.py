"""Reusing layers: accuracy on the new task against the number of labelled images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, make_legend
from gradflow.charts.pretraining.repetitions import (
    compute_medians,
    draw_level,
    draw_repetitions,
    make_share_axis,
    make_spike,
)
from gradflow.charts.theme import Mode, list_styles
from gradflow.core.numbers import format_share
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.pretraining.transfer import Reuse


def reuse_figure(
    names: Sequence[str], reuse: Reuse, classes: int, *, mode: Mode = "light"
) -> go.Figure:
    """Draw one line per way to use the layers; x is logarithmic. Thin lines are single seeds.

    Args:
        names: of the ways, in the order of ``reuse.accuracy``.
        reuse: the accuracies.
        classes: of the new task; 1/classes is guessing.
        mode: for a light or a dark page.
    """
    x = np.array(reuse.per_class, dtype=float)
    data: list[dict[str, Any]] = []
    for name, accuracy, style in zip(names, reuse.accuracy, list_styles(mode), strict=False):
        texts = [f"{name} {format_share(value)}" for value in compute_medians(accuracy).tolist()]
        data += draw_repetitions(name, x, accuracy, texts, style, markers=True)
    lowest = float(np.nanmin(reuse.accuracy, initial=1 / classes))
    shape, note = draw_level(
        1 / classes, _("guessing: {share}").format(share=format_share(1 / classes)), mode
    )
    layout = {
        "height": 430,
        "margin": {"l": 84, "r": 24, "t": 50, "b": 56},
        "dragmode": False,
        "hovermode": "x unified",
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": {
            "type": "log",
            "title": {"text": _("labelled images of each class")},
            "tickvals": list(x),
            "ticktext": [str(count) for count in reuse.per_class],
            "range": [np.log10(x[0]) - 0.06, np.log10(x[-1]) + 0.06],
            "showgrid": False,
            **make_spike(mode),
            "unifiedhovertitle": {"text": f"<b>{_('images per class')}: %{{x}}</b>"},
        },
        "yaxis": make_share_axis(_("held-out accuracy"), math.floor(10 * lowest) / 10),
        "shapes": [shape],
        "annotations": [note],
    }
    return build_figure(data, layout, mode)
