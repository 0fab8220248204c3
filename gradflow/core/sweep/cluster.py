"""A sweep on a Dask cluster: its workers run the jobs, wherever they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from typing import Any

from gradflow.core.errors import GradflowError
from gradflow.core.text import Text

CONNECT_SECONDS = 10
LOST_SECONDS = 30
"""Time in which a worker may start again before a sweep without any is given up."""
_LOOK_SECONDS = 0.5
_ATTEMPTS = 5
"""Workers that a job may lose before the sweep gives up."""
_PACKAGES = ("gradflow", "torch")
"""What must be of the same version everywhere, so that networks are read and numbers are equal."""


@contextmanager
def connect(address: str) -> Iterator[Executor]:
    """Connect to the scheduler of a cluster, and yield an executor whose jobs its workers run.

    A job whose worker is lost runs on another.

    Raises:
        GradflowError: dask.distributed is not installed, nobody answers at the address, there is no
            worker, one has other versions of gradflow or PyTorch, or the cluster is lost meanwhile.
    """
    try:
        import distributed  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        message = Text("scheduler: needs dask.distributed; pip install 'gradflow[cluster]'")
        raise GradflowError(message) from error
    try:
        client: Any = distributed.Client(address, timeout=CONNECT_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        message = Text(
            "scheduler: {address} does not answer ({error}); start one with dask scheduler",
            address=address,
            error=str(error),
        )
        raise GradflowError(message) from error
    with client:
        _wait_for_worker(client, address)
        refuse_other_versions(client.get_versions(packages=list(_PACKAGES)))
        try:
            with _watch_workers(client):
                yield client.get_executor(retries=_ATTEMPTS)
        except (distributed.KilledWorker, CancelledError) as error:
            message = Text(
                "scheduler: {address} has lost its workers ({error}); start them again, and then "
                "the sweep: it goes on from its file, if it has one",
                address=address,
                error=str(error) or type(error).__name__,
            )
            raise GradflowError(message) from error


@contextmanager
def _watch_workers(client: Any) -> Iterator[None]:
    """Cancel all jobs once there has been no worker for a while: they would wait for ever."""
    ended = threading.Event()

    def watch() -> None:
        seen = time.monotonic()
        while not ended.wait(_LOOK_SECONDS) and client.status == "running":
            try:
                workers = client.scheduler_info()["workers"]
            except OSError:  # the scheduler is lost, too: the client itself ends the jobs
                return
            if workers:
                seen = time.monotonic()
            elif time.monotonic() - seen > LOST_SECONDS:
                client.close()
                return

    watcher = threading.Thread(target=watch, name="workers", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _wait_for_worker(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError as error:
        message = Text(
            "scheduler: {address} has no workers; start one with dask worker {address}",
            address=address,
        )
        raise GradflowError(message) from error


def refuse_other_versions(versions: dict[str, Any]) -> None:
    """Refuse workers with other versions than this process, as ``Client.get_versions`` lists them.

    Builds of one release, such as 2.13.0+cpu and 2.13.0+cu130, count as the same.

    Raises:
        GradflowError: names a worker, its versions and those that it needs.
    """
    own = _name_versions(versions["client"])
    for worker, host in versions["workers"].items():
        if (other := _name_versions(host)) != own:
            message = Text(
                "scheduler: the worker {worker} has {other}, and here is {own}; install the same "
                "there",
                worker=worker,
                other=other,
                own=own,
            )
            raise GradflowError(message)


def _name_versions(host: dict[str, Any]) -> str:
    packages = host["packages"]
    numbers = {name: str(packages.get(name) or "?").partition("+")[0] for name in _PACKAGES}
    return ", ".join(f"{name} {number}" for name, number in numbers.items())
