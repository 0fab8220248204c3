"""A sweep on a Dask cluster: its workers run the jobs, wherever they are."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from gradflow.core.errors import GradflowError
from gradflow.core.text import Text

CONNECT_SECONDS = 10
_ATTEMPTS = 5
"""Workers that a job may lose before the sweep gives up."""


@contextmanager
def connect(address: str) -> Iterator[Executor]:
    """Connect to the scheduler of a cluster, and yield an executor whose jobs its workers run.

    The workers need this version of gradflow. A job whose worker is lost runs on another.

    Raises:
        GradflowError: dask.distributed is not installed, or nobody answers at the address.
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
        yield client.get_executor(retries=_ATTEMPTS)
