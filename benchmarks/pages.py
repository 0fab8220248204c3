"""How quickly every page answers: its main control pressed, its figure drawn, in a real browser.

The page itself takes the time: from the capture of ``keydown`` until Plotly has drawn a figure
that differs from all that were on the page before. ``--first-visit``: what a browser that has
nothing cached receives until the first page is complete, from a server that has had a pause.
"""

from __future__ import annotations

import argparse
import base64
import importlib
import os
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from streamlit.logger import set_log_level

from benchmarks.browser import NO_CHROMIUM, find_chromium, open_chromium
from benchmarks.controls import Control, is_numeric, list_controls
from benchmarks.harness import describe_machine, format_row, format_table
from benchmarks.server import ROOT, Server, read_usage, run_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WATCH_SCRIPT = Path(__file__).with_name("watch_charts.js").read_text(encoding="utf-8")
TARGET_MS = 250
MOST_PRESSES = 50
LOAD_MS = 90_000
"""How long a view may take until it is complete."""
FIRST_FIGURE_MS = 10_000
PRESS_MS = 15_000
"""How long a figure is waited for after a press."""
QUIET_MS = 500
HEAD = ("page", "view", "control pressed by keyboard", "median", "slowest", "server CPU")
REST_SECONDS, MOST_REST_SECONDS = 8, 180
"""A server that has done nothing for so long has done what it does in a pause."""
WINDOW: Any = {"width": 1280, "height": 900}
IDLE_SCRIPT = f"""() =>
    document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
    && performance.now() - (window.watch?.lastDrawn ?? 0) > {QUIET_MS}"""


SETTINGS = {("recurrent", "gates"): "cell=lstm"}
"""What a view is opened with, by page and view, where its opening settings draw no figure."""


@dataclass(frozen=True)
class View:
    """A view of a page.

    Attributes:
        page: the page's path, and the name of its file.
        parameter: the URL parameter that says which view is shown.
        code: its value; empty if the page has one view.
    """

    page: str
    parameter: str = ""
    code: str = ""

    @property
    def address(self) -> str:
        """Where it is, seen from the app's root; Explore is the app's first page."""
        path = "" if self.page == "explore" else self.page.replace("_", "-")
        settings = SETTINGS.get((self.page, self.code), "")
        parts = [f"{self.parameter}={self.code}"] * bool(self.code) + [settings] * bool(settings)
        return "?".join([path, "&".join(parts)] if parts else [path])


@dataclass(frozen=True)
class Press:
    """What one press took until its figure was drawn.

    Attributes:
        milliseconds: of time, in the browser.
        cpu: milliseconds that the server computed meanwhile, in steps of 10; on a busy machine they
            say more than the time.
    """

    milliseconds: float
    cpu: float


@dataclass(frozen=True)
class Answer:
    """What pressing the main control of a view took.

    Attributes:
        view: the view.
        control: what was pressed; ``None``: nothing that was pressed redrew a figure.
        presses: answered ones, all but the first.
        missing: presses that no figure answered.
    """

    view: View
    control: Control | None
    presses: tuple[Press, ...] = ()
    missing: int = 0


def list_views(only: Sequence[str] = ()) -> list[View]:
    """List the views of all pages, or of these: ``PAGE`` or ``PAGE/VIEW``."""
    views = []
    for path in sorted((ROOT / "pages").glob("*.py")):
        name = path.stem
        page = getattr(importlib.import_module(f"gradflow.ui.{name}.state"), "PAGE", None)
        codes = list(page.forms) if page is not None else [""]
        parameter = page.parameter if page is not None else ""
        views += [View(name, parameter if str(code) else "", str(code)) for code in codes]
    return [v for v in views if not only or {v.page, f"{v.page}/{v.code}"} & set(only)]


