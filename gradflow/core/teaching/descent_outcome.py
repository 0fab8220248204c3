"""How a trajectory ended, and a sentence with its numbers that says so.

All judgements are free of scale: lengths are compared with the surface's window or with each
other, never with a fixed number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from gradflow.core.catalog.optimizers import Clip
from gradflow.core.phrases import format_two_digits
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.optimizers import DESCENT_OPTIMIZERS
from gradflow.core.teaching.surfaces import FloatArray
from gradflow.core.teaching.trajectories import Trajectory
from gradflow.core.text import N_, Text, join_texts

_NEAR_SHARE = 0.01
"""A point this share of the window's diagonal from another counts as having reached it."""
_JUMP_SHARE = 0.5
"""A step longer than this share of the window's diagonal is a jump."""
_RECENT_STEPS = 10
"""The last steps, by which the speed at the end is judged."""
_CRAWL_FACTOR = 3
"""A trajectory crawls if at its speed it needs more than this many times the steps taken."""
_REST_SHARE = 1e-3
"""A trajectory is at rest if the gradient has shrunk to this share of the largest one."""


class DescentOutcome(StrEnum):
    """How a trajectory ended."""

    OVERFLOW = "overflow"
    CONVERGED = "converged"
    STUCK = "stuck"
    LEFT = "left"
    BOUNCING = "bouncing"
    CRAWLING = "crawling"
    UNDER_WAY = "under_way"


@dataclass(frozen=True)
class DescentVerdict:
    """How a trajectory ended, and the sentences that say so."""

    outcome: DescentOutcome
    text: Text


def judge_descent(descent: Descent, trajectory: Trajectory) -> DescentVerdict:
    """Judge how a trajectory of ``descent`` ended.

    Tried in this order: something overflowed; it is within 1 % of the window's diagonal of a
    minimum, or of a saddle or maximum; it is outside the window; its last steps lead to and fro;
    at the speed of its last steps it needs more than three times the steps it has already taken;
    none of these.
    """
    outcome = _find_outcome(descent, trajectory)
    text = _DESCRIPTIONS[outcome](descent, trajectory)
    if outcome in (DescentOutcome.CONVERGED, DescentOutcome.CRAWLING, DescentOutcome.UNDER_WAY):
        text = join_texts(text, _describe_jump(descent, trajectory))
    return DescentVerdict(outcome, text)


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


def format_point(values: FloatArray | tuple[float, ...]) -> str:
    """Write a point as text: −1.86 or (0.5, 2)."""
    texts = [_format_coordinate(float(value)) for value in values]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _format_coordinate(value: float) -> str:
    if not np.isfinite(value):
        return str(value).replace("inf", "∞").replace("-", "−")
    if abs(value) >= 1e3:
        return format_two_digits(value).replace("-", "−")
    return f"{round(value, 3) or 0.0:g}".replace("-", "−")


def _find_inside(descent: Descent, points: FloatArray) -> npt.NDArray[np.bool_]:
    """Find which points, shape ``(n, d)``, lie in the window."""
    low, high = np.array(descent.row.window).T
    inside: npt.NDArray[np.bool_] = ((points >= low) & (points <= high)).all(axis=1)
    return inside


def _find_outcome(descent: Descent, trajectory: Trajectory) -> DescentOutcome:
    if trajectory.broken_at is not None:
        return DescentOutcome.OVERFLOW
    row, end = descent.row, trajectory.points[-1]
    near, steps = _NEAR_SHARE * row.diagonal, len(trajectory.step_length)
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
            _estimate_steps_left(descent, trajectory) > _CRAWL_FACTOR * steps
        ),
    }
    return next((outcome for outcome, holds in tests.items() if holds()), DescentOutcome.UNDER_WAY)


def _has_fallen(trajectory: Trajectory) -> bool:
    """Whether the loss has fallen to a hundredth of its first value."""
    return bool(trajectory.loss[-1] <= 0.01 * trajectory.loss[0])


