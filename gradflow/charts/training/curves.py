"""Numbers of whole steps: loss and accuracy, gradient norm and clipping, learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build, empty_figure, foot, legend
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode, number, share
from gradflow.charts.training.data import Lane, find_horizon, thin_line
from gradflow.core.text import _

HEIGHT = 340
_LEFT, _RIGHT = (0.0, 0.46), (0.57, 1.0)
_LOSS_HEADROOM = 3.0
"""How far above the largest loss of the start a log axis reaches, as a factor."""
_SHORT_AXIS = 3.0
"""Decades of a log axis that has more ticks than one in each."""
_MOST_MARKERS = 10
"""Of a line; they tell lines apart where colours do not."""


def learning_figure(lanes: Sequence[Lane], *, log: bool = True, mode: Mode = "light") -> go.Figure:
    """Left the loss over the steps, right the accuracy: training solid, held-out dashed.

    A loss that is not finite is a cross at the top.

    Args:
        lanes: the runs.
        log: whether the loss has a log axis.
        mode: for a light or a dark page.
    """
    if not any(len(lane.steps) for lane in lanes):
        return empty_figure(_("No step was recorded yet"), mode=mode)
    scale = fit_loss_scale(lanes, log)
    data: list[dict[str, Any]] = []
    for lane in lanes:
        data += _draw_pair(lane, ("loss", "held_out_loss"), scale, mode)
        data += _mark_nonfinite(lane, scale, mode)
        data += _draw_pair(lane, ("accuracy", "held_out_accuracy"), None, mode, axis="2")
    notes = _write_notes(lanes, "loss")
    if any(_leaves_axis(lane, scale) for lane in lanes):
        notes.append(_("losses above the axis leave the figure"))
    shares = {
        "title": {"text": _("accuracy")},
        "range": [-0.03, 1.03],
        "tickvals": [0, 0.25, 0.5, 0.75, 1],
        "ticktext": ["0 %", "25 %", "50 %", "75 %", "100 %"],
    }
    held_out = _("held-out") if any(map(_has_held_out, lanes)) else ""
    return _make_two_panels(
        lanes, data, _make_axis(scale, _("loss")), shares, mode, notes, dashed=held_out
    )


def steps_figure(lanes: Sequence[Lane], *, mode: Mode = "light") -> go.Figure:
    """Left the gradient norm ‖g‖ over all parameters, dashed after clipping; right the rate η.

    The norm on a log axis, with the threshold of clipping by norm dotted. The rate on a linear one,
    on which a warm-up is a straight line and a cosine looks like one.
    """
    if not any(len(lane.steps) for lane in lanes):
        return empty_figure(_("No step was recorded yet"), mode=mode)
    scale = _fit_scale(lanes, ("grad_norm", "clipped_grad_norm"), log=True)
    rates = _fit_scale(lanes, ("learning_rate",), log=False)
    data: list[dict[str, Any]] = []
    for lane in lanes:
        clipped = ("clipped_grad_norm",) * _is_clipped(lane)
        data += _draw_pair(lane, ("grad_norm", *clipped), scale, mode)
        data += _mark_nonfinite(lane, scale, mode, "grad_norm")
        data += _draw_pair(lane, ("learning_rate",), rates, mode, axis="2")
    palette = PALETTES[mode]
    thresholds = sorted({lane.threshold for lane in lanes if lane.threshold > 0})
    shapes = [
        {
            "type": "line",
            "xref": "x domain",
            "x0": 0,
            "x1": 1,
            "y0": y,
            "y1": y,
            "line": {"color": palette.muted, "width": 1.5, "dash": "dot"},
        }
        for y in map(float, np.log10(thresholds))
    ]
    notes = _write_notes(lanes, "grad_norm")
    notes += [_("┄ threshold of clipping {c}").format(c=number(c)) for c in thresholds]
    left, right = _make_axis(scale, _("gradient norm ‖g‖")), _make_axis(rates, _("learning rate η"))
    dashed = _("after clipping") if any(map(_is_clipped, lanes)) else ""
    return _make_two_panels(lanes, data, left, right, mode, notes, shapes, dashed=dashed)


def _has_held_out(lane: Lane) -> bool:
    """Whether the held-out data was looked at."""
    return bool((~np.isnan(lane.numbers["held_out_loss"])).any())


def _is_clipped(lane: Lane) -> bool:
    """Whether clipping changed any gradient so far."""
    before, after = lane.numbers["grad_norm"], lane.numbers["clipped_grad_norm"]
    return not np.array_equal(before, after, equal_nan=True)


def fit_loss_scale(lanes: Sequence[Lane], log: bool) -> Scale:
    """The axis of the losses.

    Of several runs it ends a little above the largest loss at the start, and of one a little above
    its training losses: a run that explodes, or a held-out loss that does, leaves the figure and
    does not flatten what else is in it.
    """
    several = len(lanes) > 1
    training = [lane.numbers["loss"][:1] if several else lane.numbers["loss"] for lane in lanes]
    found = np.concatenate(training)
    most = (_LOSS_HEADROOM if log else 1.0) * found[np.isfinite(found)].max(initial=0.0)
    every = np.concatenate(
        [lane.numbers[name] for name in ("loss", "held_out_loss") for lane in lanes]
    )
    within = every[every <= most] if most else every
    return Scale.fitting([Series("", within, within)], log)


def _fit_scale(lanes: Sequence[Lane], columns: Iterable[str], log: bool) -> Scale:
    found = [Series("", lane.steps, lane.numbers[name]) for name in columns for lane in lanes]
    return Scale.fitting(found, log)


def _leaves_axis(lane: Lane, scale: Scale) -> bool:
    highest = 10.0**scale.high if scale.log else scale.high
    losses = np.concatenate([lane.numbers["loss"], lane.numbers["held_out_loss"]])
    return bool((losses[np.isfinite(losses)] > highest).any())


def _make_axis(scale: Scale, title: str) -> dict[str, Any]:
    """The y axis; a short log axis has 1, 2 and 5 of every decade."""
    axis = scale.axis(title)
    if not scale.log or scale.high - scale.low > _SHORT_AXIS:
        return axis
    decades = range(math.floor(scale.low), math.ceil(scale.high) + 1)
    values = [float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5)]
    return axis | {
        "tickvals": [math.log10(value) for value in values],
        "ticktext": [number(value) for value in values],
        "tickprefix": "",
        "ticksuffix": "",
    }


def _draw_pair(
    lane: Lane, columns: Sequence[str], scale: Scale | None, mode: Mode, axis: str = ""
) -> list[dict[str, Any]]:
    """A solid line for the first column, a dashed one for the second."""
    style = lane.get_style(mode)
    traces = []
    for place, column in enumerate(columns):
        x, values = thin_line(*lane.select_measured(column))
        traces.append(
            {
                "type": "scatter",
                "name": lane.label,
                "legendgroup": lane.letter,
                "showlegend": False,
                "xaxis": f"x{axis}",
                "yaxis": f"y{axis}",
                "mode": "lines+markers",
                "x": x.astype(np.float32),
                "y": (values if scale is None else scale.drawn(values)).astype(np.float32),
                "line": {"color": style.colour, "width": 2.5, "dash": "dash" if place else "solid"},
                "marker": {
                    "symbol": style.symbol,
                    "size": 8,
                    "color": style.colour,
                    "maxdisplayed": _MOST_MARKERS,
                },
                "hovertext": _write_hover(lane, column, values),
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    return traces


def _write_hover(lane: Lane, column: str, values: FloatArray) -> list[str]:
    words = {
        "loss": _("loss"),
        "accuracy": _("accuracy"),
        "held_out_loss": _("held-out loss"),
        "held_out_accuracy": _("held-out accuracy"),
        "grad_norm": "‖g‖",
        "clipped_grad_norm": _("‖g‖ after clipping"),
        "learning_rate": "η",
    }
    show = share if column.endswith("accuracy") else number
    return [f"{lane.letter} {words[column]} {show(value)}" for value in values.tolist()]


def _mark_nonfinite(
    lane: Lane, scale: Scale, mode: Mode, column: str = "loss"
) -> list[dict[str, Any]]:
    """Crosses where a number is not finite."""
    values = lane.numbers[column]
    x = lane.steps[~np.isfinite(values)]
    if not len(x):
        return []
    return [
        {
            "type": "scatter",
            "name": "marks",
            "showlegend": False,
            "mode": "markers",
            "x": x,
            "y": np.full(len(x), scale.ceiling),
            "hovertext": [
                f"{lane.letter} {number(value)}" for value in values[~np.isfinite(values)].tolist()
            ],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {
                "symbol": "x",
                "size": 14,
                "color": PALETTES[mode].alarm,
                "line": {"width": 2, "color": lane.get_style(mode).colour},
            },
        }
    ]


def _write_notes(lanes: Sequence[Lane], column: str) -> list[str]:
    broken = any((~np.isfinite(lane.numbers[column])).any() for lane in lanes)
    return [_("✕ NaN or infinite")] * broken


def _make_two_panels(
    lanes: Sequence[Lane],
    data: list[dict[str, Any]],
    left: dict[str, Any],
    right: dict[str, Any],
    mode: Mode,
    notes: Sequence[str],
    shapes: Sequence[dict[str, Any]] = (),
    *,
    dashed: str,
) -> go.Figure:
    """Two plots over the steps, with a legend of the runs and, if there are any, of the dashes."""
    across = {
        "title": {"text": _("step")},
        "range": [0, find_horizon(lanes)],
        "tickformat": "d",
        "showgrid": False,
        "spikecolor": PALETTES[mode].muted,
        "spikethickness": 1,
        "unifiedhovertitle": {"text": f"<b>{_('step')} %{{x}}</b>"},
    }
    room, foots = foot(notes, mode, 58)
    layout = {
        "height": HEIGHT + room,
        "margin": {"l": 84, "r": 24, "t": 40, "b": 58 + room},
        "dragmode": False,
        "hovermode": "x unified",
        "legend": legend(),
        "showlegend": True,
        "xaxis": {**across, "domain": _LEFT},
        "xaxis2": {**across, "domain": _RIGHT, "anchor": "y2"},
        "yaxis": left,
        "yaxis2": {**right, "anchor": "x2"},
        "shapes": list(shapes),
        "annotations": foots,
    }
    return build([*data, *_make_legend_entries(lanes, dashed, mode)], layout, mode)


def _make_legend_entries(lanes: Sequence[Lane], dashed: str, mode: Mode) -> list[dict[str, Any]]:
    """Entries of the legend: each run with its marker, and what a dashed line means."""
    common = {"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip"}
    runs = [
        {
            **common,
            "name": lane.label,
            "legendgroup": lane.letter,
            "mode": "lines+markers",
            "line": {"color": lane.get_style(mode).colour, "width": 2.5},
            "marker": {"symbol": lane.get_style(mode).symbol, "size": 9},
        }
        for lane in lanes
    ]
    if not dashed:
        return runs
    dashes = {
        **common,
        "name": dashed,
        "legendgroup": "dashes",
        "mode": "lines",
        "line": {"color": PALETTES[mode].muted, "width": 2.5, "dash": "dash"},
    }
    return [*runs, dashes]
