"""Time from a key press on the depth slider to the new Flow figure, in a real browser.

The page itself takes the times: at the capture of ``keydown``, and when Plotly has drawn a Flow
figure with the new number of layers (``plotly_afterplot``). *New*: depths 6 to 35, each computed;
their median is depth 20. *Again*: depth 20 and 21 in turns, from the cache.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from benchmarks.harness import describe_machine, format_table

ROOT = Path(__file__).parents[1]
START_SECONDS = 120
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

WATCH_SCRIPT = """() => {
    const state = (window.benchmark = {expected: -1, begin: 0, latencies: []});
    const charts = () => document.querySelectorAll('.st-key-flow .js-plotly-plot');
    const layers = (chart) => {
        const line = chart.data?.find((trace) => trace.name === 'RMS');
        return (line?.x?._inputArray ?? line?.x)?.length ?? -1;
    };
    const check = (chart) => {
        if (!state.begin || layers(chart) !== state.expected) return;
        state.latencies.push(performance.now() - state.begin);
        state.begin = 0;
    };
    const watched = new WeakSet();
    const watch = () => {
        for (const chart of charts()) {
            if (watched.has(chart) || !chart.on) continue;
            watched.add(chart);
            chart.on('plotly_afterplot', () => check(chart));
        }
    };
    watch();
    new MutationObserver(watch).observe(document.body, {childList: true, subtree: true});
    // A new chart may have been drawn before it could be watched: then its next frame counts.
    const frame = () => {
        for (const chart of charts()) {
            if (chart.querySelector('.scatterlayer path')) check(chart);
        }
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    document.addEventListener('keydown', (event) => {
        const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
        if (!step) return;
        state.expected = layers(charts()[0]) + step;
        state.begin = performance.now();
    }, true);
}"""


@contextmanager
def run_app() -> Iterator[str]:
    """Start the app on a free port and yield its address; stop it on exit."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    server = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        give_up = time.monotonic() + START_SECONDS
        while _fetch(f"{url}/_stcore/health") != b"ok":
            if server.poll() is not None or time.monotonic() > give_up:
                raise SystemExit("the app did not start")
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _fetch(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=1) as response:
            return bytes(response.read())
    except OSError:
        return b""


def measure_latencies(chromium: str, presses: int) -> dict[str, list[float]]:
    """Measure milliseconds per key press, for new settings and for cached ones."""
    from playwright.sync_api import sync_playwright

    latencies = {}
    with run_app() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * START_SECONDS)
        start = max(20 - presses // 2, 1)
        for name, depth, keys in (
            ("new", start, ["ArrowRight"] * presses),
            ("again", 20, ["ArrowRight", "ArrowLeft"] * (presses // 2)),
        ):
            page.goto(f"{url}/?depth={depth}&width=128&batch_size=256")
            page.wait_for_function(
                "() => document.querySelector('.st-key-flow .js-plotly-plot')?.data?.length > 0"
            )
            page.wait_for_timeout(2000)
            page.evaluate(WATCH_SCRIPT)
            slider = page.get_by_role("slider", name="Depth")
            slider.focus()
            for count, key in enumerate(keys, start=1):
                page.keyboard.press(key)
                page.wait_for_function(f"() => window.benchmark.latencies.length === {count}")
                page.wait_for_timeout(400)  # a person does not press faster than the page answers
            latencies[name] = page.evaluate("() => window.benchmark.latencies")
        browser.close()
    return latencies


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.latency", description=__doc__.split("\n")[0])
    parser.add_argument("--presses", type=int, default=30, help="key presses (default 30)")
    options = parser.parse_args(arguments)
    print("### Latency\n")
    path = os.environ.get("GRADFLOW_CHROMIUM") or next(
        filter(None, map(shutil.which, CHROMIUM_NAMES)), None
    )
    if path is None:
        print("Not measured: no Chromium found; set GRADFLOW_CHROMIUM to one.")
        return
    rows = []
    latencies = measure_latencies(path, options.presses)
    for name, label in (("new", "a new depth, 6 to 35"), ("again", "depth 20 and 21 in turns")):
        values = latencies[name]
        rows.append([label, f"{median(values):.0f} ms", f"{quantiles(values, n=10)[-1]:.0f} ms"])
    print(
        format_table(
            ("key press to Flow figure drawn, width 128, batch 256", "median", "p90"), rows
        )
    )
    target = "median ≤ 150 ms on an idle two-core machine"
    print(f"\n{options.presses} presses each; target: {target}. {describe_machine()}.")


if __name__ == "__main__":
    main()
