"""Running a sweep: jobs on an executor, rows as they come."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.sweep.cluster import connect
from gradflow.core.sweep.grid import Grid, Network
from gradflow.core.sweep.jobs import Job, Row, make_jobs, run_job
from gradflow.core.sweep.store import Store
from gradflow.core.sweep.table import make_table
from gradflow.core.text import Text

Progress = Callable[[int, int], None]


class _Stopped(Exception):
    """Raised in a job whose sweep has ended."""


def sweep(
    experiment: Experiment,
    axes: Mapping[str, Sequence[Any]],
    *,
    seeds: int = 8,
    progress: Progress | None = None,
    executor: Executor | None = None,
    scheduler: str | None = None,
    file: str | Path | None = None,
) -> pd.DataFrame:
    """Run an experiment at every combination of the axes' values, under several seeds.

    Fully connected networks of one structure, shortcuts included, run as one batched computation,
    convolutional ones and transformers one by one; each has the numbers of ``gradflow.run``, up to
    the order of summation.

    Args:
        experiment: the settings that no axis changes.
        axes: setting → values, such as ``{"network.depth": [10, 50], "init_std": [0.1, 0.2]}``.
        seeds: seeds in a row at each point, from the experiment's own.
        progress: called with the networks done and all of them; what it raises ends the sweep.
        executor: runs the jobs; by default threads of this machine, one per core.
        scheduler: the address of a Dask cluster, such as ``tcp://10.0.0.2:8786``; by default that
            of ``GRADFLOW_SCHEDULER``, if it is set. Needs ``pip install gradflow[cluster]``.
        file: keeps what is done: an interrupted sweep with the same grid goes on from there.

    Returns:
        One row per point and seed, points in the order of the axes: a column per axis, ``seed``,
        the columns of ``MEASURES``, ``verdict`` (a ``Fate``), ``precise`` (False: rounding,
        underflow or overflow has spoilt the gradient in this number format) and ``profile``, log₁₀
        of the RMS gradient of each layer.
        A point whose values are not possible together, or not on this machine, has a row of NaN,
        its verdict ``impossible``, and the reason in ``problem``. The axis ``loss`` has the column
        ``experiment.loss``, because there is a measure of that name. ``attrs`` holds the grid, as
        text.

    Raises:
        InvalidExperiment: the axes or seeds are impossible, see ``Grid``; or no network is
            possible on this machine.
        GradflowError: the file is of another sweep, or the cluster does not answer.
    """
    grid = Grid(experiment, axes, seeds)
    networks = list(grid.list_networks())
    with ExitStack() as stack:
        store = stack.enter_context(Store(Path(file), grid)) if file is not None else None
        rows = list(store.rows) if store is not None else []
        address = os.environ.get("GRADFLOW_SCHEDULER") if scheduler is None else scheduler
        if executor is None and address:
            executor = stack.enter_context(connect(address))
        known = {(row["cell"], row["seed"]) for row in rows}
        missing = [n for n in networks if (n.cell, n.experiment.seed) not in known]
        if progress is not None:
            progress(len(rows), len(networks))
        for done in run_networks(missing, executor):
            rows += done
            if store is not None:
                store.add(done)
            if progress is not None:
                progress(len(rows), len(networks))
    if all(row["problem"] for row in rows):
        _refuse_all(rows[0]["problem"])
    return make_table(grid, rows)


def _refuse_all(problem: Text) -> None:
    raise InvalidExperiment(problem)


def run_networks(
    networks: Sequence[Network], executor: Executor | None = None
) -> Iterator[list[Row]]:
    """Run networks and yield their rows as they come, the first networks first.

    Closing the iterator, or an error, ends the sweep: jobs that have not begun are dropped, and
    those of this machine end at their next layer.

    Args:
        networks: what to run, in the order in which it is wanted.
        executor: runs the jobs; ``None``: threads of this machine.
    """
    stopped = threading.Event()
    with ExitStack() as stack:
        work: Callable[[Job], list[Row]] = run_job
        workers = 1
        if executor is None:
            workers = os.cpu_count() or 1
            executor = stack.enter_context(
                ThreadPoolExecutor(
                    workers, "sweep", initializer=torch.set_num_threads, initargs=(1,)
                )
            )
            work = partial(run_job, advance=partial(_stop_if, stopped))
        futures: list[Future[list[Row]]] = []
        stack.callback(_drop, futures, stopped)
        futures += (executor.submit(work, job) for job in make_jobs(networks, workers))
        for future in as_completed(futures):
            yield future.result()


def _stop_if(stopped: threading.Event) -> None:
    if stopped.is_set():
        raise _Stopped


def _drop(futures: Sequence[Future[list[Row]]], stopped: threading.Event) -> None:
    stopped.set()
    for future in futures:
        future.cancel()
