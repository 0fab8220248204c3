"""A sweep on a real cluster: a scheduler and two worker processes, one of which dies."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest

import gradflow as gf
from gradflow.cli.processes import LOOPBACK, find_free_ports, run_until_exit
from gradflow.core.sweep import cluster as cluster_module
from gradflow.core.sweep.cluster import refuse_other_versions

distributed = pytest.importorskip("distributed")
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


def list_versions(**worker: str | None) -> dict:
    """List versions as Dask does, of this process and of one worker."""
    own = {"gradflow": "1.2", "torch": "2.13.0+cpu"}
    return {
        "client": {"packages": own},
        "scheduler": {"packages": {}},
        "workers": {"tcp://10.0.0.9:1": {"packages": own | worker}},
    }


def test_a_worker_with_other_versions_is_named():
    refuse_other_versions(list_versions(torch="2.13.0+cu130"))
    for other, said in (({"gradflow": "1.1"}, "gradflow 1.1, torch"), ({"gradflow": None}, r"\?")):
        with pytest.raises(gf.GradflowError, match=rf"10\.0\.0\.9:1 has .*{said}.* here is grad"):
            refuse_other_versions(list_versions(**other))
    with pytest.raises(gf.GradflowError, match=r"torch 2\.12\.1.*install the same"):
        refuse_other_versions(list_versions(torch="2.12.1"))


def test_a_cluster_without_workers_says_so(cluster, monkeypatch):
    address, workers = cluster
    for worker in workers:
        worker.kill()
        worker.wait()
    with distributed.Client(address) as client:
        while client.scheduler_info()["workers"]:
            time.sleep(0.05)
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 2)
    with pytest.raises(gf.GradflowError, match=r"tcp://.* has no workers; start one"):
        gf.sweep(BASE, AXES, seeds=1, scheduler=address)
