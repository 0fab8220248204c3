"""What a lesson runs, and which number of it is drawn against what."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np

from gradflow.core.codec import from_fields, list_field_names
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.experiment import Experiment
from gradflow.core.histogram import FloatArray
from gradflow.core.probe import run
from gradflow.core.recurrent.record import through_time
from gradflow.core.recurrent.report import TimeReport
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.report import Report
from gradflow.core.text import N_, Text
from gradflow.core.training.engine import Trainer
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.record import StepRecord
from gradflow.core.training.task import make_task

_SMOOTHED = 9
"""Steps over which a drawn loss is averaged; single batches are noise."""
_BROKEN = 1e3
"""A loss that is so many times the first counts as broken."""


class Measure(StrEnum):
    """Codes of what a lesson looks at."""

    GRADIENT = "gradient"
    SIGNAL = "signal"
    TIME = "time"
    LOSS = "loss"
    DEAD = "dead"


@dataclass(frozen=True)
class TrainingRun:
    """An experiment and how it is trained."""

    experiment: Experiment
    plan: TrainingPlan


Subject: TypeAlias = Experiment | TimePass | TrainingRun
Settings: TypeAlias = Mapping[str, Any]
Advance: TypeAlias = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Curve:
    """A measured line; where a run broke, its values are NaN.

    Attributes:
        x: layers, time steps or training steps, from 1.
        y: a gradient or a signal as a multiple of where it starts, a loss, or a share of units.
        backwards: whether it starts at the last x, as a gradient does.
    """

    x: FloatArray
    y: FloatArray
    backwards: bool = False

    @property
    def reached(self) -> float:
        """The value where it ends: for a gradient, at the first x."""
        return float(self.y[0 if self.backwards else -1])

    @property
    def start(self) -> float:
        """The value where it starts."""
        return float(self.y[-1 if self.backwards else 0])

    @property
    def factor(self) -> float:
        """The mean factor from one x to the next: (end/start)^(1/(n−1))."""
        return float((self.reached / self.start) ** (1 / max(len(self.y) - 1, 1)))


@dataclass(frozen=True)
class MeasureRow:
    """A row of ``MEASURES``.

    Attributes:
        x_axis, y_axis: titles of the axes.
        log: whether sizes are compared by their logarithms.
        make: makes the subject of flat settings and a seed.
    """

    x_axis: str
    y_axis: str
    make: Callable[[Settings, int], Subject]
    log: bool = True


def _make_experiment(settings: Settings, seed: int) -> Experiment:
    return from_fields({**settings, "seed": seed})


def _make_time_pass(settings: Settings, seed: int) -> TimePass:
    return TimePass(**{**settings, "seed": seed})


def _make_training(settings: Settings, seed: int) -> TrainingRun:
    """Make a run of flat settings; a name that plan and experiment share is the plan's."""
    plan = {name: value for name, value in settings.items() if name in TrainingPlan.model_fields}
    rest = {name: value for name, value in settings.items() if name not in plan}
    quiet = {"reports": 0, "evaluate_every": 0}
    return TrainingRun(_make_experiment(rest, seed), TrainingPlan(**(quiet | plan)))


MEASURES: dict[Measure, MeasureRow] = {
    Measure.GRADIENT: MeasureRow(
        N_("layer (the loss is on the right)"),
        N_("RMS gradient, last hidden layer = 1"),
        _make_experiment,
    ),
    Measure.SIGNAL: MeasureRow(
        N_("layer (the input is on the left)"), N_("RMS signal, first layer = 1"), _make_experiment
    ),
    Measure.TIME: MeasureRow(
        N_("time step (the loss is on the right)"),
        N_("gradient norm, last step = 1"),
        _make_time_pass,
    ),
    Measure.LOSS: MeasureRow(N_("step of training"), N_("loss"), _make_training),
    Measure.DEAD: MeasureRow(
        N_("step of training"), N_("share of dead units"), _make_training, log=False
    ),
}
"""Everything that a lesson can look at."""


