"""Calls into core, cached and admitted one per core; ``st.cache_*`` stands in such files only."""

from __future__ import annotations

import dataclasses
import os
import threading
from typing import Any

import streamlit as st

from gradflow.core import ensemble, remedies, theory
from gradflow.core.experiment import Experiment
from gradflow.core.probe import run as run_uncached
from gradflow.core.report import Report
from gradflow.core.teaching import dying, surfaces, trajectories
from gradflow.core.teaching.descent import Descent
from gradflow.core.text import _

ADMISSION = threading.BoundedSemaphore(os.cpu_count() or 1)
"""Admits one computation per core; the others wait instead of competing for the cores' caches."""

_HASH: Any = {Experiment: lambda experiment: experiment.model_dump_json()}


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=_HASH)
def run(experiment: Experiment) -> Report:
    """Compute the report of an experiment; the same one is computed once for all users."""
    with ADMISSION:
        return run_uncached(experiment)


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=_HASH)
def predict(experiment: Experiment) -> theory.Prediction:
    """Predict an experiment by mean-field theory."""
    report = run(experiment)
    with ADMISSION:
        return theory.predict(experiment, report)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=_HASH)
def run_seeds(experiment: Experiment, count: int) -> ensemble.Ensemble:
    """Run an experiment with ``count`` seeds."""
    with ADMISSION:
        return ensemble.run_seeds(experiment, count)


@st.cache_data(
    max_entries=256,
    show_spinner=False,
    hash_funcs={Descent: lambda descent: descent.model_dump_json()},
)
def descend(descent: Descent) -> tuple[trajectories.Trajectory, ...]:
    """Compute the trajectory of each optimizer of a descent."""
    with ADMISSION:
        return trajectories.run_descent(descent)


@st.cache_data(max_entries=64, show_spinner=False)
def compute_heights(
    surface: surfaces.Surface, shape: float
) -> tuple[tuple[surfaces.FloatArray, ...], surfaces.FloatArray]:
    """Compute the coordinates of a grid over a surface's window, and the loss there."""
    size = 101 if surfaces.SURFACES[surface].dimension == 2 else 401
    with ADMISSION:
        return surfaces.compute_heights(surface, shape, size)


@st.cache_data(
    max_entries=64,
    show_spinner=False,
    hash_funcs={dying.BiasedLayer: lambda layer: layer.model_dump_json()},
)
def train_dying(layer: dying.BiasedLayer) -> list[dying.DyingTraining]:
    """Train the biased layer with every rival of ReLU."""
    with ADMISSION:
        return dying.train_rivals(layer)


def try_cures(experiment: Experiment) -> remedies.Ranking:
    """Try every cure under a progress bar; a newer run of the page ends that.

    The outcomes, which a session keeps, are without histograms: only their tables are shown.
    """

    def run_changed(changed: Experiment) -> Report:
        with ADMISSION:
            report = run_uncached(changed)
        return dataclasses.replace(report, histograms={})

    bar = st.progress(0.0)

    def advance(done: int, total: int) -> None:
        bar.progress(done / total, _("{done} of {total} cures").format(done=done, total=total))

    ranking = remedies.try_all(experiment, run(experiment), run_changed, progress=advance)
    bar.empty()
    return ranking
