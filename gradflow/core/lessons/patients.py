"""A network that does not train, drawn at random, and what cures make of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.lessons.schema import Lesson
from gradflow.core.lessons.subjects import Advance, Curve, TrainingRun, smooth
from gradflow.core.probe import run
from gradflow.core.remedies.remedy import Situation
from gradflow.core.remedies.training import LEARNED_SHARE, make_plan, measure_constant
from gradflow.core.remedies.trial import find_applicable, find_plans
from gradflow.core.text import Text
from gradflow.core.training.engine import Trainer
from gradflow.core.training.task import make_task

MOST_CURES = 3
"""Cures that a learner combines, at most."""


@dataclass(frozen=True)
class Patient:
    """A network, and what is changed in the plan of its training.

    Attributes:
        experiment: the network and its data.
        changes: settings of the plan by name, as pairs.
    """

    experiment: Experiment
    changes: tuple[tuple[str, Any], ...] = field(default_factory=tuple)

    @property
    def run(self) -> TrainingRun:
        """The experiment with the whole plan of its training."""
        plan = make_plan(self.experiment, dict(self.changes), self.experiment.learning_rate)
        return TrainingRun(self.experiment, plan)


@dataclass(frozen=True, eq=False)
class Treatment:
    """How the training of a network went.

    Attributes:
        losses: the loss of each step, smoothed; NaN after it broke.
        constant: the loss of the best answer that does not look at the inputs.
        share: what is left of that loss in the last steps; infinite where the run broke.
    """

    losses: Curve
    constant: float
    share: float

    @property
    def trains(self) -> bool:
        """Whether the network has learned something."""
        return self.share <= LEARNED_SHARE


def draw_patient(lesson: Lesson, seed: int) -> Patient:
    """Draw one of a lesson's networks: the seed says which, and draws its weights and data."""
    changes = lesson.patients[seed % len(lesson.patients)]
    subject = lesson.make_subject(seed, changes)
    assert isinstance(subject, TrainingRun)
    rate = subject.plan.learning_rate
    return Patient(subject.experiment.model_copy(update={"learning_rate": rate}))


def list_cures(patient: Patient) -> list[str]:
    """List the codes of the cures that apply, in the order of ``REMEDIES``' groups."""
    return list(_find_cures(patient))


@lru_cache(maxsize=64)
def _find_cures(patient: Patient) -> dict[str, Patient]:
    """Find what each cure makes of a network."""
    report = run(patient.experiment)
    situation = Situation.of(patient.experiment, report)
    cured = {
        code: Patient(changed, patient.changes)
        for code, changed in find_applicable(patient.experiment, report).items()
    }
    plans = {
        code: Patient(patient.experiment, tuple({**dict(patient.changes), **plan}.items()))
        for code, plan in find_plans(situation).items()
    }
    return cured | plans


def apply_cures(patient: Patient, codes: Sequence[str]) -> Patient:
    """Apply cures one after the other; each sees what those before have made.

    Raises:
        InvalidExperiment: there are too many, or one does not apply.
    """
    if len(codes) > MOST_CURES:
        allowed = Text("at most {most}", most=MOST_CURES)
        raise InvalidExperiment.for_value("cures", list(codes), allowed)
    for code in codes:
        cures = _find_cures(patient)
        if code not in cures:
            allowed = Text("one of {codes}", codes=", ".join(cures))
            raise InvalidExperiment.for_value("cures", code, allowed)
        patient = cures[code]
    return patient


def train_patient(patient: Patient, advance: Advance = lambda: None) -> Treatment:
    """Train a network for a short while; see ``remedies.training.make_plan``.

    Args:
        patient: the network.
        advance: called after every step; may raise to stop.
    """
    subject = patient.run
    task = make_task(subject.experiment)
    trainer = Trainer(task, subject.plan)
    losses = np.full(subject.plan.steps, math.nan)
    while not trainer.finished:
        trainer.advance()
        losses[trainer.step - 1] = trainer.loss
        advance()
    assert task.held_out is not None  # an experiment's task holds samples out
    constant = measure_constant(subject.experiment, task.held_out[1])
    smoothed = smooth(losses)
    last = float(np.mean(losses[-8:]))
    share = last / constant if math.isfinite(last) and constant else math.inf
    return Treatment(Curve(np.arange(1.0, len(losses) + 1), smoothed), constant, share)
