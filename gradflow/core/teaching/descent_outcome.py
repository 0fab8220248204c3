"""What became of a trajectory, in one sentence with its numbers.

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
from gradflow.core.teaching.descent import Descent, Trajectory
from gradflow.core.teaching.optimizers import DESCENT_OPTIMIZERS
from gradflow.core.teaching.surfaces import FloatArray
from gradflow.core.text import _
from gradflow.core.verdict import digits

CLOSE = 0.01
"""As a share of the window's diagonal: so near counts as there."""
LONG = 0.5
"""A step is a jump if it is longer than this share of the window's diagonal."""
RECENT = 10
"""The last steps, by which the speed at the end is judged."""
CRAWL = 3
"""It crawls if at its speed it needs more than this many times the steps already taken."""
SETTLED = 1e-3
"""It is at rest if the gradient has shrunk to this share of the largest one."""


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
    """How a trajectory ended, and the sentence that says so."""

    outcome: DescentOutcome
    text: str


def judge_descent(descent: Descent, trajectory: Trajectory) -> DescentVerdict:
    """Judge how a trajectory of ``descent`` ended.

    Tried in this order: something overflowed; it is within 1 % of the window's diagonal of a
    minimum, or of a saddle or maximum; it is outside the window; its last steps lead to and fro;
    at the speed of its last steps it needs more than three times the steps it has already taken;
    none of these.
    """
    outcome = _outcome(descent, trajectory)
    text = _SAID[outcome](descent, trajectory)
    if outcome in (DescentOutcome.CONVERGED, DescentOutcome.CRAWLING, DescentOutcome.UNDER_WAY):
        text += _jump_on_the_way(descent, trajectory)
    return DescentVerdict(outcome, text)


def find_first_outside(descent: Descent, trajectory: Trajectory) -> int | None:
    """The first step that lies outside the window, if any."""
    inside = _inside(descent, trajectory.points)
    return None if inside.all() else int(np.argmin(inside))


def is_in_sight(descent: Descent, trajectory: Trajectory) -> bool:
    """Whether the trajectory ends at a finite point inside the window."""
    return trajectory.broken_at is None and bool(_inside(descent, trajectory.points[-1:]).all())


def _inside(descent: Descent, points: FloatArray) -> npt.NDArray[np.bool_]:
    low, high = np.array(descent.row.window).T
    inside: npt.NDArray[np.bool_] = ((points >= low) & (points <= high)).all(axis=1)
    return inside


def _outcome(descent: Descent, trajectory: Trajectory) -> DescentOutcome:
    if trajectory.broken_at is not None:
        return DescentOutcome.OVERFLOW
    row, end = descent.row, trajectory.points[-1]
    near = CLOSE * row.diagonal
    tests: tuple[tuple[DescentOutcome, Callable[[], bool]], ...] = (
        # On a line of minima, nearness says nothing of the loss: the valley may have ended.
        (
            DescentOutcome.CONVERGED,
            lambda: (
                row.measure_distance(end) <= near and (row.valley is None or _fallen(trajectory))
            ),
        ),
        (
            DescentOutcome.STUCK,
            lambda: any(math.dist(end.tolist(), other) <= near for other in row.others),
        ),
        (DescentOutcome.LEFT, lambda: not is_in_sight(descent, trajectory)),
        (DescentOutcome.BOUNCING, lambda: _to_and_fro(trajectory)),
        (
            DescentOutcome.CRAWLING,
            lambda: _steps_left(descent, trajectory) > CRAWL * len(trajectory.step_length),
        ),
    )
    return next((outcome for outcome, holds in tests if holds()), DescentOutcome.UNDER_WAY)


def _fallen(trajectory: Trajectory) -> bool:
    """Whether the loss has fallen to a hundredth of what it was at first."""
    return bool(trajectory.loss[-1] <= 0.01 * trajectory.loss[0])


