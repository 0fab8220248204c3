"""Norms of ∂L/∂h_t and ∂L/∂c_t over time, with the lines of theory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, empty_figure
from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.charts.recurrent.endings import (
    Ending,
    add_headroom,
    draw_endings,
    explain_endings,
    measure_lengths,
)
from gradflow.charts.recurrent.time_axis import make_step_axis
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode
from gradflow.core.numbers import format_number
from gradflow.core.text import _

STRETCH_SHARE, STRETCH_DECADES = 1.0, 3.0
"""Theory stretches the axis by at most this share of its decades, or by so many if that is more."""
_DASHES = ("8px,5px", "2px,4px", "12px,4px,2px,4px")


@dataclass(frozen=True, eq=False)
class TheoryLine:
    """A prediction of the norms, ``(T,)``, with its name."""

    name: str
    values: FloatArray


def time_norms_figure(
    measured: Sequence[tuple[str, FloatArray]],
    theory: Sequence[TheoryLine],
    *,
    mode: Mode = "light",
) -> go.Figure:
    """Draw ‖∂L/∂s_t‖ per step on a log axis; theory dashed.

    The axis is fitted to what was measured; a line of theory that goes far beyond leaves it.

    Args:
        measured: name and norms of each state, over batch × units.
        theory: the lines.
        mode: for a light or a dark page.
    """
    if not measured or not len(measured[0][1]):
        return empty_figure(_("Nothing was recorded: no gradient norms to show"), mode=mode)
    steps = np.arange(1.0, len(measured[0][1]) + 1)
    curves, endings = make_norm_curves(measured)
    if not any(len(curve.x) for curve in curves):
        return empty_figure(_("No gradient is a finite number above 0: nothing to draw"), mode=mode)
    scale = add_headroom(fit_norms_scale([curve.values for curve in curves], theory), endings)
    return laws_figure(
        curves,
        x=make_step_axis(len(steps)),
        y_title=_("gradient norm"),
        mode=mode,
        scale=scale,
        notes=explain_endings(endings),
        more=[*draw_theory(steps, theory, mode), *draw_endings(endings, scale, mode)],
    )


def make_norm_curves(
    measured: Sequence[tuple[str, FloatArray]],
) -> tuple[list[LawCurve], list[Ending]]:
    """Make curves from the loss back to their ends, and the marks there."""
    curves, endings = [], []
    for index, (name, values) in enumerate(measured):
        steps, end = len(values), measure_lengths(values[::-1])
        first = steps - end.drawn
        curves.append(LawCurve(name, np.arange(first + 1.0, steps + 1), values[first:]))
        if end.drawn < end.finite:
            endings.append(Ending(index, name, first, math.nan, True))
        if end.finite < steps:
            last = float(values[first]) if end.drawn else math.nan
            endings.append(Ending(index, name, steps - end.finite, last, False, "left"))
    return curves, endings


def fit_norms_scale(measured: Sequence[FloatArray], theory: Sequence[TheoryLine]) -> Scale:
    """Fit a log axis to all that was measured and, as far as it is near, to theory."""
    own = Scale.fit([Series("", np.zeros(0), values) for values in measured], log=True)
    low, high = bound_theory(own)
    heights = np.concatenate([np.zeros(0), *(own.to_axis(line.values) for line in theory)])
    heights = np.clip(heights[np.isfinite(heights)], low, high)
    return Scale(True, float(heights.min(initial=own.low)), float(heights.max(initial=own.high)))


def bound_theory(own: Scale) -> tuple[float, float]:
    """Find how low and high theory may stretch ``own``, the axis of what was measured."""
    room = max(STRETCH_DECADES, STRETCH_SHARE * (own.high - own.low))
    return own.low - room, own.high + room


def keep_nearby(measured: FloatArray, values: FloatArray) -> FloatArray:
    """Replace values of theory that lie far beyond the measurement by NaN."""
    own = Scale.fit([Series("", np.zeros(0), measured)], log=True)
    low, high = bound_theory(own)
    heights = own.to_axis(values)
    with np.errstate(invalid="ignore"):
        kept: FloatArray = np.where((heights >= low) & (heights <= high), values, np.nan)
    return kept


def draw_theory(
    steps: FloatArray, theory: Sequence[TheoryLine], mode: Mode
) -> list[dict[str, Any]]:
    """Draw each prediction in theory's colour, with dashes of its own."""
    axis = Scale(True, 0.0, 0.0)
    return [
        {
            "type": "scatter",
            "name": line.name,
            "mode": "lines",
            "x": steps,
            "y": axis.to_axis(line.values),
            "showlegend": True,
            "line": {
                "color": PALETTES[mode].theory,
                "width": 2.5,
                "dash": _DASHES[i % len(_DASHES)],
            },
            "hovertext": [f"{line.name}: {format_number(value)}" for value in line.values.tolist()],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        for i, line in enumerate(theory)
    ]
