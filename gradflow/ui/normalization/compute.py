"""Cached, admitted calls into core for the page on normalization."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization import batch, running, small_batches
from gradflow.ui.compute import ADMISSION

_HASHES: Any = {running.RunningStatistics: Spec.model_dump_json}


def push(spec: batch.PushedBatch) -> batch.PushResult:
    """Push a batch through a normalization; not cached, since it is large and quickly computed."""
    with ADMISSION:
        return batch.push(spec)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=_HASHES)
def run_statistics(
    spec: running.RunningStatistics,
) -> tuple[running.RunningCourse, running.Outputs]:
    """Compute the course of the running statistics, and the outputs for the test set."""
    with ADMISSION:
        course = running.simulate_course(spec)
        return course, running.push_test_samples(spec, course)


@st.cache_data(max_entries=64, show_spinner=False)
def compute_spreads(
    law: small_batches.Law, positions: int, group_channels: int, seed: int
) -> small_batches.Spreads:
    """Compute the spreads at all batch sizes."""
    spec = small_batches.SmallBatches(
        law=law, positions=positions, group_channels=group_channels, seed=seed
    )
    with ADMISSION:
        return small_batches.measure_spreads(spec)