def _to_and_fro(trajectory: Trajectory) -> bool:
    """Whether the last steps cover ten times the way they make good."""
    way = trajectory.step_length[-RECENT:].sum()
    made_good = _speed(trajectory) * len(trajectory.step_length[-RECENT:])
    turns = np.diff(trajectory.points[-RECENT - 1 :], axis=0)
    reversing = (turns[1:] * turns[:-1]).sum(axis=1) < 0
    return bool(way > 0 and made_good < 0.3 * way and len(reversing) and reversing.mean() > 0.5)


def _speed(trajectory: Trajectory) -> float:
    """What is made good per step, at the end."""
    recent = trajectory.points[-RECENT - 1 :]
    return math.dist(recent[-1].tolist(), recent[0].tolist()) / max(len(recent) - 1, 1)


def _steps_left(descent: Descent, trajectory: Trajectory) -> float:
    with np.errstate(divide="ignore"):
        return float(
            np.float64(descent.row.measure_distance(trajectory.points[-1])) / _speed(trajectory)
        )


def format_point(values: FloatArray | tuple[float, ...]) -> str:
    """A point as text: −1.86 or (0.5, 2)."""
    texts = [_round(float(value)) for value in values]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _round(value: float) -> str:
    if not np.isfinite(value):
        return str(value).replace("inf", "∞").replace("-", "−")
    if abs(value) >= 1e3:
        return digits(value).replace("-", "−")
    return f"{round(value, 3) or 0.0:g}".replace("-", "−")


def _overflow(_descent: Descent, trajectory: Trajectory) -> str:
    step = len(trajectory.loss) - 1
    if step == 0:
        return _("The loss or its gradient is not finite at the start.")
    what = (
        _("the point itself")
        if not np.isfinite(trajectory.points[-1]).all()
        else _("the loss")
        if not np.isfinite(trajectory.loss[-1])
        else _("the gradient")
    )
    norms = trajectory.gradient_norm
    text = _(
        "Overflows at step {n}: {what} is beyond the range of float64. Every step overshot, and "
        "the gradient grew from {first} to {last}"
    ).format(n=step, what=what, first=digits(norms[0]), last=digits(norms[step - 1]))
    if step > 1 and norms[0] > 0:
        factor = np.exp((np.log(norms[step - 1]) - np.log(norms[0])) / (step - 1))
        text += _(", on average {factor} times per step").format(factor=digits(float(factor)))
    return text + "."


def _converged(descent: Descent, trajectory: Trajectory) -> str:
    near = CLOSE * descent.row.diagonal
    far = [descent.row.measure_distance(x) > near for x in trajectory.points]
    arrived = len(far) - far[::-1].index(True) if any(far) else 0
    place = (
        _("the valley floor")
        if descent.row.valley is not None
        else _("the minimum {point}").format(
            point=format_point(
                min(
                    descent.row.minima,
                    key=lambda minimum: math.dist(trajectory.points[-1].tolist(), minimum),
                )
            )
        )
    )
    if not _inside(descent, trajectory.points[-1:]).all():
        place += _(" outside the picture")
    norms = trajectory.gradient_norm
    settled = norms[-1] <= SETTLED * norms.max()
    text = (
        _("Converged to {place}: near it from step {n} on, at the end |g| = {g}.")
        if settled
        else _("Reached {place}: near it from step {n} on, not yet at rest, |g| = {g}.")
    )
    return text.format(place=place, n=arrived, g=digits(norms[-1]))


def _stuck(_descent: Descent, trajectory: Trajectory) -> str:
    return _(
        "Sits at {point}, where the gradient is zero though it is no minimum: |g| = {g}, and "
        "the last step was {step} long."
    ).format(
        point=format_point(trajectory.points[-1]),
        g=digits(trajectory.gradient_norm[-1]),
        step=digits(trajectory.step_length[-1]) if len(trajectory.step_length) else "0",
    )


