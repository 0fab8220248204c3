"""Remaining gradients of several cells, or of several paths, against the steps back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray
from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.charts.recurrent.endings import (
    Ending,
    add_headroom,
    draw_endings,
    explain_endings,
    measure_lengths,
)
from gradflow.charts.recurrent.time_axis import make_back_axis
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode
from gradflow.core.text import _

NamedValues = tuple[str, FloatArray]
"""Name, and values from the loss back."""


def remaining_figure(
    named: Sequence[NamedValues],
    *,
    marked: int | None = None,
    broken: Sequence[tuple[str, int]] = (),
    mode: Mode = "light",
) -> go.Figure:
    """Draw the share of a gradient that is left k steps back, on a log axis.

    Args:
        named: name and ‖∂L/∂s_{T−k}‖ / ‖∂L/∂s_T‖ for k = 0, 1, … of each; a curve ends where
            nothing but zeros follows, and before a value that is not finite.
        marked: a distance that is marked.
        broken: names of those that break, and at what distance; marked where the curve ends.
        mode: for a light or a dark page.
    """
    curves = make_remaining_curves(named)
    steps = max((len(values) for _name, values in named), default=1) - 1
    lines = [_draw_whole_line(mode)]
    if marked is not None and marked <= steps:
        lines.append(_mark_distance(marked, mode))
    flat = Series("", np.zeros(1), np.ones(1))
    endings = find_endings(named, broken)
    scale = Scale.fit([*(curve.series for curve in curves), flat], log=True)
    scale = add_headroom(scale, endings)
    return laws_figure(
        curves,
        x=make_back_axis(steps),
        y_title=_("gradient that is left"),
        mode=mode,
        scale=scale,
        notes=explain_endings(endings),
        more=draw_endings(endings, scale, mode),
        shapes=lines,
    )


def make_remaining_curves(named: Sequence[NamedValues]) -> list[LawCurve]:
    """Make curves from k = 0 on, up to their ends."""
    curves = []
    for name, values in named:
        end = measure_lengths(values).drawn
        curves.append(LawCurve(name, np.arange(float(end)), values[:end]))
    return curves


def find_endings(named: Sequence[NamedValues], broken: Sequence[tuple[str, int]]) -> list[Ending]:
    """Mark each that breaks, at its distance, and each that is 0 from some step on."""
    furthest = max((len(values) for _name, values in named), default=1) - 1
    breaks = dict(broken)
    endings = []
    for index, (name, values) in enumerate(named):
        end = measure_lengths(values)
        if name in breaks:
            distance = breaks[name]
            last = float(values[end.drawn - 1]) if end.drawn else math.nan
            # Distance 0 is at the right.
            side: Literal["left", "right"] = "left" if 2 * distance < furthest else "right"
            endings.append(Ending(index, name, distance, last, False, side))
        elif end.drawn < end.finite:
            endings.append(Ending(index, name, end.drawn, math.nan, True))
    return endings


def _draw_whole_line(mode: Mode) -> dict[str, Any]:
    """Draw the line at which the whole gradient is left."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": 0,
        "y1": 0,
        "layer": "below",
        "line": {"color": PALETTES[mode].muted, "width": 1.5},
    }


def _mark_distance(distance: int, mode: Mode) -> dict[str, Any]:
    return {
        "type": "line",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": distance,
        "x1": distance,
        "layer": "below",
        "line": {"color": PALETTES[mode].muted, "width": 2, "dash": "dot"},
    }
