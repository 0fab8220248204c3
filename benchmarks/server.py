"""The app's server as a process of its own, on the loopback address only, for as long as needed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from types import FrameType

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 10
Process = subprocess.Popen[bytes]

NGINX_CONF = Template(
    """worker_processes 1; pid nginx.pid; error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log off;
  client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u;
  scgi_temp_path s;
  upstream all { server $host:$first; server $host:$second; keepalive 16; }
  upstream a { server $host:$first; server $host:$second backup; keepalive 16; }
  upstream b { server $host:$second; server $host:$first backup; keepalive 16; }
  # A session lives in one process: a cookie keeps each browser with the one that answered first.
  map $$cookie_gfw $$pool { a a; b b; default all; }
  map $$upstream_addr $$who { ~:$first$$ a; ~:$second$$ b; default ""; }
  map $$cookie_gfw $$stick { a ""; b ""; default "gfw=$$who; Path=/; HttpOnly; SameSite=Lax"; }
  map $$http_upgrade $$connection_upgrade { default upgrade; "" ""; }
  server {
    listen $host:$front;
    location / {
      proxy_pass http://$$pool;
      add_header Set-Cookie $$stick;
      proxy_http_version 1.1;
      proxy_set_header Host $$host:$front;
      proxy_set_header Upgrade $$http_upgrade;
      proxy_set_header Connection $$connection_upgrade;
      proxy_read_timeout 3600;
      proxy_buffering off;
    }
  }
}
"""
)
"""Two processes behind one address."""


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
        processes: 1, or 2 behind nginx, which must be installed.
    """
    with ExitStack() as stack:
        stack.enter_context(_stop_on_sigterm())
        ports = find_free_ports(processes)
        apps = [stack.enter_context(_run_process(port)) for port in ports]
        for app, port in zip(apps, ports, strict=True):
            _wait_for_health(app, port)
        front = ports[0] if processes == 1 else stack.enter_context(_run_nginx(ports))
        yield Server(f"http://{HOST}:{front}", tuple(app.pid for app in apps))


def has_nginx() -> bool:
    """Say whether two processes can be put behind one address."""
    return shutil.which("nginx") is not None


def find_free_ports(count: int) -> list[int]:
    """Find ports of the loopback address that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for free in sockets:
            free.bind((HOST, 0))
        return [free.getsockname()[1] for free in sockets]


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


@contextmanager
def _run_process(port: int) -> Iterator[Process]:
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    command += ["--server.address", HOST, "--server.headless", "true"]
    with _run_until_exit(command) as process:
        yield process


@contextmanager
def _run_nginx(ports: Sequence[int]) -> Iterator[int]:
    (front,) = find_free_ports(1)
    first, second = ports
    with tempfile.TemporaryDirectory(prefix="gradflow-nginx-") as folder:
        conf = Path(folder, "nginx.conf")
        conf.write_text(NGINX_CONF.substitute(host=HOST, front=front, first=first, second=second))
        # One process, not a master with workers of another user: nothing is left behind.
        flags = "daemon off; master_process off;"
        nginx = shutil.which("nginx") or "nginx"
        with _run_until_exit([nginx, "-p", folder, "-c", str(conf), "-g", flags]) as process:
            _wait_for_health(process, front)
            yield front


@contextmanager
def _run_until_exit(command: Sequence[str]) -> Iterator[Process]:
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _stop_on_sigterm() -> Iterator[None]:
    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit("stopped")

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_for_health(process: Process, port: int) -> None:
    give_up = time.monotonic() + START_SECONDS
    while fetch_body(f"http://{HOST}:{port}/_stcore/health") != b"ok":
        if process.poll() is not None or time.monotonic() > give_up:
            raise SystemExit(f"did not start: {process.args}")
        time.sleep(0.2)


def fetch_body(url: str) -> bytes:
    """Fetch what an address of this machine answers, without proxies; nothing if it does not."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=1) as response:
            return bytes(response.read())
    except OSError:
        return b""
