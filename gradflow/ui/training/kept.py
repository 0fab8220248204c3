"""Earlier runs that a session keeps, and the memory that the records of runs take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from gradflow.core.machine import read_memory
from gradflow.core.training import Run, cost
from gradflow.ui.training.groups import RunGroup, Setup

_MOST_BYTES, _LEAST_BYTES = 256 * 2**20, 32 * 2**20
_SHARE = 4
"""Of the memory that is left, records of all sessions take one part in so many at most."""
_RECORD_BYTES, _RECORDED_LAYER_BYTES = 2200, 100
_REPORTED_LAYER_BYTES, _FRAMED_LAYER_BYTES = 24_000, 850


@dataclass(frozen=True)
class EarlierRun:
    """An earlier run, or one from a file; ``file`` is the file's name."""

    name: str
    run: Run
    file: str = ""

    @cached_property
    def size(self) -> int:
        """Bytes that its records take."""
        return measure_run(self.run)


def choose_most_bytes() -> int:
    """Choose how many bytes records may take in all, by what this machine has left now."""
    return max(_LEAST_BYTES, min(_MOST_BYTES, read_memory().left // _SHARE))


def measure_run(run: Run) -> int:
    """Estimate the bytes that the records of a run take."""
    records = run.records
    return _estimate(
        len(records),
        len(records[0].modules) if records else 0,
        sum(record.snapshot is not None for record in records),
        sum(record.frame is not None for record in records),
    )


def measure_group(group: RunGroup) -> int:
    """Estimate the bytes that the records of a group take, or will take if it goes on."""
    if not group.over:
        return measure_setup(group.setup)
    return sum(measure_run(lane.run) for lane in group.lanes)


def measure_setup(setup: Setup) -> int:
    """Estimate the bytes that the records of runs will take."""
    return sum(
        _estimate(
            len(run.plan.recorded_steps),
            len(run.experiment.network.list_layers(run.experiment.data)),
            len(run.plan.reported_steps),
            len(run.plan.list_framed_steps(cost.choose_frames(run.experiment))),
        )
        for run in setup.runs
    )


def _estimate(records: int, layers: int, reports: int, frames: int) -> int:
    return (
        records * (_RECORD_BYTES + layers * _RECORDED_LAYER_BYTES)
        + reports * layers * _REPORTED_LAYER_BYTES
        + frames * layers * _FRAMED_LAYER_BYTES
    )
