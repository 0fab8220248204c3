"""nginx in front of several servers: the one place that writes its configuration."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from gradflow.cli.address import is_port, parse_base_path
from gradflow.cli.console import CommandFailed
from gradflow.cli.processes import LOOPBACK, Process, run_until_exit, wait_for_health
from gradflow.core.environment import InvalidEnvironment
from gradflow.core.errors import quote_value
from gradflow.core.text import Text

COOKIE = "gradflow_server"
"""Holds the number of the server that a browser stays with, from 1."""
_NGINX = "GRADFLOW_NGINX"
_EVERYWHERE = {"": LOOPBACK, "0.0.0.0": LOOPBACK, "::": "[::1]"}
_START_SECONDS = 30
_TEMPLATE = Path(__file__).with_name("nginx.conf")


class _Configuration(Template):
    delimiter = "@"


@dataclass(frozen=True)
class Limits:
    """What one address may take; a whole school may share one.

    Attributes:
        requests: per second, scripts not counted.
        burst: requests above that at once: a class opens its pages at the same moment.
        connections: at a time, among them a websocket per page.
        body_mb: size of an upload; ``server.maxUploadSize`` of ``.streamlit/config.toml`` and what
            is around it.
    """

    requests: int = 200
    burst: int = 1000
    connections: int = 500
    body_mb: int = 21


@dataclass(frozen=True)
class Proxy:
    """One address for several servers.

    Attributes:
        servers: an IP address and port of each, such as ``127.0.0.1:8501``.
        host: the address to listen on; empty: all of the machine's.
        port: the port to listen on.
        base_path: the path below which the servers serve the app: ``""`` or ``/gradflow``.
        limits: what one address may take.

    Raises:
        CommandFailed: a server is no IP address with a port, is named twice, or there is none.
    """

    servers: Sequence[str]
    host: str
    port: int
    base_path: str = ""
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not self.servers or len(set(self.servers)) < len(self.servers):
            raise CommandFailed(Text("servers: name each once, and at least one"))
        for server in self.servers:
            if not _is_address(server):
                message = Text(
                    "servers: {server} is not an IP address and a port, such as 127.0.0.1:8501",
                    server=quote_value(server),
                )
                raise CommandFailed(message)
        parse_base_path(self.base_path)

    @property
    def url(self) -> str:
        """Where the app is, seen from this machine; without a slash at the end."""
        host = _EVERYWHERE.get(self.host, self.host)
        return f"http://{host}:{self.port}{self.base_path}"

    def write_configuration(self, folder: str) -> str:
        """Write nginx's whole configuration; ``folder`` is where it may keep files.

        Raises:
            CommandFailed: the folder's name would have to be quoted.
        """
        if not re.fullmatch(r"/[\w./~+-]+", folder):
            message = Text(
                "folder: {folder} is not allowed; choose an absolute path of letters, digits and "
                ". ~ _ + -",
                folder=quote_value(folder),
            )
            raise CommandFailed(message)
        numbered = list(enumerate(self.servers, 1))
        host = f"[{self.host}]" if ":" in self.host else self.host
        return _Configuration(_TEMPLATE.read_text(encoding="utf-8")).substitute(
            folder=folder,
            cookie=COOKIE,
            listen=f"{host}:{self.port}" if host else str(self.port),
            every="\n".join(f"    server {server};" for server in self.servers),
            pools="\n".join(self._write_pool(number) for number, _server in numbered),
            choices="\n".join(f"    {number} server{number};" for number, _server in numbered),
            # The last one that was asked is the one that has answered.
            numbers="\n".join(f'    "~(^|[ ,]){re.escape(s)}$" {n};' for n, s in numbered),
            base=self.base_path,
            base_pattern=re.escape(self.base_path),
            outside=self._write_outside(),
            rate=self.limits.requests,
            burst=self.limits.burst,
            connections=self.limits.connections,
            body_mb=self.limits.body_mb,
        )

    def _write_pool(self, number: int) -> str:
        """Write the servers of browsers that stay with one: that one, others if it is down."""
        lines = [
            f"    server {server}{'' if i == number else ' backup'};"
            for i, server in enumerate(self.servers, 1)
        ]
        return "\n".join([f"  upstream server{number} {{", *lines, "    keepalive 32;", "  }"])

    def _write_outside(self) -> str:
        """Write what is answered outside of the base path."""
        if not self.base_path:
            return ""
        return "\n".join(
            [
                f"    location = {self.base_path} {{ return 301 {self.base_path}/$is_args$args; }}",
                "    location / { return 404; }",
            ]
        )


def find_nginx() -> str | None:
    """Find nginx: ``GRADFLOW_NGINX``, or what is installed, in an ordinary user's path or not.

    Raises:
        InvalidEnvironment: the variable names no program.
    """
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    named = os.environ.get(_NGINX)
    if named and shutil.which(named, path=path) is None:
        raise InvalidEnvironment.for_value(_NGINX, named, Text("the path of nginx's program"))
    return named or shutil.which("nginx", path=path)


@contextmanager
def run_nginx(nginx: str, proxy: Proxy) -> Iterator[Process]:
    """Run nginx until exit, and yield it when a server answers through it.

    Raises:
        CommandFailed: none did.
    """
    with tempfile.TemporaryDirectory(prefix="gradflow-nginx-") as folder:
        Path(folder).chmod(0o711)  # root's nginx works as another user
        configuration = Path(folder, "nginx.conf")
        configuration.write_text(proxy.write_configuration(folder), encoding="utf-8")
        command = [nginx, "-p", folder, "-e", "stderr", "-c", str(configuration)]
        with run_until_exit([*command, "-g", "daemon off;"]) as process:
            wait_for_health(process, proxy.url, _START_SECONDS)
            yield process


def _is_address(server: str) -> bool:
    host, _colon, port = server.rpartition(":")
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return is_port(port)
