"""Sentences that say how a trajectory ended, with its numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradflow.core.numbers import format_number
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_outcome import (
    NEAR_SHARE,
    DescentOutcome,
    estimate_steps_left,
    find_first_outside,
    find_outcome,
    is_in_sight,
    measure_speed,
)
from gradflow.core.teaching.optimizers import DESCENT_OPTIMIZERS
from gradflow.core.teaching.surfaces import FloatArray
from gradflow.core.teaching.trajectories import Trajectory
from gradflow.core.text import N_, Text, join_texts

_JUMP_SHARE = 0.5
"""A step longer than this share of the window's diagonal is a jump."""
_REST_SHARE = 1e-3
"""A trajectory is at rest if the gradient has shrunk to this share of the largest one."""


@dataclass(frozen=True)
class DescentVerdict:
    """How a trajectory ended, and the sentences that say so."""

    outcome: DescentOutcome
    text: Text


def judge_descent(descent: Descent, trajectory: Trajectory) -> DescentVerdict:
    """Judge how a trajectory of ``descent`` ended, and say so."""
    outcome = find_outcome(descent, trajectory)
    text = _DESCRIPTIONS[outcome](descent, trajectory)
    if outcome in (DescentOutcome.CONVERGED, DescentOutcome.CRAWLING, DescentOutcome.UNDER_WAY):
        text = join_texts(text, _describe_jump(descent, trajectory))
    return DescentVerdict(outcome, text)


def format_point(values: FloatArray | tuple[float, ...]) -> str:
    """Write a point as text: −1.86 or (0.5, 2)."""
    texts = [_format_coordinate(float(value)) for value in values]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


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
        pace = Text(", on average {factor} times per step", factor=format_number(float(factor)))
    return Text(
        "Overflows at step {n}: {what} is beyond the range of float64. Every step overshot, and "
        "the gradient grew from {first} to {last}{pace}.",
        n=step,
        what=quantity,
        first=format_number(norms[0]),
        last=format_number(norms[step - 1]),
        pace=pace,
    )


def _describe_convergence(descent: Descent, trajectory: Trajectory) -> Text:
    near = NEAR_SHARE * descent.row.diagonal
    far = [descent.row.measure_distance(x) > near for x in trajectory.points]
    arrived = len(far) - far[::-1].index(True) if any(far) else 0
    norms = trajectory.gradient_norm
    template = (
        N_("Converged to {place}: near it from step {n} on, at the end |g| = {g}.")
        if norms[-1] <= _REST_SHARE * norms.max()
        else N_("Reached {place}: near it from step {n} on, not yet at rest, |g| = {g}.")
    )
    return Text(
        template, place=_name_goal(descent, trajectory), n=arrived, g=format_number(norms[-1])
    )


def _name_goal(descent: Descent, trajectory: Trajectory) -> Text:
    """Name the minimum that a converged trajectory has reached."""
    if descent.row.valley is not None:
        goal = Text("the valley floor")
    else:
        end = trajectory.points[-1].tolist()
        nearest = min(descent.row.minima, key=lambda minimum: math.dist(end, minimum))
        goal = Text("the minimum {point}", point=format_point(nearest))
    if is_in_sight(descent, trajectory):
        return goal
    return Text("{goal} outside the picture", goal=goal)


def _describe_standstill(_descent: Descent, trajectory: Trajectory) -> Text:
    lengths = trajectory.step_length
    return Text(
        "Sits at {point}, where the gradient is zero though it is no minimum: |g| = {g}, and "
        "the last step was {step} long.",
        point=format_point(trajectory.points[-1]),
        g=format_number(trajectory.gradient_norm[-1]),
        step=format_number(lengths[-1]) if len(lengths) else "0",
    )


def _describe_departure(descent: Descent, trajectory: Trajectory) -> Text:
    outside = find_first_outside(descent, trajectory)
    assert outside is not None  # the end is
    before = outside - 1
    norms = trajectory.gradient_norm
    usual = float(np.median(norms[:outside]))
    comparison = Text("")
    if norms[before] > 3 * usual > 0:
        factor = format_number(norms[before] / usual)
        comparison = Text(", {factor} times the median so far", factor=factor)
    return Text(
        "Jumped out of the picture at step {n}: at step {before} |g| = {g}{comparison}, and the "
        "step was {length} long (the picture is {size} across). It ends at {point} with "
        "|g| = {last}.",
        n=outside,
        before=before,
        g=format_number(norms[before]),
        comparison=comparison,
        length=format_number(trajectory.step_length[before]),
        size=format_number(descent.row.diagonal),
        point=format_point(trajectory.points[-1]),
        last=format_number(norms[-1]),
    )


def _describe_bouncing(_descent: Descent, trajectory: Trajectory) -> Text:
    return Text(
        "Jumps back and forth, at last between {a} and {b}: |g| = {g} and steps {step} long. "
        "The loss went from {first} to {last}.",
        first=format_number(trajectory.loss[0]),
        last=format_number(trajectory.loss[-1]),
        a=format_point(trajectory.points[-2]),
        b=format_point(trajectory.points[-1]),
        g=format_number(trajectory.gradient_norm[-2]),
        step=format_number(trajectory.step_length[-1]),
    )


def _describe_crawling(descent: Descent, trajectory: Trajectory) -> Text:
    norms, left = trajectory.gradient_norm, estimate_steps_left(descent, trajectory)
    end, g = format_point(trajectory.points[-1]), format_number(norms[-1])
    if DESCENT_OPTIMIZERS[trajectory.optimizer].adaptive:
        cause = Text(
            "Crawls at {point}: |g| is {g}, but it is divided by the size of past gradients, so "
            "that steps are only {step} long",
            point=end,
            g=g,
            step=format_number(measure_speed(trajectory)),
        )
    elif norms[-1] < 0.1 * norms.max():
        cause = Text(
            "Crawls at {point} because |g| is {g} (at most it was {largest})",
            point=end,
            g=g,
            largest=format_number(norms.max()),
        )
    else:
        cause = Text("Crawls at {point} because |g| is {g}", point=end, g=g)
    if not np.isfinite(left):
        return Text("{cause}; it no longer moves at all.", cause=cause)
    return Text(
        "{cause}; at this speed the minimum is {n} steps away.",
        cause=cause,
        n=format_number(left),
    )


def _describe_progress(_descent: Descent, trajectory: Trajectory) -> Text:
    return Text(
        "Still on its way at {point}: loss {loss}, |g| = {g}.",
        point=format_point(trajectory.points[-1]),
        loss=format_number(trajectory.loss[-1]),
        g=format_number(trajectory.gradient_norm[-1]),
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
        length=format_number(lengths[step]),
        g=format_number(trajectory.gradient_norm[step]),
    )


def _format_coordinate(value: float) -> str:
    if not np.isfinite(value):
        return format_number(value)
    return format_number(value if abs(value) >= 1e3 else round(value, 3) or 0.0, 4)