def _goes_to_and_fro(trajectory: Trajectory) -> bool:
    """Whether the last steps cancel: they mostly reverse, and progress is below 30 % of the way."""
    way = trajectory.step_length[-_RECENT_STEPS:].sum()
    progress = _measure_speed(trajectory) * len(trajectory.step_length[-_RECENT_STEPS:])
    moves = np.diff(trajectory.points[-_RECENT_STEPS - 1 :], axis=0)
    reversing = (moves[1:] * moves[:-1]).sum(axis=1) < 0
    return bool(way > 0 and progress < 0.3 * way and len(reversing) and reversing.mean() > 0.5)


def _measure_speed(trajectory: Trajectory) -> float:
    """Measure the distance covered per step over the last steps, as the crow flies."""
    recent = trajectory.points[-_RECENT_STEPS - 1 :]
    return math.dist(recent[-1].tolist(), recent[0].tolist()) / max(len(recent) - 1, 1)


def _estimate_steps_left(descent: Descent, trajectory: Trajectory) -> float:
    """Estimate the steps to the nearest minimum at the speed of the last steps."""
    distance = np.float64(descent.row.measure_distance(trajectory.points[-1]))
    with np.errstate(divide="ignore"):
        return float(distance / _measure_speed(trajectory))


def _describe_overflow(_descent: Descent, trajectory: Trajectory) -> Text:
    step = len(trajectory.loss) - 1
    if step == 0:
        return Text("The loss or its gradient is not finite at the start.")
    if not np.isfinite(trajectory.points[-1]).all():
        quantity = Text("the point itself")
    elif not np.isfinite(trajectory.loss[-1]):
        quantity = Text("the loss")
    else:
        quantity = Text("the gradient")
    norms = trajectory.gradient_norm
    pace = Text("")
    if step > 1 and norms[0] > 0:
        factor = np.exp((np.log(norms[step - 1]) - np.log(norms[0])) / (step - 1))
        pace = Text(", on average {factor} times per step", factor=format_two_digits(float(factor)))
    return Text(
        "Overflows at step {n}: {what} is beyond the range of float64. Every step overshot, and "
        "the gradient grew from {first} to {last}{pace}.",
        n=step,
        what=quantity,
        first=format_two_digits(norms[0]),
        last=format_two_digits(norms[step - 1]),
        pace=pace,
    )


def _describe_convergence(descent: Descent, trajectory: Trajectory) -> Text:
    near = _NEAR_SHARE * descent.row.diagonal
    far = [descent.row.measure_distance(x) > near for x in trajectory.points]
    arrived = len(far) - far[::-1].index(True) if any(far) else 0
    norms = trajectory.gradient_norm
    template = (
        N_("Converged to {place}: near it from step {n} on, at the end |g| = {g}.")
        if norms[-1] <= _REST_SHARE * norms.max()
        else N_("Reached {place}: near it from step {n} on, not yet at rest, |g| = {g}.")
    )
    return Text(
        template, place=_name_goal(descent, trajectory), n=arrived, g=format_two_digits(norms[-1])
    )


def _name_goal(descent: Descent, trajectory: Trajectory) -> Text:
    """Name the minimum that a converged trajectory has reached."""
    if descent.row.valley is not None:
        goal = Text("the valley floor")
    else:
        end = trajectory.points[-1].tolist()
        nearest = min(descent.row.minima, key=lambda minimum: math.dist(end, minimum))
        goal = Text("the minimum {point}", point=format_point(nearest))
    if _find_inside(descent, trajectory.points[-1:]).all():
        return goal
    return Text("{goal} outside the picture", goal=goal)


def _describe_standstill(_descent: Descent, trajectory: Trajectory) -> Text:
    lengths = trajectory.step_length
    return Text(
        "Sits at {point}, where the gradient is zero though it is no minimum: |g| = {g}, and "
        "the last step was {step} long.",
        point=format_point(trajectory.points[-1]),
        g=format_two_digits(trajectory.gradient_norm[-1]),
        step=format_two_digits(lengths[-1]) if len(lengths) else "0",
    )


