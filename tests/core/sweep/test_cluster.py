"""A sweep on a real cluster: a scheduler and two worker processes, one of which dies."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest

import gradflow as gf
from gradflow.cli.processes import LOOPBACK, find_free_ports, run_until_exit
from gradflow.core.sweep import cluster as cluster_module

pytest.importorskip("distributed")
BASE = gf.Experiment(
    network=gf.MLP(depth=12, width=24, initialization="normal", init_std=0.1),
    data=gf.Data(batch_size=64),
    dtype="float64",
)
AXES = {"init_std": np.geomspace(0.05, 0.5, 48)}


@pytest.fixture
def cluster():
    """Yield the scheduler's address and the two workers."""
    port, dashboard = find_free_ports(2)
    address = f"tcp://{LOOPBACK}:{port}"
    here = ["--host", LOOPBACK]
    with ExitStack() as stack:
        processes = []

        def run(module: str, *arguments: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", f"distributed.cli.{module}", *here, *arguments]
            processes.append(stack.enter_context(run_until_exit(command, subprocess.DEVNULL)))
            return processes[-1]

        run(
            "dask_scheduler",
            "--port",
            str(port),
            "--dashboard-address",
            f":{dashboard}",
            "--no-show",
        )
        options = ["--no-nanny", "--nthreads", "1", "--no-dashboard"]
        workers = [run("dask_worker", address, *options) for _ in range(2)]
        yield address, workers
        for process in processes:
            process.kill()


def test_a_lost_worker_loses_nothing(cluster, monkeypatch):
    address, workers = cluster
    seen = []

    def kill_one(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 3:
            workers[0].kill()
            workers[0].wait()

    monkeypatch.setenv("GRADFLOW_SCHEDULER", address)
    table = gf.sweep(BASE, AXES, seeds=4, progress=kill_one)
    assert seen == sorted(set(seen))  # nothing is counted twice
    assert seen[-1] == 192
    assert workers[1].poll() is None
    pd.testing.assert_frame_equal(table, gf.sweep(BASE, AXES, seeds=4, scheduler=""), rtol=1e-9)


def test_nobody_answers(monkeypatch):
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 1)
    (port,) = find_free_ports(1)
    with pytest.raises(gf.GradflowError, match=r"scheduler: tcp://.* does not answer"):
        gf.sweep(BASE, AXES, scheduler=f"tcp://{LOOPBACK}:{port}")
