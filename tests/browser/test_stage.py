"""Every page, every view and every tab on three screens: nothing covers or bars the way to it.

No text of a figure covers another one or is cut, no page scrolls sideways, and axe-core finds
nothing serious, light or dark.
"""

import importlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from gradflow.ui.assets import find_address
from gradflow.ui.settings.page import Page as PageSettings
from tests.browser.access import COLOURS, list_barriers
from tests.browser.tools import wait_for_server, wait_until

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
SCREENS = ((1280, 800), (768, 1024), (390, 844))
FAULTS = Path(__file__).with_name("find_faults.js").read_text(encoding="utf-8")
LASTING_FAULTS = f"""async () => {{
    const begun = performance.now();
    for (;;) {{
        const faults = ({FAULTS.strip()})();
        if (!faults.length || performance.now() - begun > 5000) return faults;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }}
}}"""
START = re.compile(r"^(Play|Train.*|Run.*)$")
"""Buttons that begin what a page shows, where it shows nothing before."""
DEEP = "?architecture=mlp&depth=50&activation=sigmoid&dtype=float16"
"""Explore's fullest figure: every mark and note, two-digit layers."""
QUICK = {
    "pretraining": "&layers=2&width=8&epochs=1&batch_size=200&seeds=1&steps=50",
    "recurrent": "&steps=60",
}
"""Settings with which a page that computes for long does not; views without them ignore them."""
WALKED = {
    "explore": ("?depth=20", DEEP),
    "your_model": ("?report=resnet_plain", "?report=pre_ln"),
    "learn": ("", "?lesson=weights", "?answers=slopes.4", "?lesson=cure&answers=cure.selu"),
}
"""What is walked on pages with one view that looks different with its settings."""
MODULE = find_address("figure.js")
SETTLED = f"""async () => {{
    if (!document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]'))
        return false;
    const isHere = (box) => box.isConnected && !box.closest('[data-retained]');
    const boxes = [...document.querySelectorAll('.gf-figure:not(.gf-board)')].filter(isHere);
    const {{ graphs }} = await import(new URL('/{MODULE}', location).href);
    const drawn = [...graphs.values()].filter(({{ box }}) => isHere(box));
    return drawn.length === boxes.length && drawn.every((graph) => !graph.drawing &&
        (!graph.box.clientWidth || (graph.drawn && !graph.isStale(graph.measure()))));
}}"""


def list_addresses(name: str) -> list[str]:
    """List the addresses of a page's views, by its settings, so that a new view is walked, too."""
    settings = getattr(importlib.import_module(f"gradflow.ui.{name}.state"), "PAGE", None)
    path = "" if name == "explore" else name.replace("_", "-")
    if name in WALKED:
        return [path + query for query in WALKED[name]]
    if not isinstance(settings, PageSettings) or len(settings.forms) == 1:
        return [path]
    more = QUICK.get(name, "")
    return [f"{path}?{settings.parameter}={view}{more}" for view in settings.forms]


def settle(page: Page) -> None:
    """Wait until the page has run and every figure is drawn for the size that it has."""
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 50))")
    wait_until(page, SETTLED)


def start_what_waits(page: Page) -> None:
    """Press the button of a page that shows nothing before, and wait for its figure."""
    if page.locator(".stMain .gf-figure").count():
        return
    button = page.locator(".stMain").get_by_role("button", name=START).first
    if button.count() and button.is_enabled():
        button.click()
        page.wait_for_selector(".stMain .gf-plot .main-svg")


def find_faults(page: Page, place: str) -> list[str]:
    """Find what cannot be read on each screen, from wide to narrow and back.

    A busy browser lays the first frames of a new size out as before: what is a fault lasts.
    """
    faults = []
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        settle(page)
        left = page.evaluate(LASTING_FAULTS)
        faults += [f"{width} px, {place}: {fault}" for fault in left]
    page.set_viewport_size({"width": 1280, "height": 800})
    return faults


@pytest.mark.parametrize("name", PAGES)
def test_everything_can_be_read(name: str, walker: Page, app_url: str) -> None:
    faults = []
    walker.emulate_media(color_scheme="light")
    for address in list_addresses(name):
        walker.goto(f"{app_url}/{address}")
        walker.wait_for_selector(".stMain .gf-figure, .stMain button")
        wait_for_server(walker)
        start_what_waits(walker)
        settle(walker)
        faults += [f"/{address}: {problem}" for problem in list_barriers(walker)]
        faults += find_faults(walker, f"/{address}")
        tabs = walker.locator(".stMain [role=tab]:visible")
        for i in range(tabs.count()):
            if tabs.nth(i).get_attribute("aria-selected") == "true":
                continue
            tabs.nth(i).click()
            settle(walker)
            if walker.locator("[role=tabpanel]:visible .gf-figure").count():
                faults += find_faults(walker, f"/{address}, {tabs.nth(i).inner_text()}")
    walker.emulate_media(color_scheme="dark")  # the colours of all views are the same
    wait_for_server(walker)
    settle(walker)
    faults += [f"dark: {problem}" for problem in list_barriers(walker, COLOURS)]
    assert not faults, "\n".join(faults)
