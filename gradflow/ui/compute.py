"""Shared, admitted calls into core: only ``compute.py`` files have remembered functions."""

from __future__ import annotations

import streamlit as st

from gradflow.core import ensemble, remedies, theory
from gradflow.core.diagnosis import findings
from gradflow.core.experiment import Experiment
from gradflow.core.probe import run as run_once
from gradflow.core.report import Report
from gradflow.core.teaching import dying, surfaces, trajectories
from gradflow.core.teaching.descent import Descent
from gradflow.core.text import _
from gradflow.core.verdict import Finding
from gradflow.ui.memo import remember
from gradflow.ui.turns import ADMISSION


@remember
def run(experiment: Experiment) -> Report:
    """The report of an experiment; the same experiment is computed once for all users."""
    return run_once(experiment)


@remember
def judge(experiment: Experiment) -> tuple[Finding, ...]:
    """Judge the report of an experiment."""
    return tuple(findings(run(experiment)))


@remember
def predict(experiment: Experiment) -> theory.Prediction:
    """What theory says of an experiment."""
    return theory.predict(experiment, run(experiment))


@remember
def run_seeds(experiment: Experiment, count: int) -> ensemble.Ensemble:
    """The experiment under several seeds."""
    return ensemble.run_seeds(experiment, count)


@remember
def descend(descent: Descent) -> tuple[trajectories.Trajectory, ...]:
    """The trajectories of a descent."""
    return trajectories.run_descent(descent)


@remember
def heights(
    surface: surfaces.Surface, shape: float
) -> tuple[tuple[surfaces.FloatArray, ...], surfaces.FloatArray]:
    """The loss over its window."""
    size = 101 if surfaces.SURFACES[surface].dimension == 2 else 401
    return surfaces.compute_heights(surface, shape, size)


@remember
def train_dying(layer: dying.BiasedLayer) -> tuple[dying.DyingTraining, ...]:
    """The biased layer, trained with every rival."""
    return tuple(dying.train_rivals(layer))


def try_cures(experiment: Experiment) -> remedies.Ranking:
    """Every cure, one after the other, with a progress bar; a newer run of the page ends it."""

    def trial(changed: Experiment) -> Report:
        with ADMISSION:
            report = run_once(changed)
        # A session keeps all outcomes; their tables are all that is shown of them.
        return report.drop_histograms()

    bar = st.progress(0.0)

    def advance(done: int, total: int) -> None:
        bar.progress(done / total, _("{done} of {total} cures").format(done=done, total=total))

    ranking = remedies.try_all(experiment, run(experiment), trial, progress=advance)
    bar.empty()
    return ranking
