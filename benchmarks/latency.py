"""Time from a key press on the depth slider to the new Flow figure, in a real browser.

The page itself takes the times: at the capture of ``keydown``, and when Plotly has drawn a Flow
figure with the new number of layers (``plotly_afterplot``). *New*: depths 6 to 35, each computed;
their median is depth 20. *Again*: depth 20 and 21 in turns, from the cache.
"""

from __future__ import annotations

import argparse
from statistics import median, quantiles

from benchmarks.browser import NO_CHROMIUM, find_chromium, open_chromium
from benchmarks.harness import describe_machine, format_table
from benchmarks.server import START_SECONDS, run_app

WATCH_SCRIPT = """() => {
    const state = (window.benchmark = {expected: -1, begin: 0, latencies: []});
    const charts = () => document.querySelectorAll('.st-key-figure_flow .js-plotly-plot');
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


def measure_latencies(chromium: str, presses: int) -> dict[str, list[float]]:
    """Measure milliseconds per key press, for new settings and for cached ones."""
    latencies = {}
    with run_app() as server, open_chromium(chromium) as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * START_SECONDS)
        start = max(20 - presses // 2, 1)
        for name, depth, keys in (
            ("new", start, ["ArrowRight"] * presses),
            ("again", 20, ["ArrowRight", "ArrowLeft"] * (presses // 2)),
        ):
            page.goto(f"{server.url}/?depth={depth}&width=128&batch_size=256")
            page.wait_for_function(
                "() => document.querySelector('.st-key-figure_flow .js-plotly-plot')?.data?.length > 0"
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
    return latencies


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.latency", description=__doc__.split("\n")[0])
    parser.add_argument("--presses", type=int, default=30, help="key presses (default 30)")
    options = parser.parse_args(arguments)
    print("### Latency\n")
    path = find_chromium()
    if path is None:
        print(NO_CHROMIUM)
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
