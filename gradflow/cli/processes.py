"""Processes that run for as long as they are needed, and what they answer on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import IO

from gradflow.cli.console import CommandFailed
from gradflow.core.text import Text

LOOPBACK = "127.0.0.1"
START_SECONDS = 300
"""A busy machine compiles slowly; a process that has died is noticed at once."""
STOP_SECONDS = 10
_LOOK_SECONDS = 0.1
Process = subprocess.Popen[bytes]


@contextmanager
def run_until_exit(
    command: Sequence[str], output: int | IO[bytes] | None = None, folder: Path | None = None
) -> Iterator[Process]:
    """Run a command, and end it on exit: with SIGTERM, after ``STOP_SECONDS`` with SIGKILL.

    Args:
        command: the program and its arguments.
        output: where its output goes, errors too; by default where ours goes.
        folder: where it runs; by default where we do.
    """
    process = start(command, output, folder)
    try:
        yield process
    finally:
        stop(process)


def start(
    command: Sequence[str],
    output: int | IO[bytes] | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Process:
    """Start a command that gets no input; ``environment`` holds variables beside ours."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )


def stop(process: Process) -> None:
    """End a process, gently first."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def leave_on_sigterm(status: int | str) -> Iterator[None]:
    """Leave the block by ``SystemExit(status)`` when this process is asked to end by SIGTERM."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(status)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def find_free_ports(count: int) -> list[int]:
    """Find ports of the loopback address that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind((LOOPBACK, 0))
        return [free.getsockname()[1] for free in sockets]


def wait_for_health(process: Process, url: str, seconds: float = START_SECONDS) -> None:
    """Wait until the app answers below an address.

    Args:
        process: what is to make it answer.
        url: the app's root.
        seconds: how long that may take.

    Raises:
        CommandFailed: the process has ended, or that was not long enough.
    """
    give_up = time.monotonic() + seconds
    while not is_healthy(url):
        if process.poll() is not None or time.monotonic() > give_up:
            raise CommandFailed(Text("{url}: the server did not start", url=url))
        time.sleep(_LOOK_SECONDS)


def is_healthy(url: str) -> bool:
    """Whether the app answers below an address; other servers may answer anything with a page."""
    return fetch_body(f"{url}/_stcore/health") == b"ok"


def fetch_body(url: str) -> bytes:
    """Fetch what an address of this machine answers, without proxies; nothing if it does not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=4) as response:
            return bytes(response.read())
    except OSError:
        return b""
