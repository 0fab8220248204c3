"""The plan of a training: optimizer, rate, clipping, penalties, precision, and what to record."""

from __future__ import annotations

import math
from typing import Any, Self

from pydantic import Field, model_validator

from gradflow.core.catalog.optimizers import Clip, Optimizer, Precision
from gradflow.core.catalog.schedules import SCHEDULES, Schedule
from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.text import Text

MAX_STEPS = 20_000
MAX_RECORDS = 2_000
MAX_REPORTS = 100


class TrainingPlan(Spec):
    """The settings of a training run; steps are numbered from 1.

    The experiment says what is trained, and on batches of which size. Raises
    ``InvalidExperiment`` on anything impossible or without effect.
    """

    steps: int = Field(
        200, ge=1, le=MAX_STEPS, title="Steps", description="Updates of the weights."
    )
    optimizer: Optimizer = Field(
        Optimizer.SGD, title="Optimizer", description="How a gradient becomes a step."
    )
    learning_rate: float = Field(
        0.1, gt=0, le=100, title="Learning rate η", description="The size of a step."
    )
    momentum: float = Field(
        0.9, gt=0, le=0.999, title="Momentum μ", description="Share of the velocity that stays."
    )
    smoothing: float = Field(
        0.99,
        ge=0,
        le=0.9999,
        title="Smoothing α",
        description="Share of the mean squared gradient that RMSprop keeps.",
    )
    beta1: float = Field(
        0.9, ge=0, le=0.9999, title="β₁", description="Share of the mean gradient that Adam keeps."
    )
    beta2: float = Field(
        0.999,
        ge=0,
        le=0.99999,
        title="β₂",
        description="Share of the mean squared gradient that Adam keeps.",
    )
    weight_decay: float = Field(
        0.01,
        ge=0,
        le=10,
        title="Weight decay λ",
        description="Decoupled: weights shrink by ηλ in every step, whatever the gradient.",
    )
    schedule: Schedule = Field(
        Schedule.CONSTANT, title="Schedule", description="How the rate changes from step to step."
    )
    warmup_steps: int = Field(
        20, ge=0, le=MAX_STEPS, title="Warm-up w", description="Steps in which the rate rises."
    )
    final_factor: float = Field(
        0.0, ge=0, le=1, title="Final share f", description="Where the cosine ends, as part of η."
    )
    decay_every: int = Field(
        100, ge=1, le=MAX_STEPS, title="Every s steps", description="Steps between two drops."
    )
    decay_factor: float = Field(
        0.1, gt=0, le=1, title="Factor γ", description="What each drop multiplies the rate by."
    )
    clip: Clip = Field(
        Clip.NONE, title="Clipping", description="Whether large gradients are cut before the step."
    )
    threshold: float = Field(
        1.0,
        gt=0,
        le=1e6,
        title="Threshold c",
        description="The largest norm, or the largest entry, that a gradient keeps.",
    )
    l1: float = Field(
        0.0,
        ge=0,
        le=10,
        title="L1 penalty λ₁",
        description="Adds λ₁·sign(W) to the gradient of every weight matrix.",
    )
    l2: float = Field(
        0.0,
        ge=0,
        le=10,
        title="L2 penalty λ₂",
        description="Adds λ₂·W to the gradient of every weight matrix.",
    )
    precision: Precision = Field(
        Precision.FULL, title="Precision", description="The number format of products."
    )
    initial_scale: float = Field(
        65536.0,
        ge=1,
        le=2.0**40,
        title="First loss scale",
        description="What the loss is multiplied by at first; it halves whenever that overflows.",
    )
    growth_interval: int = Field(
        2000,
        ge=1,
        le=MAX_STEPS,
        title="Growth interval",
        description="Steps without overflow after which the loss scale doubles.",
    )
    record_every: int = Field(
        1,
        ge=1,
        le=MAX_STEPS,
        title="Record every",
        description="Steps from one record to the next.",
    )
    reports: int = Field(
        8,
        ge=0,
        le=MAX_REPORTS,
        title="Full reports",
        description="Recorded steps, evenly spread, of which all histograms are kept.",
    )
    evaluate_every: int = Field(
        10,
        ge=0,
        le=MAX_STEPS,
        title="Evaluate every",
        description="Records from one look at the held-out data to the next; 0: never.",
    )
    noise_every: int = Field(
        0,
        ge=0,
        le=MAX_STEPS,
        title="Noise scale every",
        description="Records from one measurement of the gradient's noise to the next; 0: never.",
    )

    @model_validator(mode="after")
    def _refuse_too_many_records(self) -> Self:
        if len(self.recorded_steps) > MAX_RECORDS:
            raise InvalidExperiment(
                Text(
                    "record_every: {record_every} would make {records} records of {steps} steps, "
                    "allowed are at most {most}; choose {least} or more",
                    record_every=self.record_every,
                    records=len(self.recorded_steps),
                    steps=self.steps,
                    most=MAX_RECORDS,
                    least=find_least_record_every(self.steps),
                ),
                fields=("record_every", "steps"),
            )
        return self

    @model_validator(mode="after")
    def _refuse_long_warm_up(self) -> Self:
        if self.schedule is Schedule.COSINE and self.warmup_steps >= self.steps:
            raise InvalidExperiment(
                Text(
                    "warmup_steps: {warmup_steps} leaves none of {steps} steps to the cosine; "
                    "choose a whole number from 0 to {most}",
                    warmup_steps=self.warmup_steps,
                    steps=self.steps,
                    most=self.steps - 1,
                ),
                fields=("warmup_steps", "steps"),
            )
        return self

    @property
    def recorded_steps(self) -> tuple[int, ...]:
        """The steps that are recorded: 1, 1 + ``record_every``, … and the last."""
        return _list_recorded_steps(self.steps, self.record_every)

    @property
    def reported_steps(self) -> frozenset[int]:
        """The recorded steps whose full report is kept, the first and the last among them."""
        recorded = self.recorded_steps
        count, last = min(self.reports, len(recorded)), len(recorded) - 1
        return frozenset(recorded[i * last // max(count - 1, 1)] for i in range(count))

    def list_framed_steps(self, most: int) -> frozenset[int]:
        """List at most about ``most`` recorded steps at equal distances, and the last one."""
        recorded = self.recorded_steps
        return frozenset(
            (*recorded[:: math.ceil(len(recorded) / most)], recorded[-1]) if most else ()
        )

    def compute_rate(self, step: int) -> float:
        """Compute the learning rate of ``step``."""
        return self.learning_rate * SCHEDULES[self.schedule].factor(step, self)

    def replace_settings(self, **settings: Any) -> Self:
        """Make a plan with other settings; those that no longer have an effect are dropped."""
        values = dict(self) | settings
        return type(self)(**{name: values[name] for name in self.list_applicable(values)})


def find_least_record_every(steps: int) -> int:
    """Find the smallest ``record_every`` that makes no more than ``MAX_RECORDS`` records."""
    every = math.ceil(steps / MAX_RECORDS)
    # The last step is recorded, too, and may be one too many.
    return every if len(_list_recorded_steps(steps, every)) <= MAX_RECORDS else every + 1


def _list_recorded_steps(steps: int, every: int) -> tuple[int, ...]:
    regular = range(1, steps + 1, every)
    return (*regular, steps) if regular[-1] != steps else tuple(regular)
