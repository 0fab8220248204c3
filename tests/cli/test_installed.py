"""The wheel, installed in a folder of its own, serves the app: two processes behind the real nginx.

One start for all: the wheel, the command, the base path, and all that nginx is there for.
"""

import asyncio
import gzip
import http.client
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from benchmarks.session import Session
from gradflow.cli.nginx import COOKIE, Limits, Proxy, run_nginx
from gradflow.cli.processes import LOOPBACK, find_free_ports, run_until_exit, wait_for_health

ROOT = Path(__file__).parents[2]
PACKED = ("app.py", "gradflow", "LICENSE", "pages", "pyproject.toml", "README.md", "setup.py")
BASE = "/school/gradflow"
KERNELS = "gradflow/core/recording"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def server(self) -> str:
        """The server that the answer asks the browser to stay with; empty: the one it has."""
        match = re.search(rf"{COOKIE}=(\d+)", str(self.headers.get_all("Set-Cookie")))
        return match[1] if match else ""


@dataclass(frozen=True)
class Served:
    """The running app: nginx's port, the servers' addresses, what the command has written."""

    port: int
    servers: list[str]
    log: Path

    def fetch(self, path: str, server: str = "", **headers: str) -> Answer:
        return fetch(self.port, BASE + path, server, **headers)


def fetch(port: int, path: str, server: str = "", **headers: str) -> Answer:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
    if server:
        headers["Cookie"] = f"{COOKIE}={server}"
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    answer = Answer(response.status, response.headers, response.read())
    connection.close()
    return answer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder into which the wheel is installed, without network."""
    source, wheels, site = (tmp_path_factory.mktemp(name) for name in ("source", "wheel", "site"))
    for name in (*PACKED, ".streamlit"):
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = ["wheel", str(source), "--no-deps", "--no-build-isolation", "-w", str(wheels)]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = wheels.glob("*.whl")
    install = ["install", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run([*pip, *install], check=True)
    copy_compiled_kernels(site)
    return site


def copy_compiled_kernels(site: Path) -> None:
    """Spare both servers half a minute: numba keeps what it has compiled beside the source."""
    for path in (ROOT / KERNELS).glob("*kernels.py"):
        shutil.copy2(path, site / KERNELS)
    for path in (ROOT / KERNELS / "__pycache__").glob("*.nb?"):
        shutil.copy2(path, site / KERNELS / "__pycache__")


@pytest.fixture(scope="module")
def served(site: Path, nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The app as ``gradflow serve --workers 2`` serves it from another folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (port,) = find_free_ports(1)
    command = [sys.executable, str(site / "bin" / "gradflow"), "serve", "--workers", "2"]
    with pytest.MonkeyPatch.context() as patch, (folder / "log.txt").open("wb") as log:
        patch.setenv("PYTHONPATH", str(site))
        patch.setenv("GRADFLOW_NGINX", nginx)
        patch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", BASE)
        with run_until_exit([*command, "--port", str(port)], log, folder) as process:
            try:
                wait_for_health(process, f"http://{LOOPBACK}:{port}{BASE}")
            except Exception:
                pytest.fail((folder / "log.txt").read_text())
            said = (folder / "log.txt").read_text()
            yield Served(port, re.findall(rf"{LOOPBACK}:\d+(?=[,)])", said), folder / "log.txt")


def test_the_command_says_what_it_did(served: Served, site: Path) -> None:
    said = served.log.read_text()
    assert len(served.servers) == 2
    assert f"http://{LOOPBACK}:{served.port}{BASE}/" in said
    assert COOKIE in said
    assert "\x1b" not in said
    files = {path.relative_to(site / "gradflow").as_posix() for path in site.rglob("gradflow/app/*")}
    assert {"app/app.py", "app/pages", "app/.streamlit"} <= files
    assert "app/setup.py" not in files


def test_everything_is_below_the_base_path(served: Served) -> None:
    assert served.fetch("/_stcore/health").body == b"ok"
    assert b"<title>Streamlit</title>" in served.fetch("/training").body
    redirect = served.fetch("?depth=7")
    assert redirect.headers["Location"] == f"{BASE}/?depth=7"
    for path in ("/", "/_stcore/health", BASE.upper()):
        assert fetch(served.port, path).status == 404


def test_a_page_comes_over_the_websocket_and_again_from_the_same_process(served: Served) -> None:
    """A session that reconnects is known to the process that has it, and to no other."""

    async def visit() -> None:
        url = f"http://{LOOPBACK}:{served.port}{BASE}"
        sessions = [Session(url, "depth=6", cookie=f"{COOKIE}={server}") for server in "12"]
        for session in sessions:
            await session.open("Depth")
        assert [session.layers for session in sessions] == [6, 6]
        assert [session.errors for session in sessions] == [[], []]
        # The logo is a file of a session: only the process of that session has it.
        for session in sessions:
            await session.close()

    asyncio.run(visit())


def test_new_browsers_are_dealt_out_and_stay(served: Served) -> None:
    given = [served.fetch("/").server for _ in range(6)]
    assert sorted(given) == ["1", "1", "1", "2", "2", "2"]
    for server in "12":
        assert [served.fetch("/_stcore/health", server).server for _ in range(4)] == [""] * 4
    assert served.fetch("/", server="3").server in {"1", "2"}
    cookie = served.fetch("/").headers.get_all("Set-Cookie")
    assert any(f"Path={BASE}/; HttpOnly; SameSite=Lax" in text for text in cookie or ())
