"""The wheel, installed in a folder of its own, serves the app: two processes behind the real nginx.

One start for all: the wheel, the command, the base path, and all that nginx is there for.
"""

import asyncio
import gzip
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from benchmarks.session import count_layers, find_figure, write_rerun
from gradflow.cli.nginx import COOKIE, Limits, Proxy, run_nginx
from gradflow.cli.processes import LOOPBACK, START_SECONDS, find_free_ports, run_until_exit

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


@dataclass(frozen=True)
class OpenPage:
    session: str
    cookies: str


def is_end(message: ForwardMsg) -> bool:
    """Whether a run is over that no newer one has stopped."""
    is_last = message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    return message.HasField("script_finished") and is_last


@asynccontextmanager
async def open_page(served: Served, server: str, session: str = "") -> AsyncIterator[OpenPage]:
    """Open Explore as a browser does that had a session before, if one is named."""
    url = f"ws://{LOOPBACK}:{served.port}{BASE}/_stcore/stream"
    protocols = [
        Subprotocol(name) for name in (["streamlit", "-", session] if session else ["streamlit"])
    ]
    cookie = {"Cookie": f"{COOKIE}={server}"}
    async with connect(
        url, subprotocols=protocols, additional_headers=cookie, max_size=None, proxy=None
    ) as socket:
        await socket.send(write_rerun("depth=4", "").SerializeToString())
        messages: list[ForwardMsg] = []
        while not messages or not is_end(messages[-1]):
            messages.append(ForwardMsg.FromString(await socket.recv(decode=False)))
        assert {count_layers(f.spec) for m in messages if (f := find_figure(m))} == {4}
        started = next(
            message.new_session for message in messages if message.HasField("new_session")
        )
        assert socket.response is not None
        cookies = str(socket.response.headers.get_all("Set-Cookie"))
        yield OpenPage(started.initialize.session_id, cookies)


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
            give_up = time.monotonic() + START_SECONDS
            while " open http" not in (said := (folder / "log.txt").read_text()):
                if process.poll() is not None or time.monotonic() > give_up:
                    pytest.fail(f"the app did not start:\n{said}")
                time.sleep(0.1)
            yield Served(port, re.findall(rf"{LOOPBACK}:\d+(?=[,)])", said), folder / "log.txt")


def test_the_command_says_what_it_did(served: Served) -> None:
    said = served.log.read_text()
    assert len(served.servers) == 2
    assert f"http://{LOOPBACK}:{served.port}{BASE}/" in said
    assert COOKIE in said
    environment = Path(f"/proc/{find_process(served.servers[0])}/environ").read_bytes()
    assert b"GRADFLOW_PROCESSES=2\0" in environment
    assert "\x1b" not in said
    assert "Collecting usage statistics" not in said  # Streamlit's settings are there, too


def test_the_wheel_holds_every_file(site: Path) -> None:
    expected = {Path("gradflow/app/app.py"), Path("gradflow/app/.streamlit/config.toml")}
    for here, there in (("gradflow", "gradflow"), ("pages", "gradflow/app/pages")):
        expected |= {there / path for path in list_files(ROOT / here)}
    assert {"gradflow" / path for path in list_files(site / "gradflow")} == expected


def list_files(folder: Path) -> Iterator[Path]:
    """List the files below a folder, as seen from there, but what Python and numba have made."""
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder)


def test_everything_is_below_the_base_path(served: Served) -> None:
    assert served.fetch("/_stcore/health").body == b"ok"
    assert b"<title>Streamlit</title>" in served.fetch("/training").body
    redirect = served.fetch("?depth=7")
    assert redirect.headers["Location"] == f"{BASE}/?depth=7"
    for path in ("/", "/_stcore/health", BASE.upper()):
        assert fetch(served.port, path).status == 404


def test_a_session_stays_with_its_process(served: Served) -> None:
    """Over a reconnect, and for the files that it has sent; another process knows neither."""

    async def visit() -> None:
        async with open_page(served, "2") as page:
            assert send_file(served, "2", page.session) == 204
            assert send_file(served, "1", page.session) == 400  # "without sticky sessions", it says
        async with open_page(served, "2", page.session) as again:
            assert again.session == page.session
        async with open_page(served, "1", page.session) as elsewhere:
            assert elsewhere.session != page.session

    asyncio.run(visit())


