"""Gradients of several cells, or of several kinds of paths, against the steps back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray
from gradflow.charts.laws import Curve, laws_figure
from gradflow.charts.recurrent.endings import (
    Ending,
    add_headroom,
    draw_endings,
    explain_endings,
    measure_lengths,
)
from gradflow.charts.recurrent.time_axis import make_back_axis
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, number, styles
from gradflow.core.text import _

Named = tuple[str, FloatArray]
FACTOR_LIMIT = 10.0
"""Factors beyond are marked at the edge of the axis."""
_MOST_LABELS = 8
"""Of more marks of one curve only the largest value is written out."""


def remaining_figure(
    named: Sequence[Named],
    *,
    marked: int | None = None,
    broken: Sequence[tuple[str, int]] = (),
    mode: Mode = "light",
) -> go.Figure:
    """What is left of a gradient k steps back, relative to the last step, on a log axis.

    Args:
        named: name and ‖∂L/∂s_{T−k}‖ / ‖∂L/∂s_T‖ for k = 0, 1, … of each; a curve ends where
            nothing but zeros follows, and before a value that is not finite.
        marked: a distance that is marked.
        broken: which of them break, and at what distance; marked where the curve ends.
        mode: for a light or a dark page.
    """
    curves = make_remaining_curves(named)
    steps = max((len(values) for _name, values in named), default=1) - 1
    palette = PALETTES[mode]
    lines = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": 0,
            "y1": 0,
            "layer": "below",
            "line": {"color": palette.muted, "width": 1.5},
        },
    ]
    if marked is not None and marked <= steps:
        lines.append(
            {
                "type": "line",
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "x0": marked,
                "x1": marked,
                "layer": "below",
                "line": {"color": palette.muted, "width": 2, "dash": "dot"},
            }
        )
    flat = Series("", np.zeros(1), np.ones(1))
    scale = Scale.fitting([*(curve.series for curve in curves), flat], log=True)
    ends = find_endings(named, broken)
    scale = add_headroom(scale, ends)
    return laws_figure(
        curves,
        x=make_back_axis(steps),
        y_title=_("gradient that is left"),
        mode=mode,
        scale=scale,
        notes=explain_endings(ends),
        more=draw_endings(ends, scale, mode),
        shapes=lines,
    )


def make_remaining_curves(named: Sequence[Named]) -> list[Curve]:
    """From k = 0 on, up to their ends."""
    curves = []
    for name, values in named:
        end = measure_lengths(values).drawn
        curves.append(Curve(name, np.arange(float(end)), values[:end]))
    return curves


def find_endings(named: Sequence[Named], broken: Sequence[tuple[str, int]]) -> list[Ending]:
    """A mark for each that breaks, at its distance, and for each that is 0 from some step on."""
    furthest = max((len(values) for _name, values in named), default=1) - 1
    breaks = dict(broken)
    found = []
    for index, (name, values) in enumerate(named):
        end = measure_lengths(values)
        if name in breaks:
            distance = breaks[name]
            last = float(values[end.drawn - 1]) if end.drawn else math.nan
            near = 2 * distance < furthest  # distance 0 is at the right
            found.append(Ending(index, name, distance, last, False, "left" if near else "right"))
        elif end.drawn < end.finite:
            found.append(Ending(index, name, end.drawn, math.nan, True))
    return found


def factors_figure(
    named: Sequence[tuple[str, FloatArray, FloatArray]], *, mode: Mode = "light"
) -> go.Figure:
    """Factor of every step back on a linear axis; the direct path's dashed in the same colour.

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


def make_factor_curves(named: Sequence[tuple[str, FloatArray, FloatArray]]) -> list[Curve]:
    """The factor from distance k to k + 1 stands at k + 1; where nothing is left there is none."""
    curves = []
    for name, total, direct in named:
        known = ~np.isnan(total)
        at = np.arange(1.0, len(total) + 1)
        curves.append(Curve(name, at[known], total[known], direct, at))
    return curves


def _mark_beyond(curves: Sequence[Curve], scale: Scale, mode: Mode) -> list[dict[str, Any]]:
    traces = []
    for curve, style in zip(curves, styles(mode), strict=False):
        off = curve.values > scale.high
        values = curve.values[off].tolist()
        if not values:
            continue
        written = values if len(values) <= _MOST_LABELS else [max(values)]
        traces.append(
            {
                "type": "scatter",
                "name": "beyond",
                "mode": "markers+text",
                "showlegend": False,
                "x": curve.x[off],
                "y": [scale.ceiling] * len(values),
                "text": [number(value) if value in written else "" for value in values],
                "textposition": "bottom center",
                "textfont": {"size": TEXT_SIZE - 1, "color": style.colour},
                "hoverinfo": "skip",  # the curve's own point says it
                "marker": {"symbol": "triangle-up", "size": 12, "color": style.colour},
            }
        )
    return traces
