"""Shared, admitted calls into core: only ``compute.py`` files have remembered functions."""

from __future__ import annotations

import streamlit as st

from gradflow.core import ensemble, remedies, theory
from gradflow.core.diagnosis import findings
from gradflow.core.experiment import Experiment
from gradflow.core.probe import run as run_once
from gradflow.core.remedies.training import estimate_cost, make_plan
from gradflow.core.report import Report
from gradflow.core.teaching import dying, surfaces, trajectories
from gradflow.core.teaching.descent import Descent
from gradflow.core.text import _
from gradflow.core.verdict import Finding
from gradflow.ui.admission import admit_long, admit_pass, admit_stack, admit_training
from gradflow.ui.memo import remember
from gradflow.ui.turns import ADMISSION

_DESCENT_BYTES, _POINT_BYTES = 16 * 2**20, 16_000
"""What a descent takes, and what a point of it takes with all that is recorded there."""
_DYING_BYTES = 32 * 2**20
"""What the training of a biased layer takes at its peak, rounded up."""


@remember
def run(experiment: Experiment) -> Report:
    """Compute the report of an experiment; the same one is computed once for all users."""
    with admit_pass(experiment) as advance:
        return run_once(experiment, advance=advance)


@remember
def judge(experiment: Experiment) -> tuple[Finding, ...]:
    """Judge the report of an experiment."""
    return tuple(findings(run(experiment)))


@remember
def predict(experiment: Experiment) -> theory.Prediction:
    """Predict an experiment by mean-field theory."""
    return theory.predict(experiment, run(experiment))


@remember
def run_seeds(experiment: Experiment, count: int) -> ensemble.Ensemble:
    """Run an experiment with ``count`` seeds."""
    with admit_stack(experiment, count) as (at_once, advance):
        return ensemble.run_seeds(experiment, count, most=at_once, advance=advance)


@remember
def descend(descent: Descent) -> tuple[trajectories.Trajectory, ...]:
    """Compute the trajectory of each optimizer of a descent."""
    size = _DESCENT_BYTES + _POINT_BYTES * descent.steps * len(descent.optimizers)
    with admit_long(size) as advance:
        return trajectories.run_descent(descent, advance)


@remember
def compute_heights(
    surface: surfaces.Surface, shape: float
) -> tuple[tuple[surfaces.FloatArray, ...], surfaces.FloatArray]:
    """Compute the coordinates of a grid over a surface's window, and the loss there."""
    size = 101 if surfaces.SURFACES[surface].dimension == 2 else 401
    return surfaces.compute_heights(surface, shape, size)


@remember
def train_dying(layer: dying.BiasedLayer) -> tuple[dying.DyingTraining, ...]:
    """Train the biased layer with every rival of ReLU."""
    with admit_long(_DYING_BYTES):
        return tuple(dying.train_rivals(layer))


def try_cures(experiment: Experiment) -> remedies.Ranking:
    """Try every cure under a progress bar; a newer run of the page ends that.

    The outcomes, which a session keeps, are without histograms: only their tables are shown.
    """
    bar = st.progress(0.0)

    def advance(done: int, total: int) -> None:
        with ADMISSION.pause():  # others wait no longer than for one cure
            pass
        bar.progress(done / total, _("{done} of {total} cures").format(done=done, total=total))

    ranking = remedies.try_all(experiment, run(experiment), _run_changed, progress=advance)
    bar.empty()
    return ranking


@remember
def train_cure(experiment: Experiment, code: str, seeds: int) -> remedies.TrainedCure:
    """Train what a cure makes of an experiment; the same one is trained once for all users.

    Raises:
        InvalidExperiment: there is no such cure, or it does not apply here.
    """
    outcome = remedies.try_one(code, experiment, run(experiment), _run_changed)
    plan = make_plan(outcome.experiment, outcome.plan, outcome.experiment.learning_rate)
    tflop = estimate_cost(outcome, seeds)
    with admit_training(outcome.experiment, plan, tflop) as give_way:
        return remedies.train_cure(outcome, seeds, give_way)


def _run_changed(changed: Experiment) -> Report:
    """Compute the report of a cured experiment, of which only the tables are shown."""
    with ADMISSION, admit_pass(changed) as advance:
        report = run_once(changed, advance=advance)
    return report.drop_histograms()