def make_subject(measure: Measure, settings: Settings, seed: int) -> Subject:
    """Make what is run.

    Args:
        measure: what is looked at, on which it depends which settings there are.
        settings: flat settings, as in the links of Explore, Training or Through time.
        seed: draws weights and data.

    Raises:
        InvalidExperiment: there is no such setting, or a value is impossible.
    """
    own = (*list_field_names(), *TrainingPlan.model_fields)
    known = tuple(TimePass.model_fields) if measure is Measure.TIME else own
    for name in settings:
        if name not in known or name == "seed":
            raise InvalidExperiment(
                Text(
                    "settings: there is no {name} here; choose one of {known}",
                    name=quote_value(name),
                    known=", ".join(known),
                ),
                fields=(name,),
            )
    return MEASURES[measure].make(settings, seed)


def draw_curve(measure: Measure, subject: Subject, advance: Advance = lambda: None) -> Curve:
    """Run a subject and take the measured line.

    Args:
        measure: what is looked at.
        subject: of ``make_subject``, for the same measure.
        advance: called between layers or steps; what it raises ends the run.
    """
    match subject:
        case Experiment():
            return read_report(measure, run(subject, advance=advance))
        case TimePass():
            return read_time_report(through_time(subject.experiment, advance=advance))
        case TrainingRun():
            return _train(measure, subject, advance)


def read_report(measure: Measure, report: Report) -> Curve:
    """Take a line over the hidden layers; it starts at 1.

    The gradient is the RMS of ∂L/∂z_l against that of the last hidden layer, the signal that of
    a_l against that of the first.
    """
    table = report.get_table("layers")
    layers = np.asarray(table["layer"], np.float64)[:-1]
    backwards = measure is Measure.GRADIENT
    values = table.get_numbers("delta_rms" if backwards else "activation_rms")[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return Curve(layers, values / values[-1 if backwards else 0], backwards)


def read_time_report(report: TimeReport) -> Curve:
    """Take ‖∂L/∂h_t‖ over the steps, against that of the last one."""
    norms = report.column("hidden_grad_norm")
    with np.errstate(divide="ignore", invalid="ignore"):
        return Curve(np.arange(1.0, len(norms) + 1), norms / norms[-1], backwards=True)


def _train(measure: Measure, subject: TrainingRun, advance: Advance) -> Curve:
    steps = subject.plan.steps
    plan = subject.plan
    if measure is Measure.LOSS:
        plan = plan.replace_settings(record_every=steps)
    trainer = Trainer(make_task(subject.experiment), plan)
    values = np.full(steps, math.nan)
    while not trainer.finished:
        record = trainer.advance()
        if measure is Measure.LOSS:
            values[trainer.step - 1] = trainer.loss
        elif record is not None:
            values[trainer.step - 1] = _average_dead(record)
        advance()
    numbers = np.arange(1.0, steps + 1)
    if measure is Measure.LOSS:
        return Curve(numbers, smooth(values))
    return Curve(numbers, values)


def _average_dead(record: StepRecord) -> float:
    shares = record.layers["dead"][:-1]
    return float(np.nanmean(shares)) if np.isfinite(shares).any() else math.nan


def smooth(values: FloatArray) -> FloatArray:
    """Average each loss with those around it, at most ``_SMOOTHED``; the first stays as it is.

    NaN where the run broke: not finite, or ``_BROKEN`` times the first.
    """
    half = _SMOOTHED // 2
    values = np.where(values <= _BROKEN * values[0], values, math.nan)
    smoothed = np.full(len(values), math.nan)
    for i in np.flatnonzero(np.isfinite(values)).tolist():
        near = values[i - min(half, i) : i + min(half, i) + 1]
        smoothed[i] = near[np.isfinite(near)].mean()
    return smoothed