def measure_view(page: Page, server: Server, view: View, presses: int) -> Answer:
    """Find the main control of a view and press it again and again."""
    page.goto(f"{server.url}/{view.address}")
    # Before its first run a page counts as idle, and a figure's first drawing is no answer.
    page.wait_for_selector(".stMain .stElementContainer", state="attached", timeout=LOAD_MS)
    wait_until_idle(page, LOAD_MS)
    is_there(page, ".gf-plot .main-svg", FIRST_FIGURE_MS)  # Training begins without one
    page.wait_for_timeout(2 * QUIET_MS)  # a page that goes on by itself says so soon
    wait_until_idle(page, LOAD_MS)
    page.evaluate(WATCH_SCRIPT)
    for control in list_controls(page, view.page, view.code):
        if press(page, server, control) is None and page.evaluate(IDLE_SCRIPT):
            continue  # the page is complete, and no figure has changed
        tries = [press(page, server, control) for _ in range(presses)]
        answered = tuple(one for one in tries if one is not None)
        return Answer(view, control, answered, len(tries) - len(answered))
    return Answer(view, None)


def press(page: Page, server: Server, control: Control) -> Press | None:
    """Press a control once; what it took until its figure was drawn, if one was."""
    from playwright.sync_api import Error

    # Longer than a press is waited for, so that a late answer does not count for the next one.
    wait_until_idle(page, LOAD_MS)
    try:
        key = control.prepare()
        page.evaluate("() => window.watch.arm()")
        before = read_usage(server.pids).cpu_seconds
        page.keyboard.press(key)
        page.wait_for_function("() => window.watch.latency !== null", timeout=PRESS_MS)
    except Error:  # gone, covered, or without an answer
        page.keyboard.press("Escape")
        return None
    cpu = read_usage(server.pids).cpu_seconds - before
    return Press(float(page.evaluate("() => window.watch.latency")), 1000 * cpu)


