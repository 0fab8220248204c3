"""Cached, admitted calls into core: the only file with ``st.cache_*``."""

from __future__ import annotations

import os
import threading

import streamlit as st

from gradflow.core.experiment import Experiment
from gradflow.core.probe import run as run_uncached
from gradflow.core.report import Report

# One computation per core at a time; the others wait their turn instead of sharing the caches.
_ADMISSION = threading.BoundedSemaphore(os.cpu_count() or 1)


@st.cache_data(
    max_entries=128,
    show_spinner=False,
    hash_funcs={Experiment: lambda experiment: experiment.model_dump_json()},
)
def run(experiment: Experiment) -> Report:
    """The report of an experiment; the same experiment is computed once for all users."""
    with _ADMISSION:
        return run_uncached(experiment)
