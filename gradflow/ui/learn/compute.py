"""Shared, admitted runs of the lessons."""

from __future__ import annotations

from gradflow.core.experiment import Experiment
from gradflow.core.lessons import patients
from gradflow.core.lessons.outcome import Outcome, find_outcome
from gradflow.core.lessons.schema import Kind, load_lessons
from gradflow.core.lessons.subjects import (
    Curve,
    Measure,
    Subject,
    TrainingRun,
    draw_curve,
    read_report,
    read_time_report,
)
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.training import cost
from gradflow.ui.admission import admit_training
from gradflow.ui.compute import run
from gradflow.ui.memo import remember
from gradflow.ui.recurrent.compute import run_through_time
from gradflow.ui.wanted import check_wanted


@remember
def measure(what: Measure, subject: Subject) -> Curve:
    """Run a subject and take the measured line; the same one is run once for all users."""
    match subject:
        case Experiment():
            return read_report(what, run(subject))
        case TimePass():
            return read_time_report(run_through_time(subject.experiment))
        case TrainingRun(experiment, plan):
            tflop = cost.estimate_tflop(experiment, plan)
            with admit_training(experiment, plan, tflop) as give_way:
                return draw_curve(what, subject, give_way)


def answer(code: str, seed: int) -> Outcome:
    """Run a lesson whose answer is a factor or one of several curves."""
    return find_outcome(load_lessons()[code], seed, measure)


@remember
def treat(patient: patients.Patient, cures: tuple[str, ...]) -> patients.Treatment:
    """Train a network with cures, or without any.

    Raises:
        InvalidExperiment: one of the cures does not apply.
    """
    cured = patients.apply_cures(patient, cures)
    tflop = cost.estimate_tflop(cured.run.experiment, cured.run.plan)
    with admit_training(cured.run.experiment, cured.run.plan, tflop) as give_way:
        return patients.train_patient(cured, give_way)


@remember
def list_cures(patient: patients.Patient, cures: tuple[str, ...]) -> tuple[str, ...]:
    """List the cures that apply to a network after others."""
    return tuple(patients.list_cures(patients.apply_cures(patient, cures)))


def prepare_lessons() -> None:
    """Run all lessons before anybody opens them."""
    for code, lesson in load_lessons().items():
        check_wanted()
        if lesson.kind is not Kind.CURE:
            answer(code, seed=1)