def is_there(page: Page, selector: str, milliseconds: int) -> bool:
    """Say whether an element comes into the page in time."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

    try:
        page.wait_for_selector(selector, state="attached", timeout=milliseconds)
    except PlaywrightTimeoutError:
        return False
    return True


def wait_until_idle(page: Page, milliseconds: int) -> None:
    """Wait until the server has sent everything and nothing is being drawn, but not for ever."""
    from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

    try:
        page.wait_for_function(IDLE_SCRIPT, timeout=milliseconds)
    except PlaywrightTimeoutError:
        return  # a page that never rests, such as a training run


def format_answer(answer: Answer) -> str:
    """Format the row of a view."""
    name = [answer.view.page, answer.view.code or "–"]
    if answer.control is None:
        return format_row([*name, "none: no control pressed here redraws a figure", *"–––"])
    control = str(answer.control)
    if not is_numeric(answer.control):
        control += " (no number redraws a figure)"
    times = [press.milliseconds for press in answer.presses]
    middle, slowest = (f"{f(times):,.0f} ms" if times else "–" for f in (median, max))
    if answer.missing:
        slowest = f"{answer.missing} unanswered in {PRESS_MS // 1000} s"
    cpu = f"{median(press.cpu for press in answer.presses):,.0f} ms" if times else "–"
    return format_row([*name, control, middle, slowest, cpu])


def wait_for_rest(server: Server) -> None:
    """Wait until the server has compressed tightly what was asked for, and all else it prepares."""
    rest, end = 0, time.monotonic() + MOST_REST_SECONDS
    while rest < REST_SECONDS and time.monotonic() < end:
        before = read_usage(server.pids).cpu_seconds
        time.sleep(1)
        rest = rest + 1 if read_usage(server.pids).cpu_seconds - before < 0.2 else 0


def measure_first_visit(browser: Browser, url: str) -> Counter[str]:
    """Measure the bytes received on a first visit to the first page, by kind and file."""
    context = browser.new_context(viewport=WINDOW)
    page = context.new_page()
    received: Counter[str] = Counter()
    names: dict[str, str] = {}
    network = context.new_cdp_session(page)
    network.on(
        "Network.requestWillBeSent",
        lambda event: names.setdefault(event["requestId"], event["request"]["url"]),
    )
    network.on(
        "Network.loadingFinished",
        lambda event: received.update(
            {name_file(names.get(event["requestId"], "?")): int(event["encodedDataLength"])}
        ),
    )
    frames = FrameCounter()
    network.on(
        "Network.webSocketHandshakeResponseReceived",
        lambda event: frames.read_handshake(event["response"]["headers"]),
    )
    network.on(
        "Network.webSocketFrameReceived",
        lambda event: received.update({"(websocket)": frames.count(event["response"])}),
    )
    network.send("Network.enable")
    page.goto(f"{url}/")
    page.wait_for_selector(".js-plotly-plot .main-svg", timeout=LOAD_MS)
    page.wait_for_load_state("networkidle")
    wait_until_idle(page, LOAD_MS)
    page.wait_for_timeout(2000)
    context.close()
    return received


def name_file(url: str) -> str:
    """Name what is at an address: its path, without what is made for the browser in the page."""
    parts = urlsplit(url)
    return parts.path if parts.scheme in ("http", "https") else f"({parts.scheme})"


class FrameCounter:
    """Count the bytes of a websocket's frames on their way, of which a browser tells the content.

    Compressed as uvicorn does it: each frame after those before it, in a window of 4 kB.
    """

    def __init__(self) -> None:
        self._compressor: zlib._Compress | None = None

    def read_handshake(self, headers: Mapping[str, str]) -> None:
        """Read whether the server compresses."""
        given = {name.lower(): value for name, value in headers.items()}
        if "permessage-deflate" in given.get("sec-websocket-extensions", ""):
            self._compressor = zlib.compressobj(wbits=-12, memLevel=5)

    def count(self, frame: Mapping[str, Any]) -> int:
        """Count the bytes of a frame; the content of binary ones comes in base64."""
        text = frame["payloadData"]
        payload = base64.b64decode(text) if frame["opcode"] == 2 else text.encode()
        if self._compressor is None:
            return len(payload)
        packed = self._compressor.compress(payload) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        return len(packed) - 4  # the end of every frame is known, and not sent


def format_first_visit(received: Counter[str], largest: int = 8) -> str:
    """Format the bytes of a first visit: the largest files, the rest, and all."""
    first = received.most_common(largest)
    rest = received.total() - sum(count for _name, count in first)
    rows = [
        *first,
        (f"{max(len(received) - largest, 0)} others", rest),
        ("**in all**", received.total()),
    ]
    return format_table(
        ("first visit, nothing cached", "kB received"),
        [[name, f"{count / 1000:,.0f}"] for name, count in rows],
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.pages", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--presses", type=int, default=5, help=f"of each control, at most {MOST_PRESSES}"
    )
    parser.add_argument("--only", nargs="+", default=(), metavar="PAGE[/VIEW]", help="only these")
    parser.add_argument("--first-visit", action="store_true", help="measure a first visit instead")
    options = parser.parse_args(arguments)
    if not 1 <= options.presses <= MOST_PRESSES:
        parser.error(f"--presses: 1 to {MOST_PRESSES}")
    set_log_level("error")  # else every cache of the app warns that no server runs here
    views = list_views(options.only)
    known = {name for view in views for name in (view.page, f"{view.page}/{view.code}")}
    if unknown := set(options.only) - known:
        parser.error(f"--only: no {', '.join(sorted(unknown))}")
    print("### Pages\n")
    path = find_chromium()
    if path is None:
        print(NO_CHROMIUM)
        return
    with run_app() as server, open_chromium(path) as browser:
        if options.first_visit:
            measure_first_visit(browser, server.url)  # so that it knows what browsers ask for
            wait_for_rest(server)
            print(format_first_visit(measure_first_visit(browser, server.url)))
        else:
            wait_for_rest(server)
            print(format_table(HEAD, [], texts=3), flush=True)
            for answer in measure_views(browser, server, views, options.presses):
                print(format_answer(answer), flush=True)
            print(f"\n{options.presses} presses each, after one; target: ≤ {TARGET_MS} ms.")
    print(
        f"\nServer and browser share {os.cpu_count()} cores, load average "
        f"{os.getloadavg()[0]:.1f} at the end. {describe_machine()}."
    )


def measure_views(
    browser: Browser, server: Server, views: Sequence[View], presses: int
) -> Iterator[Answer]:
    """Measure every view in a session of its own, one after the other."""
    for view in views:
        page = browser.new_page(viewport=WINDOW)
        page.set_default_timeout(LOAD_MS)
        yield measure_view(page, server, view, presses)
        page.close()


if __name__ == "__main__":
    main()