def _left(descent: Descent, trajectory: Trajectory) -> str:
    outside = find_first_outside(descent, trajectory)
    assert outside is not None  # the end is
    before = outside - 1
    norms = trajectory.gradient_norm
    text = _("Jumped out of the picture at step {n}: at step {before} |g| = {g}").format(
        n=outside, before=before, g=digits(norms[before])
    )
    usual = float(np.median(norms[:outside]))
    if norms[before] > 3 * usual > 0:
        text += _(", {factor} times the median so far").format(factor=digits(norms[before] / usual))
    text += _(", and the step was {length} long (the picture is {size} across).").format(
        length=digits(trajectory.step_length[before]), size=digits(descent.row.diagonal)
    )
    return text + _(" It ends at {point} with |g| = {g}.").format(
        point=format_point(trajectory.points[-1]), g=digits(norms[-1])
    )


def _bouncing(_descent: Descent, trajectory: Trajectory) -> str:
    return _(
        "Jumps back and forth, at last between {a} and {b}: |g| = {g} and steps {step} long. "
        "The loss went from {first} to {last}."
    ).format(
        first=digits(trajectory.loss[0]),
        last=digits(trajectory.loss[-1]),
        a=format_point(trajectory.points[-2]),
        b=format_point(trajectory.points[-1]),
        g=digits(trajectory.gradient_norm[-2]),
        step=digits(trajectory.step_length[-1]),
    )


def _crawling(descent: Descent, trajectory: Trajectory) -> str:
    left = _steps_left(descent, trajectory)
    norms = trajectory.gradient_norm
    place, g = format_point(trajectory.points[-1]), digits(norms[-1])
    if DESCENT_OPTIMIZERS[trajectory.optimizer].adaptive:
        text = _(
            "Crawls at {point}: |g| is {g}, but it is divided by the size of past gradients, so "
            "that steps are only {step} long"
        ).format(point=place, g=g, step=digits(_speed(trajectory)))
    else:
        text = _("Crawls at {point} because |g| is {g}").format(point=place, g=g)
        if norms[-1] < 0.1 * norms.max():
            text += _(" (at most it was {g})").format(g=digits(norms.max()))
    if not np.isfinite(left):
        return text + _("; it no longer moves at all.")
    return text + _("; at this speed the minimum is {n} steps away.").format(n=digits(left))


def _under_way(_descent: Descent, trajectory: Trajectory) -> str:
    return _("Still on its way at {point}: loss {loss}, |g| = {g}.").format(
        point=format_point(trajectory.points[-1]),
        loss=digits(trajectory.loss[-1]),
        g=digits(trajectory.gradient_norm[-1]),
    )


def _jump_on_the_way(descent: Descent, trajectory: Trajectory) -> str:
    lengths = trajectory.step_length
    if not len(lengths) or lengths.max() <= LONG * descent.row.diagonal:
        return ""
    step = int(lengths.argmax())
    return _(" On its way step {n} was {length} long, with |g| = {g}.").format(
        n=step + 1, length=digits(lengths[step]), g=digits(trajectory.gradient_norm[step])
    )


_SAID: dict[DescentOutcome, Callable[[Descent, Trajectory], str]] = {
    DescentOutcome.OVERFLOW: _overflow,
    DescentOutcome.CONVERGED: _converged,
    DescentOutcome.STUCK: _stuck,
    DescentOutcome.LEFT: _left,
    DescentOutcome.BOUNCING: _bouncing,
    DescentOutcome.CRAWLING: _crawling,
    DescentOutcome.UNDER_WAY: _under_way,
}


def count_clipped_steps(descent: Descent, trajectory: Trajectory) -> int:
    """How many steps were taken with a gradient that was clipped."""
    if descent.clip is Clip.NONE:
        return 0
    taken = len(trajectory.step_length)
    return int((trajectory.gradients != trajectory.clipped)[:taken].any(axis=1).sum())
