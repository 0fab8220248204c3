"""A sweep on a real cluster: a scheduler and two worker processes, one of which dies."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

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


COMPOSE = yaml.safe_load((Path(__file__).parents[3] / "compose.yaml").read_text())


def make_command(service: str, changes: dict[str, str]) -> list[str]:
    """The command of a service of ``compose.yaml``, here instead of in a container."""
    _python, *words = COMPOSE["services"][service]["command"]
    assert set(changes) <= set(words)
    return [sys.executable, *(changes.get(word, word) for word in words), "--host", LOOPBACK]


@pytest.fixture
def cluster(tmp_path: Path):
    """Yield the scheduler's address and the two workers, run as ``compose.yaml`` runs them."""
    (port,) = find_free_ports(1)
    address = f"tcp://{LOOPBACK}:{port}"
    here = {
        "tcp://scheduler:8786": address,
        "--local-directory=/tmp": f"--local-directory={tmp_path}",
    }
    with ExitStack() as stack:
        processes = [
            stack.enter_context(run_until_exit(command, subprocess.DEVNULL))
            for command in (
                make_command("scheduler", {"8786": str(port)}),
                make_command("worker", here),
                make_command("worker", here),
            )
        ]
        yield address, processes[1:]
        for process in processes:
            process.kill()


def test_only_servers_reach_the_cluster_of_compose() -> None:
    """Who reaches a scheduler can run anything on its workers."""
    services = COMPOSE["services"]
    for name in ("scheduler", "worker"):
        assert "ports" not in services[name]
        assert services[name]["networks"] == ["cluster"]
    assert COMPOSE["networks"]["cluster"]["internal"] is True
    near = {name for name, own in services.items() if "cluster" in own.get("networks", ())}
    assert near == {"gradflow", "scheduler", "worker"}
    assert "GRADFLOW_SCHEDULER" in services["gradflow"]["environment"]


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


def test_when_all_workers_are_lost_it_ends_and_goes_on_from_its_file(
    cluster, monkeypatch, tmp_path
):
    address, workers = cluster
    monkeypatch.setattr(cluster_module, "LOST_SECONDS", 1)
    file = tmp_path / "sweep.part"

    def kill_all(done: int, total: int) -> None:
        if done:
            for worker in workers:
                worker.kill()
                worker.wait()

    with pytest.raises(gf.GradflowError, match=r"scheduler: tcp://.* has lost its workers"):
        gf.sweep(BASE, AXES, seeds=8, progress=kill_all, scheduler=address, file=file)
    seen: list[int] = []
    table = gf.sweep(
        BASE, AXES, seeds=8, progress=lambda done, total: seen.append(done), file=file, scheduler=""
    )
    assert seen[0] > 0  # what the workers had done
    assert len(table) == 384
    assert "workers" not in {thread.name for thread in threading.enumerate()}


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
