"""Frames per second while something moves over a figure, in a real browser.

The page itself takes the times: between two calls of ``requestAnimationFrame``, as long as what is
measured moves. A frame that takes longer than 33 ms is one that is seen to be late.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.browser import NO_CHROMIUM, find_chromium, open_chromium
from benchmarks.harness import describe_machine, format_table, take_percentile
from benchmarks.server import run_app
from gradflow.cli.processes import START_SECONDS

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZE = {"width": 1280, "height": 720}
LATE_MS = 1000 / 30
REST_MS = 500
"""Between two motions."""
WATCH = """(figure) => import(figure).then(({ graphs }) => {
    const watch = (window.motion = { frames: [], count: 0 });
    let last;
    const step = (now) => {
        const moving = Boolean(MOVES);
        if (moving && last !== undefined) watch.frames.push(now - last);
        if (moving && last === undefined) watch.count += 1;
        last = moving ? now : undefined;
        watch.isMoving = moving;
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""


def press_play(page: Page) -> None:
    """Let a pulse run."""
    page.locator(".gf-play").click()


def press_key(page: Page) -> None:
    """Add a layer."""
    page.get_by_role("slider", name="Depth", exact=True).press("ArrowRight")


def press_film(page: Page) -> None:
    """Play a film from its beginning; the page has begun to by itself."""
    button = page.locator(".gf-film-play")
    if page.locator(".gf-film-play.gf-on").count():
        button.click()
    page.locator(".gf-player .gf-range").press("Home")
    page.evaluate("() => Object.assign(motion, { frames: [], count: 0 })")
    button.click()


@dataclass(frozen=True)
class Motion:
    """One thing that moves.

    Attributes:
        name: says what.
        path: the page's address, with its settings.
        start: begins it.
        moves: JavaScript: whether it goes on; ``graphs`` are the page's figures by name.
        times: how often it is begun.
    """

    name: str
    path: str
    start: Callable[[Page], None]
    moves: str
    times: int


MOTIONS = (
    Motion(
        "a pulse through 24 layers",
        "/?depth=24&activation=sigmoid",
        press_play,
        "document.querySelector('.gf-pulse')",
        2,
    ),
    Motion(
        "a pulse through 100 layers",
        "/?depth=100&activation=tanh",
        press_play,
        "document.querySelector('.gf-pulse')",
        2,
    ),
    Motion(
        "distributions that grow, 20 to 30 layers",
        "/?depth=20&activation=tanh",
        press_key,
        "graphs.get('flow').growth.bands",
        10,
    ),
    Motion(
        "the film of two runs, 150 steps",
        "/training?preset=sigmoid_twin",
        press_film,
        "document.querySelector('.gf-film-play.gf-on')",
        1,
    ),
)


def measure_motion(page: Page, url: str, motion: Motion) -> list[float]:
    """Measure the milliseconds of all frames of a motion."""
    page.goto(url + motion.path)
    page.wait_for_function("() => document.querySelector('.gf-plot')?.data?.length")
    page.wait_for_timeout(2000)
    page.evaluate(WATCH.replace("MOVES", motion.moves), _find_module(page))
    for begun in range(1, motion.times + 1):
        motion.start(page)
        page.wait_for_function(f"() => motion.count >= {begun} && !motion.isMoving")
        page.wait_for_timeout(REST_MS)
    return [float(time) for time in page.evaluate("() => motion.frames")]


def _find_module(page: Page) -> str:
    from gradflow.ui.assets import find_address

    return str(page.evaluate(f"() => new URL('/{find_address('figure.js')}', location).href"))


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.motion", description=__doc__.split("\n")[0])
    parser.parse_args(arguments)
    print("### Motion\n")
    path = find_chromium()
    if path is None:
        print(NO_CHROMIUM)
        return
    rows = []
    with run_app() as server, open_chromium(path) as browser:
        for motion in MOTIONS:
            page = browser.new_page(viewport=SIZE)
            page.set_default_timeout(1000 * START_SECONDS)
            frames = measure_motion(page, server.url, motion)
            page.close()
            late = sum(time > LATE_MS for time in frames) / len(frames)
            rows.append(
                [
                    motion.name,
                    f"{1000 * len(frames) / sum(frames):.0f}",
                    f"{median(frames):.1f} ms",
                    f"{take_percentile(frames, 0.95):.1f} ms",
                    f"{100 * late:.1f}%",
                    str(len(frames)),
                ]
            )
    header = ("while it moves", "per second", "median", "p95", "longer than 33 ms", "frames")
    print(format_table(header, rows))
    print(
        f"\nAim: 30 per second or more. No GPU: the browser paints on the {os.cpu_count()} cores "
        f"that it shares with the server; load average {os.getloadavg()[0]:.1f}. "
        f"{describe_machine()}."
    )


if __name__ == "__main__":
    main()