def send_file(served: Served, server: str, session: str) -> int:
    """Upload a file to a session, and return the status."""
    known = str(served.fetch("/_stcore/health").headers.get_all("Set-Cookie"))
    token = re.findall(r"_streamlit_xsrf=([^;]+)", known)[0]
    part = b'Content-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n{}\r\n'
    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Cookie": f"_streamlit_xsrf={token}; {COOKIE}={server}",
        "X-Xsrftoken": token,
    }
    connection = http.client.HTTPConnection(LOOPBACK, served.port, timeout=60)
    path = f"{BASE}/_stcore/upload_file/{session}/a"
    connection.request("PUT", path, b"--x\r\n" + part + b"--x--\r\n", headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_new_browsers_are_dealt_out_and_stay(served: Served) -> None:
    given = [served.fetch("/").server for _ in range(6)]
    assert sorted(given) == ["1", "1", "1", "2", "2", "2"]
    for server in "12":
        assert [served.fetch("/_stcore/health", server).server for _ in range(4)] == [""] * 4
    assert served.fetch("/", server="3").server in {"1", "2"}
    cookie = served.fetch("/").headers.get_all("Set-Cookie")
    assert any(f"Path={BASE}/; HttpOnly; SameSite=Lax" in text for text in cookie or ())


def test_what_is_sent_is_compressed_and_kept(served: Served) -> None:
    page = served.fetch("/", **{"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    html = gzip.decompress(page.body).decode()
    (script,) = set(re.findall(r"(/static/js/index\.[\w-]+\.js)", html))
    for _time in ("from a server", "from nginx"):
        answer = served.fetch(script, **{"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "immutable" in answer.headers["Cache-Control"]
        assert len(answer.body) < len(gzip.decompress(answer.body)) / 2
    assert answer.server == ""
    assert served.fetch(script).headers["Content-Encoding"] is None


def test_strangers_are_kept_out(served: Served) -> None:
    metrics = served.fetch("/_stcore/metrics")
    for answer in (served.fetch("/"), metrics, fetch(served.port, "/")):
        for name in ("X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy"):
            assert len(answer.headers.get_all(name) or ()) == 1
        assert "frame-ancestors" in answer.headers["Content-Security-Policy"]
    assert metrics.status == 404


def test_one_address_takes_no_more_than_its_share(served: Served, nginx: str) -> None:
    (port,) = find_free_ports(1)
    limits = Limits(requests=1, burst=8, connections=2, body_mb=1)

    async def open_three() -> None:
        url = f"ws://{LOOPBACK}:{port}{BASE}/_stcore/stream"
        async with connect(url, proxy=None), connect(url, proxy=None):
            with pytest.raises(InvalidStatus, match="429"):
                await connect(url, proxy=None)

    with run_nginx(nginx, Proxy(served.servers, LOOPBACK, port, BASE, limits)):
        asyncio.run(open_three())
        statuses = [fetch(port, f"{BASE}/_stcore/health").status for _ in range(12)]
        assert set(statuses) == {200, 429}
        length = {"Content-Length": str(2 * 10**6)}
        assert fetch(port, f"{BASE}/_stcore/upload_file/a/b", **length).status == 413


def test_browsers_of_a_process_that_has_died_go_to_the_other(served: Served) -> None:
    os.kill(find_process(served.servers[1]), signal.SIGKILL)
    assert served.fetch("/_stcore/health", "2").server == "1"

    async def visit() -> None:
        async with open_page(served, "2") as page:
            assert f"{COOKIE}=1" in page.cookies

    asyncio.run(visit())
    give_up = time.monotonic() + 10
    while "server process 2 has ended" not in served.log.read_text():
        assert time.monotonic() < give_up
        time.sleep(0.1)


def find_process(server: str) -> int:
    """Find the process that listens on a server's port."""
    option = f"--server.port\0{server.rpartition(':')[2]}\0".encode()
    commands = Path("/proc").glob("[0-9]*/cmdline")
    (found,) = (path for path in commands if option in path.read_bytes())
    return int(found.parent.name)
