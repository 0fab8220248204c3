"""Shared, admitted calls into core for the page on normalization."""

from __future__ import annotations

from gradflow.core.teaching.normalization import batch, running, small_batches
from gradflow.ui.admission import admit_long
from gradflow.ui.memo import remember
from gradflow.ui.turns import ADMISSION

_BYTES = 80 * 2**20
"""What the largest of these computations takes at its peak, rounded up."""


def push(spec: batch.PushedBatch) -> batch.PushResult:
    """Push a batch through a normalization; not cached, since it is large and quickly computed."""
    with ADMISSION, admit_long(_BYTES):
        return batch.push(spec)


@remember
def run_statistics(
    spec: running.RunningStatistics,
) -> tuple[running.RunningCourse, running.Outputs]:
    """Compute the course of the running statistics, and the outputs for the test set."""
    with admit_long(_BYTES):
        course = running.simulate_course(spec)
        return course, running.push_test_samples(spec, course)


@remember
def compute_spreads(
    law: small_batches.Law, positions: int, group_channels: int, seed: int
) -> small_batches.Spreads:
    """Compute the spreads at all batch sizes."""
    spec = small_batches.SmallBatches(
        law=law, positions=positions, group_channels=group_channels, seed=seed
    )
    with admit_long(_BYTES):
        return small_batches.measure_spreads(spec)
