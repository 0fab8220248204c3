"""Endings of curves on a log axis: marks where they become exactly 0 or stop being finite.

A long sequence has hundreds of such values; one mark each would hide everything else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.charts.series import Scale
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, list_styles
from gradflow.core.text import _

_HEADROOM = 0.14
"""Share of the axis above the curves: there stand the marks of those that break at once."""


class Lengths(NamedTuple):
    """How far a curve reaches.

    Attributes:
        drawn: number of values before nothing but zeros follows, or one that is not finite.
        finite: number of values before the first that is not finite.
    """

    drawn: int
    finite: int


@dataclass(frozen=True)
class Ending:
    """A mark at the end of a curve.

    Attributes:
        curve: number of the curve, from 0.
        name: of the curve.
        x: position of the first value behind the end.
        last: the last value before the end, NaN if there is none.
        is_zero: whether all values behind the end are 0; else the first one is not finite.
        side: of the cross, on which the name stands if there is no last value.
    """

    curve: int
    name: str
    x: float
    last: float
    is_zero: bool
    side: Literal["left", "right"] = "right"

    @property
    def is_bare(self) -> bool:
        """Whether the values break at the very first, so that there is no curve."""
        return not self.is_zero and math.isnan(self.last)


def measure_lengths(values: FloatArray) -> Lengths:
    """Measure how far the curve through ``values`` reaches."""
    finite = int(np.append(np.flatnonzero(~np.isfinite(values)), len(values))[0])
    drawn = int(np.flatnonzero(values[:finite]).max(initial=-1)) + 1
    return Lengths(drawn, finite)


def add_headroom(scale: Scale, endings: Sequence[Ending]) -> Scale:
    """Make room above the curves of a log axis if any values break without a curve."""
    is_needed = any(end.is_bare for end in endings)
    headroom = is_needed * _HEADROOM * (scale.high - scale.low)
    return Scale(scale.log, scale.low, scale.high + headroom)


def explain_endings(endings: Sequence[Ending]) -> list[str]:
    """Explain the marks that occur, for the foot of a figure."""
    notes = []
    if any(end.is_zero for end in endings):
        notes.append(_("▽ exactly 0 from here on"))
    if any(not end.is_zero for end in endings):
        notes.append(_("✕ not a finite number from here on"))
    return notes


def draw_endings(endings: Sequence[Ending], scale: Scale, mode: Mode) -> list[dict[str, Any]]:
    """Draw triangles on the floor, and crosses at the ends of curves or at the top."""
    zeros = [end for end in endings if end.is_zero]
    breaks = [end for end in endings if not end.is_zero]
    traces = []
    if zeros:
        traces.append(_start_trace("zeros", zeros) | _make_triangles(zeros, scale, mode))
    if breaks:
        traces.append(_start_trace("breaks", breaks) | _make_crosses(breaks, scale, mode))
    return traces


def _make_triangles(zeros: Sequence[Ending], scale: Scale, mode: Mode) -> dict[str, Any]:
    colours = [list_styles(mode)[end.curve % len(list_styles(mode))].colour for end in zeros]
    text = _("{name} is exactly 0 from here on")
    return {
        "y": [scale.floor] * len(zeros),
        "hovertext": [text.format(name=end.name) for end in zeros],
        "marker": {
            "symbol": "triangle-down-open",
            "size": 13,
            "color": colours,
            "line": {"width": 2, "color": colours},
        },
    }


def _make_crosses(breaks: Sequence[Ending], scale: Scale, mode: Mode) -> dict[str, Any]:
    heights = scale.to_axis(np.array([end.last for end in breaks]))
    alarm = PALETTES[mode].alarm
    return {
        "y": np.where(np.isnan(heights), scale.ceiling, heights),
        "mode": "markers+text",
        "text": [f"  {end.name}  " if end.is_bare else "" for end in breaks],
        "textposition": [f"middle {end.side}" for end in breaks],
        "textfont": {"size": TEXT_SIZE, "color": alarm},
        "hovertext": [_("{name} breaks").format(name=end.name) for end in breaks],
        "marker": {"symbol": "x", "size": 13, "color": alarm},
    }


def _start_trace(name: str, endings: Sequence[Ending]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": name,
        "mode": "markers",
        "showlegend": False,
        "x": [end.x for end in endings],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