def _describe_departure(descent: Descent, trajectory: Trajectory) -> Text:
    outside = find_first_outside(descent, trajectory)
    assert outside is not None  # the end is
    before = outside - 1
    norms = trajectory.gradient_norm
    usual = float(np.median(norms[:outside]))
    comparison = Text("")
    if norms[before] > 3 * usual > 0:
        factor = format_two_digits(norms[before] / usual)
        comparison = Text(", {factor} times the median so far", factor=factor)
    return Text(
        "Jumped out of the picture at step {n}: at step {before} |g| = {g}{comparison}, and the "
        "step was {length} long (the picture is {size} across). It ends at {point} with "
        "|g| = {last}.",
        n=outside,
        before=before,
        g=format_two_digits(norms[before]),
        comparison=comparison,
        length=format_two_digits(trajectory.step_length[before]),
        size=format_two_digits(descent.row.diagonal),
        point=format_point(trajectory.points[-1]),
        last=format_two_digits(norms[-1]),
    )


def _describe_bouncing(_descent: Descent, trajectory: Trajectory) -> Text:
    return Text(
        "Jumps back and forth, at last between {a} and {b}: |g| = {g} and steps {step} long. "
        "The loss went from {first} to {last}.",
        first=format_two_digits(trajectory.loss[0]),
        last=format_two_digits(trajectory.loss[-1]),
        a=format_point(trajectory.points[-2]),
        b=format_point(trajectory.points[-1]),
        g=format_two_digits(trajectory.gradient_norm[-2]),
        step=format_two_digits(trajectory.step_length[-1]),
    )


def _describe_crawling(descent: Descent, trajectory: Trajectory) -> Text:
    norms, left = trajectory.gradient_norm, _estimate_steps_left(descent, trajectory)
    end, g = format_point(trajectory.points[-1]), format_two_digits(norms[-1])
    if DESCENT_OPTIMIZERS[trajectory.optimizer].adaptive:
        cause = Text(
            "Crawls at {point}: |g| is {g}, but it is divided by the size of past gradients, so "
            "that steps are only {step} long",
            point=end,
            g=g,
            step=format_two_digits(_measure_speed(trajectory)),
        )
    elif norms[-1] < 0.1 * norms.max():
        cause = Text(
            "Crawls at {point} because |g| is {g} (at most it was {largest})",
            point=end,
            g=g,
            largest=format_two_digits(norms.max()),
        )
    else:
        cause = Text("Crawls at {point} because |g| is {g}", point=end, g=g)
    if not np.isfinite(left):
        return Text("{cause}; it no longer moves at all.", cause=cause)
    return Text(
        "{cause}; at this speed the minimum is {n} steps away.",
        cause=cause,
        n=format_two_digits(left),
    )


def _describe_progress(_descent: Descent, trajectory: Trajectory) -> Text:
    return Text(
        "Still on its way at {point}: loss {loss}, |g| = {g}.",
        point=format_point(trajectory.points[-1]),
        loss=format_two_digits(trajectory.loss[-1]),
        g=format_two_digits(trajectory.gradient_norm[-1]),
    )


_DESCRIPTIONS: dict[DescentOutcome, Callable[[Descent, Trajectory], Text]] = {
    DescentOutcome.OVERFLOW: _describe_overflow,
    DescentOutcome.CONVERGED: _describe_convergence,
    DescentOutcome.STUCK: _describe_standstill,
    DescentOutcome.LEFT: _describe_departure,
    DescentOutcome.BOUNCING: _describe_bouncing,
    DescentOutcome.CRAWLING: _describe_crawling,
    DescentOutcome.UNDER_WAY: _describe_progress,
}


def _describe_jump(descent: Descent, trajectory: Trajectory) -> Text:
    """Describe the longest step if it was a jump; empty otherwise."""
    lengths = trajectory.step_length
    if not len(lengths) or lengths.max() <= _JUMP_SHARE * descent.row.diagonal:
        return Text("")
    step = int(lengths.argmax())
    return Text(
        "On its way step {n} was {length} long, with |g| = {g}.",
        n=step + 1,
        length=format_two_digits(lengths[step]),
        g=format_two_digits(trajectory.gradient_norm[step]),
    )
