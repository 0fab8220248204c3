"""How a trajectory ended: converged, stuck, crawling and so on.

All judgements are free of scale: lengths are compared with the surface's window or with each
other, never with a fixed number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from gradflow.core.catalog.optimizers import Clip
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.surfaces import FloatArray
from gradflow.core.teaching.trajectories import Trajectory

NEAR_SHARE = 0.01
"""A point this share of the window's diagonal from another counts as having reached it."""
_RECENT_STEPS = 10
"""The last steps, by which the speed at the end is judged."""
_CRAWL_FACTOR = 3
"""A trajectory crawls if at its speed it needs more than this many times the steps taken."""


class DescentOutcome(StrEnum):
    """How a trajectory ended."""

    OVERFLOW = "overflow"
    CONVERGED = "converged"
    STUCK = "stuck"
    LEFT = "left"
    BOUNCING = "bouncing"
    CRAWLING = "crawling"
    UNDER_WAY = "under_way"


def find_outcome(descent: Descent, trajectory: Trajectory) -> DescentOutcome:
    """Find how a trajectory of ``descent`` ended.

    Tried in this order: something overflowed; it is within 1% of the window's diagonal of a
    minimum, or of a saddle or maximum; it is outside the window; its last steps lead to and fro;
    at the speed of its last steps it needs more than three times the steps it has already taken;
    none of these.
    """
    if trajectory.broken_at is not None:
        return DescentOutcome.OVERFLOW
    row, end = descent.row, trajectory.points[-1]
    near, steps = NEAR_SHARE * row.diagonal, len(trajectory.step_length)
    tests: dict[DescentOutcome, Callable[[], bool]] = {
        # On a line of minima, nearness says nothing of the loss: the valley may have ended.
        DescentOutcome.CONVERGED: lambda: (
            row.measure_distance(end) <= near and (row.valley is None or _has_fallen(trajectory))
        ),
        DescentOutcome.STUCK: lambda: any(
            math.dist(end.tolist(), other) <= near for other in row.others
        ),
        DescentOutcome.LEFT: lambda: not is_in_sight(descent, trajectory),
        DescentOutcome.BOUNCING: lambda: _goes_to_and_fro(trajectory),
        DescentOutcome.CRAWLING: lambda: (
            estimate_steps_left(descent, trajectory) > _CRAWL_FACTOR * steps
        ),
    }
    return next((outcome for outcome, holds in tests.items() if holds()), DescentOutcome.UNDER_WAY)


def find_first_outside(descent: Descent, trajectory: Trajectory) -> int | None:
    """Find the first step that lies outside the window, if any."""
    inside = _find_inside(descent, trajectory.points)
    return None if inside.all() else int(np.argmin(inside))


def is_in_sight(descent: Descent, trajectory: Trajectory) -> bool:
    """Whether the trajectory ends at a finite point inside the window."""
    finite = trajectory.broken_at is None
    return finite and bool(_find_inside(descent, trajectory.points[-1:]).all())


def count_clipped_steps(descent: Descent, trajectory: Trajectory) -> int:
    """Count the steps taken with a gradient that was clipped."""
    if descent.clip is Clip.NONE:
        return 0
    taken = len(trajectory.step_length)
    return int((trajectory.gradients != trajectory.clipped)[:taken].any(axis=1).sum())


def estimate_steps_left(descent: Descent, trajectory: Trajectory) -> float:
    """Estimate the steps to the nearest minimum at the speed of the last steps."""
    distance = np.float64(descent.row.measure_distance(trajectory.points[-1]))
    with np.errstate(divide="ignore"):
        return float(distance / measure_speed(trajectory))


def measure_speed(trajectory: Trajectory) -> float:
    """Measure the distance covered per step over the last steps, as the crow flies."""
    recent = trajectory.points[-_RECENT_STEPS - 1 :]
    return math.dist(recent[-1].tolist(), recent[0].tolist()) / max(len(recent) - 1, 1)


def _find_inside(descent: Descent, points: FloatArray) -> npt.NDArray[np.bool_]:
    """Find which points, shape ``(n, d)``, lie in the window."""
    low, high = np.array(descent.row.window).T
    inside: npt.NDArray[np.bool_] = ((points >= low) & (points <= high)).all(axis=1)
    return inside


def _has_fallen(trajectory: Trajectory) -> bool:
    """Whether the loss has fallen to a hundredth of its first value."""
    return bool(trajectory.loss[-1] <= 0.01 * trajectory.loss[0])


def _goes_to_and_fro(trajectory: Trajectory) -> bool:
    """Whether the last steps cancel: they mostly reverse, and progress is below 30% of the way."""
    way = trajectory.step_length[-_RECENT_STEPS:].sum()
    progress = measure_speed(trajectory) * len(trajectory.step_length[-_RECENT_STEPS:])
    moves = np.diff(trajectory.points[-_RECENT_STEPS - 1 :], axis=0)
    reversing = (moves[1:] * moves[:-1]).sum(axis=1) < 0
    return bool(way > 0 and progress < 0.3 * way and len(reversing) and reversing.mean() > 0.5)
