"""Schedules of the learning rate: one enum member and one table row each.

``factor(step, plan)`` is the factor on η in step 1, 2, …, ``plan.steps``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from gradflow.core.catalog.choice import Choice
from gradflow.core.text import N_


class Schedule(StrEnum):
    """Codes of the schedules."""

    CONSTANT = "constant"
    WARMUP = "warmup"
    COSINE = "cosine"
    STEP = "step"


class ScheduleParameters(Protocol):
    """What rows of ``SCHEDULES`` read of a training plan."""

    @property
    def steps(self) -> int:
        """Steps of the whole run, T."""

    @property
    def warmup_steps(self) -> int:
        """Steps in which the rate rises, w."""

    @property
    def final_factor(self) -> float:
        """Where the cosine ends, as a share f of the rate."""

    @property
    def decay_every(self) -> int:
        """Steps between two drops, s."""

    @property
    def decay_factor(self) -> float:
        """What each drop multiplies the rate by, γ."""


@dataclass(frozen=True, kw_only=True)
class ScheduleChoice(Choice):
    """A row of ``SCHEDULES``.

    Attributes:
        formula: η_t of step t in LaTeX.
        factor: ``factor(step, plan)``, η_step / η.
        source: authors and year of the paper.
    """

    formula: str
    factor: Callable[[int, ScheduleParameters], float]
    source: str = ""


def warmup(step: int, plan: ScheduleParameters) -> float:
    """Compute min(1, step/w): linear from η/w in the first step to η in step w."""
    return min(1.0, step / plan.warmup_steps) if plan.warmup_steps else 1.0


def cosine(step: int, plan: ScheduleParameters) -> float:
    """Compute f + (1 − f)(1 + cos(π k/K))/2, where k of the K steps after the warm-up are done.

    The warm-up takes w steps, so that k = step − w − 1 and K = steps − w.
    """
    done = step - plan.warmup_steps - 1
    if done < 0:
        return warmup(step, plan)
    share = done / (plan.steps - plan.warmup_steps)
    return plan.final_factor + (1 - plan.final_factor) * (1 + math.cos(math.pi * share)) / 2


def staircase(step: int, plan: ScheduleParameters) -> float:
    """Compute γ to the power ⌊(step − 1)/s⌋."""
    return float(plan.decay_factor ** ((step - 1) // plan.decay_every))


SCHEDULES: dict[Schedule, ScheduleChoice] = {
    Schedule.CONSTANT: ScheduleChoice(
        label=N_("Constant"),
        help=N_("The same rate in every step."),
        formula=r"\eta_t = \eta",
        factor=lambda step, plan: 1.0,
    ),
    Schedule.WARMUP: ScheduleChoice(
        label=N_("Warm-up"),
        help=N_("The rate rises in a straight line over the first steps, then stays."),
        formula=r"\eta_t = \eta \min(1, t/w)",
        parameters=("warmup_steps",),
        factor=warmup,
        source="Goyal et al. 2017",
    ),
    Schedule.COSINE: ScheduleChoice(
        label=N_("Cosine"),
        help=N_("After a warm-up the rate falls along half a cosine until the last step."),
        formula=r"\eta_t = \eta\left(f + (1-f)\,\frac{1 + \cos(\pi\,(t-w-1)/(T-w))}{2}\right)",
        parameters=("warmup_steps", "final_factor"),
        factor=cosine,
        source="Loshchilov & Hutter 2017",
    ),
    Schedule.STEP: ScheduleChoice(
        label=N_("Step"),
        help=N_("The rate is multiplied by γ every so many steps."),
        formula=r"\eta_t = \eta\,\gamma^{\lfloor (t-1)/s \rfloor}",
        parameters=("decay_every", "decay_factor"),
        factor=staircase,
    ),
}
