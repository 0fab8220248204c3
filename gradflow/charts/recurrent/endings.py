"""How curves on a log axis end: with a mark where they become exactly 0 or stop being finite.

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
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, styles
from gradflow.core.text import _

_HEADROOM = 0.14
"""Of the axis, above the curves: there is marked what breaks without a curve."""


class Lengths(NamedTuple):
    """How a curve ends.

    Attributes:
        drawn: values before the end: nothing but zeros follows, or one that is not finite.
        finite: values before the first that is not finite.
    """

    drawn: int
    finite: int


@dataclass(frozen=True)
class Ending:
    """A mark at the end of a curve.

    Attributes:
        curve: which, from 0.
        name: its name.
        x: the first place behind it.
        last: the last value before, NaN if there is none: a cross then has the name beside it, on
            this ``side``.
        zero: whether it is 0 from there on; else it is not finite.
    """

    curve: int
    name: str
    x: float
    last: float
    zero: bool
    side: Literal["left", "right"] = "right"


def measure_lengths(values: FloatArray) -> Lengths:
    """Where the curve through ``values`` ends."""
    finite = int(np.append(np.flatnonzero(~np.isfinite(values)), len(values))[0])
    drawn = int(np.flatnonzero(values[:finite]).max(initial=-1)) + 1
    return Lengths(drawn, finite)


def add_headroom(scale: Scale, endings: Sequence[Ending]) -> Scale:
    """A log axis with room above the curves, if something breaks without a curve."""
    bare = any(not end.zero and math.isnan(end.last) for end in endings)
    return Scale(scale.log, scale.low, scale.high + bare * _HEADROOM * (scale.high - scale.low))


def explain_endings(endings: Sequence[Ending]) -> list[str]:
    """What the marks mean, for the foot of a figure."""
    zeros = any(end.zero for end in endings)
    broken = any(not end.zero for end in endings)
    return [_("▽ exactly 0 from here on")] * zeros + [
        _("✕ not a finite number from here on")
    ] * broken


def draw_endings(endings: Sequence[Ending], scale: Scale, mode: Mode) -> list[dict[str, Any]]:
    """Triangles on the floor; crosses at the ends of curves, at the top where there is none."""
    traces = []
    zeros = [end for end in endings if end.zero]
    if zeros:
        colours = [styles(mode)[end.curve % len(styles(mode))].colour for end in zeros]
        traces.append(
            _start_trace("zeros", zeros)
            | {
                "y": [scale.floor] * len(zeros),
                "hovertext": [
                    _("{name} is exactly 0 from here on").format(name=end.name) for end in zeros
                ],
                "marker": {
                    "symbol": "triangle-down-open",
                    "size": 13,
                    "color": colours,
                    "line": {"width": 2, "color": colours},
                },
            }
        )
    broken = [end for end in endings if not end.zero]
    if broken:
        heights = scale.drawn(np.array([end.last for end in broken]))
        alarm = PALETTES[mode].alarm
        traces.append(
            _start_trace("breaks", broken)
            | {
                "y": np.where(np.isnan(heights), scale.ceiling, heights),
                "mode": "markers+text",
                "text": [f"  {end.name}  " if math.isnan(end.last) else "" for end in broken],
                "textposition": [f"middle {end.side}" for end in broken],
                "textfont": {"size": TEXT_SIZE, "color": alarm},
                "hovertext": [_("{name} breaks").format(name=end.name) for end in broken],
                "marker": {"symbol": "x", "size": 13, "color": alarm},
            }
        )
    return traces


def _start_trace(name: str, endings: Sequence[Ending]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": name,
        "mode": "markers",
        "showlegend": False,
        "x": [end.x for end in endings],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
