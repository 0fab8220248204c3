"""Several server processes behind nginx: each browser stays with one of them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from gradflow.cli.address import read_base_path
from gradflow.cli.console import CommandFailed, say
from gradflow.cli.nginx import COOKIE, Proxy, run_nginx
from gradflow.cli.processes import (
    LOOPBACK,
    Process,
    find_free_ports,
    leave_on_sigterm,
    start,
    stop,
    wait_for_health,
)
from gradflow.core.environment import PROCESSES
from gradflow.core.machine import ONE_HEAP
from gradflow.core.text import Text
from gradflow.ui.paths import APP, SITE

_LOOK_SECONDS = 0.5


def list_arguments(host: str, port: int) -> list[str]:
    """List the arguments by which Streamlit serves the app."""
    return ["run", str(APP), "--server.port", str(port), "--server.address", host]


@dataclass
class Server:
    """A server process on a port of the loopback address; after a crash it is another process."""

    port: int
    siblings: int
    """How many processes share this machine's memory, this one included."""
    quiet: bool
    process: Process = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Start the process, also again."""
        command = [sys.executable, "-m", "streamlit", *list_arguments(LOOPBACK, self.port)]
        # Only the proxy's address is of use to a person.
        command += ["--logger.hideWelcomeMessage", "true"]
        output = subprocess.DEVNULL if self.quiet else None
        self.process = start(command, output, SITE, {PROCESSES: str(self.siblings)} | ONE_HEAP)


@contextmanager
def run_servers(count: int, *, quiet: bool = False) -> Iterator[list[Server]]:
    """Run server processes until exit, and yield them when all are ready.

    Args:
        count: how many.
        quiet: whether what they write is thrown away.

    Raises:
        CommandFailed: one of them did not start.
    """
    servers: list[Server] = []
    try:
        for port in find_free_ports(count):
            servers.append(Server(port, count, quiet))  # noqa: PERF401 - each is stopped if a later fails
        for server in servers:
            wait_for_health(server.process, f"http://{server.address}{read_base_path()}")
        yield servers
    finally:
        for server in servers:  # all at once: each takes a second or two
            server.process.terminate()
        for server in servers:
            stop(server.process)


def serve(nginx: str, count: int, host: str, port: int) -> None:
    """Serve by several processes behind nginx until SIGTERM or Ctrl+C, and say so.

    Raises:
        CommandFailed: a process did not start, or nginx has ended.
    """
    with leave_on_sigterm(0):
        say(Text("starting {count} server processes", count=count))
        with run_servers(count) as servers:
            addresses = [server.address for server in servers]
            proxy = Proxy(addresses, host, port, read_base_path())
            with run_nginx(nginx, proxy) as process:
                say(
                    Text(
                        "{count} server processes ({addresses}) behind nginx; the cookie {cookie} "
                        "keeps each browser with one of them",
                        count=count,
                        addresses=", ".join(addresses),
                        cookie=COOKIE,
                    )
                )
                say(Text("open {url}/", url=proxy.url))
                _watch(servers, process)


def _watch(servers: Sequence[Server], proxy: Process) -> None:
    """Start anew what has crashed; meanwhile nginx sends its users to the others."""
    while proxy.poll() is None:
        for number, server in enumerate(servers, 1):
            status = server.process.poll()
            if status is not None:
                say(
                    Text(
                        "server process {number} has ended with status {status}; starting it anew",
                        number=number,
                        status=status,
                    )
                )
                server.start()
        time.sleep(_LOOK_SECONDS)
    raise CommandFailed(Text("nginx has ended with status {status}", status=proxy.returncode))
