"""Shared, admitted calls into core for the page on recurrent networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradflow.core.catalog import Cell
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.recurrent import clipping, cures, factors, record, theory, trial
from gradflow.core.recurrent.equation import GateEquation, build_gate_equation
from gradflow.core.recurrent.report import TimeReport
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.recurrent.spec import SequenceExperiment
from gradflow.core.recurrent.training import Moment, ShortTraining, train_cell
from gradflow.core.text import Text
from gradflow.ui.admission import admit_pass, admit_sequences
from gradflow.ui.long_work import LONG_RESULTS
from gradflow.ui.memo import remember
from gradflow.ui.turns import ADMISSION


@remember
def run_through_time(experiment: SequenceExperiment, sequence: int = 1) -> TimeReport:
    """Record one pass; ``sequence``, from 1, is kept unit by unit."""
    with admit_sequences(experiment) as advance:
        return record.through_time(experiment, sample=sequence - 1, advance=advance)


@remember
def predict_norms(experiment: SequenceExperiment, layer: int) -> theory.TimeTheory:
    """Predict the gradient norms of a layer by theory."""
    report = run_through_time(experiment)
    return theory.predict_through_time(report, layer)


@remember
def build_equation(
    experiment: SequenceExperiment, sequence: int, code: str, step: int, unit: int, layer: int
) -> GateEquation:
    """Build the equation of one gate of one unit at one step."""
    report = run_through_time(experiment, sequence)
    return build_gate_equation(report, code, step=step, unit=unit, layer=layer)


@remember
def measure_factors(settings: factors.FactorSettings) -> tuple[factors.FactorCurve, ...]:
    """Measure what every step back does to the gradient, on four kinds of paths."""
    return tuple(_measure_path(settings, path) for path in factors.GradientPath)


def _measure_path(
    settings: factors.FactorSettings, path: factors.GradientPath
) -> factors.FactorCurve:
    experiment = factors.make_experiment(settings, path)
    admitted = (
        admit_pass(experiment)
        if isinstance(experiment, Experiment)
        else admit_sequences(experiment)
    )
    with admitted as advance:
        return factors.compute_factor_curve(settings, path, advance)


@remember
def clip_gradient(
    experiment: SequenceExperiment, norm: float, value: float
) -> tuple[clipping.ClippingReport, clipping.ClippingCourse]:
    """Clip the gradient by norm and by value, with these thresholds and with others."""
    with admit_sequences(experiment):
        return clipping.sweep_clipping(experiment, norm=norm, value=value)


@remember
def try_cures(spec: TimePass) -> tuple[cures.TimeCure, ...]:
    """Try every cure of a pass through time."""
    return tuple(cures.try_time_cures(spec, lambda s: run_through_time(s.experiment)))


@remember
def train_cure(spec: TimePass, code: str) -> trial.TrainedTimeCure:
    """Train what a cure makes of a network to remember; it is trained once for all users.

    Raises:
        InvalidExperiment: there is no such cure, or it does not apply here.
    """
    outcome = next((o for o in try_cures(spec) if o.code == code), None)
    if outcome is None:
        raise InvalidExperiment.for_value("code", code, Text("the code of a cure that applies"))
    experiment = trial.build_trial(outcome.spec)
    with admit_sequences(experiment) as give_way:
        return trial.train_time_cure(outcome, spec, give_way)


@remember
def measure_guessing(spec: ShortTraining) -> float:
    """Measure the loss of a guess that knows nothing of the sequences."""
    return spec.guessing


def train_to_end(
    spec: ShortTraining,
    cell: Cell,
    advance: Callable[[Sequence[Moment]], None],
    waiting: Callable[[], None],
) -> tuple[Moment, ...]:
    """Train a cell to its end, or take the result from whoever did so with the same settings.

    Args:
        spec: the settings.
        cell: the cell.
        advance: called with all moments so far after each; may raise to stop.
        waiting: called again and again while someone else computes the same.
    """
    return LONG_RESULTS.get((spec, cell), lambda: _train(spec, cell, advance), waiting)


def _train(
    spec: ShortTraining, cell: Cell, advance: Callable[[Sequence[Moment]], None]
) -> tuple[Moment, ...]:
    """Train a cell; others may compute between two steps."""
    moments: list[Moment] = []
    experiment = spec.build_experiment(cell)
    with ADMISSION, admit_sequences(experiment, spec.steps) as give_way:
        for moment in train_cell(spec, cell, give_way):
            moments.append(moment)
            with ADMISSION.pause():
                advance(moments)
    return tuple(moments)
