"""Cached, admitted calls into core: nothing but ``compute.py`` files has ``st.cache_*``."""

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

# One computation per core at a time; the others wait their turn instead of sharing the caches.
ADMISSION = threading.BoundedSemaphore(os.cpu_count() or 1)

_HASH: Any = {Experiment: lambda experiment: experiment.model_dump_json()}


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=_HASH)
def run(experiment: Experiment) -> Report:
    """The report of an experiment; the same experiment is computed once for all users."""
    with ADMISSION:
        return run_uncached(experiment)


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=_HASH)
def predict(experiment: Experiment) -> theory.Prediction:
    """What theory says of an experiment."""
    report = run(experiment)
    with ADMISSION:
        return theory.predict(experiment, report)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=_HASH)
def run_seeds(experiment: Experiment, count: int) -> ensemble.Ensemble:
    """The experiment under several seeds."""
    with ADMISSION:
        return ensemble.run_seeds(experiment, count)


@st.cache_data(
    max_entries=256,
    show_spinner=False,
    hash_funcs={Descent: lambda descent: descent.model_dump_json()},
)
def descend(descent: Descent) -> tuple[trajectories.Trajectory, ...]:
    """The trajectories of a descent."""
    with ADMISSION:
        return trajectories.run_descent(descent)


@st.cache_data(max_entries=64, show_spinner=False)
def heights(
    surface: surfaces.Surface, shape: float
) -> tuple[tuple[surfaces.FloatArray, ...], surfaces.FloatArray]:
    """The loss over its window."""
    size = 101 if surfaces.SURFACES[surface].dimension == 2 else 401
    with ADMISSION:
        return surfaces.compute_heights(surface, shape, size)


@st.cache_data(
    max_entries=64,
    show_spinner=False,
    hash_funcs={dying.BiasedLayer: lambda layer: layer.model_dump_json()},
)
def train_dying(layer: dying.BiasedLayer) -> list[dying.DyingTraining]:
    """The biased layer, trained with every rival."""
    with ADMISSION:
        return dying.train_rivals(layer)


def try_cures(experiment: Experiment) -> remedies.Ranking:
    """Every cure, one after the other, with a progress bar; a newer run of the page ends it."""

    def trial(changed: Experiment) -> Report:
        with ADMISSION:
            report = run_uncached(changed)
        # A session keeps all outcomes; their tables are all that is shown of them.
        return dataclasses.replace(report, histograms={})

    bar = st.progress(0.0)

    def advance(done: int, total: int) -> None:
        bar.progress(done / total, _("{done} of {total} cures").format(done=done, total=total))

    found = remedies.try_all(experiment, run(experiment), trial, progress=advance)
    bar.empty()
    return found
