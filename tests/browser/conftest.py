"""The app, run as its users run it, and a real browser to use it with."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from benchmarks.browser import find_chromium
from gradflow.cli.processes import fetch_body
from gradflow.ui.classroom.ballots import SETTING

ROOT = Path(__file__).parents[2]
START_SECONDS = 300  # a busy machine compiles slowly; a server that died is noticed at once
STOP_SECONDS = 5
NO_BROWSER = "no Chromium found: run `make test`, or set GRADFLOW_CHROMIUM to one"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=20_000)  # milliseconds; a shared machine may be busy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def server_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the running app says."""
    return tmp_path_factory.mktemp("server") / "log.txt"


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory, server_log: Path) -> Iterator[str]:
    """Address of a running app; fails if it does not stop on SIGTERM."""
    if run := os.environ.get("PYTEST_XDIST_TESTRUNUID"):
        only = tmp_path_factory.getbasetemp().parent / f"server-{run}"
        only.touch(exist_ok=False)  # a second server and browser would overload the machine
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    log = server_log
    command = [sys.executable, "-m", "streamlit", "run", "app.py"]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command + options,
            cwd=ROOT,
            env=os.environ | {SETTING: str(log.with_name("votes.sqlite3"))},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        give_up = time.monotonic() + START_SECONDS
        while fetch_body(f"{url}/_stcore/health") != b"ok":
            if server.poll() is not None or time.monotonic() > give_up:
                pytest.fail(f"the app did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield url
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the app still ran {STOP_SECONDS} s after SIGTERM:\n{log.read_text()}")
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")  # while it is open, asyncio.run cannot be used on this worker
def chromium() -> Iterator[Browser]:
    """A headless Chromium. Without one tests skip, but in CI they fail."""
    path = find_chromium()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(NO_BROWSER)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page_errors() -> list[str]:
    """Errors of `page` so far: on the console, exceptions, requests to other hosts."""
    return []


@pytest.fixture(scope="module")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """What pages of a module share: scripts are loaded once."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture(scope="module")
def walker(context: BrowserContext) -> Iterator[Page]:
    """One page for all tests of a module, which looks at many addresses."""
    page = context.new_page()
    page.set_default_timeout(120_000)  # milliseconds; views that compute for long, on slow machines
    yield page
    page.close()


@pytest.fixture
def page(context: BrowserContext, app_url: str, page_errors: list[str]) -> Iterator[Page]:
    """A fresh browser page of a first visitor, not yet on the app: ``page.goto(app_url)``."""
    others = context.pages
    page = context.new_page()

    def watch_console(message) -> None:  # type: ignore[no-untyped-def]
        refused = "prefetch=1" in message.location.get("url", "")  # a busy server may
        if message.type == "error" and not refused:
            page_errors.append(f"console: {message.text}")

    def watch_requests(request) -> None:  # type: ignore[no-untyped-def]
        if not request.url.startswith((app_url, "data:", "blob:")):
            page_errors.append(f"request to another host: {request.url}")

    page.on("console", watch_console)
    page.on("pageerror", lambda error: page_errors.append(f"exception: {error}"))
    page.on("request", watch_requests)
    yield page
    context.set_offline(False)
    devtools = context.new_cdp_session(page)
    kept = {"origin": app_url, "storageTypes": "cookies,local_storage"}
    devtools.send("Storage.clearDataForOrigin", kept)
    for opened in context.pages:
        if opened not in others:
            opened.close()
