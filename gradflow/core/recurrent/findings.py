"""The course of a gradient on its way back through time, in a few numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gradflow.core.histogram import FloatArray
from gradflow.core.recurrent.report import State, TimeReport


class TimeFate(StrEnum):
    """The fate of a gradient over the whole sequence."""

    VANISHES = "vanishes"
    KEPT = "kept"
    EXPLODES = "explodes"
    BROKEN = "broken"


LOST_SHARE = 1e-3
"""A gradient of which less is left at the first step vanishes; above the inverse it explodes."""


@dataclass(frozen=True)
class GradientCourse:
    """A gradient's way from the last step to the first.

    Attributes:
        fate: its fate.
        factor: the factor of one step back, as the geometric mean over the steps whose gradient
            is neither 0 nor infinite; NaN if there are fewer than two.
        remaining: ‖∂L/∂s_1‖ / ‖∂L/∂s_T‖.
        tenfold: steps in which the gradient changes by a factor of ten; infinite at factor 1.
        first: the first step whose gradient is not exactly 0.
        overflowed: the last step whose gradient is not a finite number; 0 if all are finite.
    """

    fate: TimeFate
    factor: float
    remaining: float
    tenfold: float
    first: int
    overflowed: int


def follow_gradient(report: TimeReport, state: State = "hidden", layer: int = 1) -> GradientCourse:
    """Follow ‖∂L/∂s_t‖ from the last step of a report to the first.

    Raises:
        GradflowError: there is no such layer.
    """
    return follow_norms(report.column(f"{state}_grad_norm", layer))


def follow_norms(norms: FloatArray) -> GradientCourse:
    """Follow the norms of the gradient, given for steps 1 to T, from the last to the first."""
    known = np.flatnonzero(np.isfinite(norms) & (norms > 0))
    factor = math.nan
    if len(known) > 1:
        logs = np.log(norms[known])
        factor = math.exp((logs[0] - logs[-1]) / (known[-1] - known[0]))
    with np.errstate(divide="ignore", invalid="ignore"):
        remaining = float(norms[0] / norms[-1])
    tenfold = math.inf if factor == 1 else math.log(10) / abs(math.log(factor))
    first = int(np.argmax(norms != 0)) + 1
    overflowed = int(np.flatnonzero(~np.isfinite(norms)).max(initial=-1)) + 1
    return GradientCourse(
        _judge_fate(norms, remaining), factor, remaining, tenfold, first, overflowed
    )


@dataclass(frozen=True)
class Break:
    """The step where a state or its gradient stops being a finite number.

    Attributes:
        step: the first step whose state is not finite; on the way back, the last step whose
            gradient is not finite.
        forward: whether it is the state that breaks.
    """

    step: int
    forward: bool


def find_break(report: TimeReport, state: State = "hidden", layer: int = 1) -> Break | None:
    """Find the step where a pass breaks; ``None`` if it does not.

    Raises:
        GradflowError: there is no such layer.
    """
    overflow = np.flatnonzero(report.column(f"{state}_nonfinite", layer) > 0)
    if len(overflow):
        return Break(int(overflow[0]) + 1, forward=True)
    back = follow_gradient(report, state, layer).overflowed
    return Break(back, forward=False) if back else None


def _judge_fate(norms: FloatArray, remaining: float) -> TimeFate:
    if not np.isfinite(norms).all() or math.isnan(remaining):
        return TimeFate.BROKEN
    if remaining < LOST_SHARE:
        return TimeFate.VANISHES
    return TimeFate.EXPLODES if remaining > 1 / LOST_SHARE else TimeFate.KEPT
