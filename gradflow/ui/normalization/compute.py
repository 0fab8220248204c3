"""Cached, admitted calls into core for the page on normalization."""

from __future__ import annotations

import streamlit as st

from gradflow.core.teaching.normalization import batch, running, small_batches
from gradflow.ui.compute import ADMISSION


def push(spec: batch.PushedBatch) -> batch.PushResult:
    """The batch after the normalization; too large to keep, and quickly made."""
    with ADMISSION:
        return batch.push(spec)


@st.cache_data(
    max_entries=64,
    show_spinner=False,
    hash_funcs={running.RunningStatistics: lambda spec: spec.model_dump_json()},
)
def run_statistics(
    spec: running.RunningStatistics,
) -> tuple[running.RunningCourse, running.Outputs]:
    """The running statistics, and the test."""
    with ADMISSION:
        course = running.simulate_course(spec)
        return course, running.push_test_samples(spec, course)


@st.cache_data(max_entries=64, show_spinner=False)
def spreads(
    law: small_batches.Law, positions: int, group_channels: int, seed: int
) -> small_batches.Spreads:
    """The spreads; the batch size in the spec only chooses among them."""
    spec = small_batches.SmallBatches(
        law=law, positions=positions, group_channels=group_channels, seed=seed
    )
    with ADMISSION:
        return small_batches.measure_spreads(spec)
