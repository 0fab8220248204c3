"""Time from an input on Explore to the new Flow figure, in a real browser.

The page itself takes the times: at the capture of the key, the press or the choice, when Plotly
has drawn a Flow figure that says other numbers (``plotly_afterplot``), and when the last element
that the server sends has been put into the page.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.browser import NO_CHROMIUM, find_chromium, open_chromium
from benchmarks.harness import describe_machine, format_table, take_percentile
from benchmarks.server import run_app
from gradflow.cli.processes import START_SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Page

SETTING = "width=128&batch_size=256"
ANSWER_MS = 15_000
REST_MS = 700
"""Between two inputs: a person looks at the figure; neighbours are fetched meanwhile."""
CHOICES = (
    "Sigmoid",
    "Hardtanh",
    "Softsign",
    "ELU",
    "SELU",
    "GELU",
    "Mish",
    "Softplus",
    "Hardswish",
)
"""Activation functions whose figures differ; ReLU and its kin may look alike."""
NO_EARLY = """() => {
    const fetch = window.fetch;
    window.fetch = (address, ...rest) => String(address).includes("prefetch=")
        ? Promise.resolve(new Response("", {status: 503})) : fetch(address, ...rest);
}"""
"""Has the page fetch nothing early, as a server does that has work to do."""
WATCH_SCRIPT = """() => {
    const state = (window.benchmark = {begin: 0, drawn: null, last: null});
    const flow = document.querySelector('.st-key-figure_flow .js-plotly-plot');
    const read = () => JSON.stringify(flow.data.find((trace) => trace.name === 'RMS')?.y ?? 0);
    const touch = () => {
        if (!state.armed) return;
        Object.assign(state, {armed: false, begin: performance.now()});
    };
    for (const kind of ['keydown', 'pointerdown', 'change']) {
        document.addEventListener(kind, touch, true);
    }
    flow.on('plotly_afterplot', () => {
        if (!state.begin || state.drawn !== null || read() === state.before) return;
        state.drawn = performance.now() - state.begin;
    });
    new MutationObserver(() => (state.last = performance.now() - state.begin))
        .observe(document.querySelector('.stMain'), {childList: true, subtree: true,
            characterData: true});
    state.arm = () => Object.assign(state, {armed: true, begin: 0, drawn: null, last: null,
        before: read()});
}"""
IDLE = """() => !document.querySelector('.gf-control[data-ahead]')
    && document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"""


def press_keys(page: Page, count: int) -> Iterator[Callable[[], None]]:
    """Step through depths, each for the first time."""
    slider = page.get_by_role("slider", name="Depth", exact=True)
    slider.focus()
    for _press in range(count):
        yield lambda: page.keyboard.press("ArrowRight")


def choose_activations(page: Page, count: int) -> Iterator[Callable[[], None]]:
    """Choose activation functions; the time begins when the list says the choice."""
    box = page.locator(".gf-toolbar").get_by_label("Activation", exact=True)
    for name in CHOICES[:count]:
        box.focus()
        yield partial(box.select_option, label=name)


ROWS = (
    ("a depth of 6 to 35, computed", press_keys, True, "depth={start}", "≤ 100, p95 ≤ 150"),
    ("the same, fetched early", press_keys, False, "depth={start}&seed=1", "≤ 60"),
    ("an activation function", choose_activations, True, "depth=20", "≤ 180"),
)
"""Name, inputs, whether nothing is fetched early, setting, aim in ms."""


def measure_row(
    page: Page,
    url: str,
    inputs: Callable[[Page, int], Iterator[Callable[[], None]]],
    count: int,
    *,
    late: bool,
) -> tuple[list[float], list[float]]:
    """Measure milliseconds until the figure is drawn, and until the page is complete."""
    if late:
        page.add_init_script(f"({NO_EARLY})()")
    page.goto(url)
    page.wait_for_function(
        "() => document.querySelector('.st-key-figure_flow .js-plotly-plot')?.data?.length"
    )
    page.wait_for_timeout(2000)
    page.evaluate(WATCH_SCRIPT)
    drawn, complete = [], []
    for act in inputs(page, count + 1):
        page.evaluate("() => window.benchmark.arm()")
        act()
        page.wait_for_function("() => window.benchmark.drawn !== null", timeout=ANSWER_MS)
        page.wait_for_timeout(REST_MS)
        page.wait_for_function(IDLE, timeout=ANSWER_MS)
        state = page.evaluate("() => window.benchmark")
        drawn.append(float(state["drawn"]))
        complete.append(float(state["last"]))
    return drawn[1:], complete[1:]  # the first one also compiles the page's scripts


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.latency", description=__doc__.split("\n")[0])
    parser.add_argument("--presses", type=int, default=30, help="inputs (default 30)")
    options = parser.parse_args(arguments)
    print("### Latency\n")
    path = find_chromium()
    if path is None:
        print(NO_CHROMIUM)
        return
    rows = []
    start = max(20 - options.presses // 2, 1)
    with run_app() as server, open_chromium(path) as browser:
        for name, inputs, late, query, aim in ROWS:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.set_default_timeout(1000 * START_SECONDS)
            url = f"{server.url}/?{query.format(start=start)}&{SETTING}"
            drawn, complete = measure_row(page, url, inputs, options.presses, late=late)
            page.close()
            times = [median(drawn), take_percentile(drawn, 0.95), median(complete)]
            rows.append([name, *(f"{time:.0f} ms" for time in times), aim])
    header = (
        "width 128, batch 256",
        "Flow, median",
        "Flow, p95",
        "whole page, median",
        "aim: Flow",
    )
    print(format_table(header, rows))
    print(
        f"\n{options.presses} inputs each; whole page: aim ≤ 300 ms. Server and browser share "
        f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}. {describe_machine()}."
    )


if __name__ == "__main__":
    main()
