"""Frames per second while something moves in the page, in a real browser.

The page counts the pictures that it draws (``requestAnimationFrame``) while a pulse runs on Explore
and while films of trainings play, and asks the server for nothing meanwhile.
"""

from __future__ import annotations

import argparse
import os

from benchmarks.browser import NO_CHROMIUM, find_chromium, open_chromium
from benchmarks.harness import describe_machine, format_table
from benchmarks.server import run_app
from gradflow.cli.processes import START_SECONDS

AIM = 30
COUNT = """async ([begin, seconds]) => {
    const asked = performance.getEntriesByType("resource").length;
    (0, eval)(begin)?.click();
    const times = [];
    for (const end = performance.now() + 1000 * seconds; (times.at(-1) ?? 0) < end; ) {
        await new Promise(requestAnimationFrame);
        times.push(performance.now());
    }
    const gaps = times.slice(1).map((time, i) => time - times[i]);
    return {
        rate: (1000 * gaps.length) / (times.at(-1) - times[0]),
        longest: Math.max(...gaps),
        asked: performance.getEntriesByType("resource").length - asked,
    };
}"""
PULSE = "document.querySelector('.gf-line .gf-play')"
FILM = "document.querySelector('.gf-film-play:not(.gf-on)')"
ROWS = (
    ("pulse, 20 layers", "?depth=20", ".st-key-figure_flow .heatmaplayer image", PULSE),
    ("film, 2 runs of 8 layers", "training", ".gf-screen", FILM),
    ("film, 4 runs of up to 56 layers", "training?preset=degradation", ".gf-screen", FILM),
)
"""What moves, where, what is there once all is ready, and what is pressed unless it moves."""
SETTLE_MS = 1500


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.motion", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.5, help="of each row (default 2.5)")
    options = parser.parse_args(arguments)
    print("### Motion\n")
    path = find_chromium()
    if path is None:
        print(NO_CHROMIUM)
        return
    rows = []
    with run_app() as server, open_chromium(path) as browser:
        for name, address, ready, begin in ROWS:
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.set_default_timeout(1000 * START_SECONDS)
            page.goto(f"{server.url}/{address}")
            page.wait_for_selector(ready, state="attached")
            page.wait_for_timeout(SETTLE_MS)
            counted = page.evaluate(COUNT, [begin, options.seconds])
            page.close()
            rows.append(
                [
                    name,
                    f"{counted['rate']:.0f}",
                    f"{counted['longest']:.0f} ms",
                    str(counted["asked"]),
                ]
            )
    head = ("at 1280 × 720", f"pictures per second (aim {AIM})", "longest gap", "requests")
    print(format_table(head, rows))
    print(
        f"\n{options.seconds:g} s each. Server and browser share {os.cpu_count()} cores, load "
        f"average {os.getloadavg()[0]:.1f}. {describe_machine()}."
    )


if __name__ == "__main__":
    main()
