"""The app's server as a process of its own, on the loopback address only, for as long as needed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gradflow.cli.nginx import Proxy, find_nginx, run_nginx
from gradflow.cli.processes import LOOPBACK, find_free_ports, leave_on_sigterm
from gradflow.cli.workers import run_servers

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Server:
    """A running app: its address, and the ids of the processes that compute."""

    url: str
    pids: tuple[int, ...]


@dataclass(frozen=True)
class Usage:
    """What processes have used so far: seconds of CPU since their start, MB of memory now."""

    cpu_seconds: float
    memory_mb: tuple[float, ...]


@contextmanager
def run_app(processes: int = 1) -> Iterator[Server]:
    """Start the app on a free port and yield it; stop it on exit, also on SIGTERM.

    Args:
        processes: several stand behind nginx, which must be installed.
    """
    with leave_on_sigterm("stopped"), run_servers(processes, quiet=True) as servers:
        pids = tuple(server.process.pid for server in servers)
        addresses = [server.address for server in servers]
        if processes == 1:
            yield Server(f"http://{addresses[0]}", pids)
            return
        proxy = Proxy(addresses, LOOPBACK, *find_free_ports(1))
        with run_nginx(find_nginx() or "nginx", proxy):
            yield Server(proxy.url, pids)


def read_usage(pids: Sequence[int]) -> Usage:
    """Read what processes have used, from /proc; zeros on a system without it."""
    ticks, memory = 0, []
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        ticks += parse_ticks(stat)
        memory.append(parse_resident_mb(status))
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), tuple(memory))


def parse_ticks(stat: str) -> int:
    """Parse clock ticks in user and kernel mode from a process's ``stat``."""
    # The name in parentheses may hold anything, so count from its end.
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def parse_resident_mb(status: str) -> float:
    """Parse the resident memory from a process's ``status``, which has it in kB."""
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
