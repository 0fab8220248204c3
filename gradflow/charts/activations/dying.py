"""Dying ReLU: share of dead units and loss over the steps of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, make_legend
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode, list_styles
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.dying import DyingTraining


def dying_figure(
    trainings: Sequence[tuple[str, DyingTraining]], *, mode: Mode = "light"
) -> go.Figure:
    """Draw the share of dead units above, and below it the loss on a log axis, over the steps.

    A loss that overflows ends in a cross.

    Args:
        trainings: name and numbers of each training.
        mode: for a light or a dark page.
    """
    dead, losses = shape_trainings(trainings)
    loss_scale = Scale.fit(losses, log=True)
    dead_scale = Scale(False, -0.05, 1.05)
    data = [
        *_draw_lines(dead, dead_scale, mode, "y", format_share),
        *_draw_lines(losses, loss_scale, mode, "y2", format_number),
        *_mark_overflows(losses, loss_scale, mode),
    ]
    last_step = max(len(training.loss) for _name, training in trainings) - 1
    layout: dict[str, Any] = {
        "height": 500,
        "margin": {"l": 84, "r": 24, "t": 50, "b": 56},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": {
            "anchor": "y2",
            "title": {"text": _("step of SGD")},
            "showgrid": False,
            "range": [0, max(last_step, 1)],
            "unifiedhovertitle": {"text": f"<b>{_('step')} %{{x}}</b>"},
        },
        "yaxis": {
            **dead_scale.make_axis(_("dead units")),
            "domain": [0.56, 1.0],
            "tickvals": [0, 0.5, 1],
            "ticktext": ["0", "50%", "100%"],
        },
        "yaxis2": {**loss_scale.make_axis(_("loss")), "domain": [0.0, 0.46]},
    }
    return build_figure(data, layout, mode)


def shape_trainings(
    trainings: Sequence[tuple[str, DyingTraining]],
) -> tuple[list[Series], list[Series]]:
    """Share of dead units and loss over the steps, up to the first loss that overflows."""
    dead, losses = [], []
    for name, training in trainings:
        overflows = training.overflowed >= 0
        end = training.overflowed + 1 if overflows else len(training.loss)
        steps = np.arange(end, dtype=float)
        dead.append(Series(name, steps, training.dead[:end].mean(1)))
        losses.append(Series(name, steps, training.loss[:end]))
    return dead, losses


def _draw_lines(
    series: Sequence[Series],
    scale: Scale,
    mode: Mode,
    axis: str,
    write_value: Callable[[float], str],
) -> list[dict[str, Any]]:
    traces = []
    for i, (line, style) in enumerate(zip(series, list_styles(mode), strict=False)):
        # Several lines often lie on each other: what lies below is wider.
        width = 2.5 + 0.9 * (len(series) - 1 - i)
        trace = {
            "type": "scatter",
            "mode": "lines",
            "name": line.name,
            "legendgroup": line.name,
            "showlegend": axis == "y",
            "x": line.layers,
            "y": scale.to_axis(line.values),
            "yaxis": axis,
            "line": {"color": style.colour, "dash": style.dash, "width": width},
            "hovertext": [f"{line.name} {write_value(v)}" for v in line.values.tolist()],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        traces.append(trace)
    return traces


def _mark_overflows(losses: Sequence[Series], scale: Scale, mode: Mode) -> list[dict[str, Any]]:
    """Draw a cross where a loss is no longer a finite number."""
    ends = [
        (float(line.layers[-1]), line.name) for line in losses if not np.isfinite(line.values[-1])
    ]
    if not ends:
        return []
    text = _("{name}: infinite from step {step} on, training stopped")
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": _("overflow"),
            "yaxis": "y2",
            "x": [step for step, _name in ends],
            "y": [scale.ceiling] * len(ends),
            "hovertext": [text.format(name=name, step=int(step)) for step, name in ends],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {"symbol": "x", "size": 13, "color": PALETTES[mode].alarm},
        }
    ]
