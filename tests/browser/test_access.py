"""axe-core finds nothing serious on any page or view, light or dark."""

import re
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.tools import find_figure, wait_for_chart, wait_for_server

STACK = {"layers": "2", "width": "8", "epochs": "1", "batch_size": "200"}
SMALL = {"depth": "4", "width": "16", "batch_size": "16"}
TIME = {"hidden_size": "6", "batch_size": "3", "length": "12"}
VIEWS: dict[str, list[dict[str, str]]] = {
    "": [{}, SMALL],
    "compare": [{"a": "depth=4&width=16", "b": "depth=6&activation=relu&width=16"}],
    "training": [{"preset": "sigmoid_twin"}],
    "pretraining": [STACK],
    "backprop": [{"part": "chain"}, {"part": "network"}],
    "descent": [{"steps": "20"}],
    "activations": [
        {"view": view} for view in ("functions", "layers", "dying", "gaussian", "hyperbolic")
    ],
    "normalization": [
        *({"view": view} for view in ("sharing", "batch", "modes", "small")),
        {"view": "flow", **SMALL},
        {"view": "scales", "depth": "3", "width": "16"},
    ],
    "degradation": [
        {"view": "depth", "width": "16"},
        {"view": "shattering", "width": "32", "layers": "10"},
        {"view": "identity", "width": "16", "depth": "8"},
    ],
    "recurrent": [
        {**TIME, "view": "time"},
        {**TIME, "view": "gates", "cell": "lstm"},
        {**TIME, "view": "cells"},
        {**TIME, "view": "clipping"},
    ],
    "diagnoses": [{"about": "vanishing"}],
}
WHOLE = {"resultTypes": ["violations"]}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
WORDS = {"exclude": [[".main-svg"], [".katex-display"]]}
"""Where axe looks: a drawing is hidden from those who cannot see it, its label says it in words. A
wide formula scrolls, and browsers let the keyboard reach what scrolls."""
IS_DRAWN = """() => [...document.querySelectorAll('.gf-plot')]
    .filter((plot) => plot.clientWidth).every((plot) => plot.data)"""


@pytest.mark.parametrize("name", VIEWS)
def test_nothing_serious_is_found(walker: Page, app_url: str, name: str) -> None:
    page = walker
    page.set_viewport_size({"width": 1280, "height": 720})
    page.emulate_media(color_scheme="light")
    axe, found = Axe(), []
    for query in VIEWS[name]:
        page.goto(f"{app_url}/{name}?{urlencode(query)}")
        page.wait_for_selector(".gf-plot, .gf-welcome, .stHeading")
        wait_for_server(page)
        page.wait_for_function(IS_DRAWN)
        found += _list_serious(axe.run(page, WORDS, WHOLE).response)
    page.emulate_media(color_scheme="dark")  # the colours of all views are the same
    page.wait_for_timeout(300)
    wait_for_server(page)
    found += _list_serious(axe.run(page, WORDS, COLOURS).response)
    assert found == []


def test_a_drawing_is_hidden_and_its_label_has_the_numbers(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/?{urlencode(SMALL)}")
    wait_for_chart(page, "flow")
    plot = find_figure(page, "flow").locator(".gf-plot")
    label = str(plot.get_attribute("aria-label"))
    assert "layer 1" in label
    assert re.search(r"RMS: \S+ at 1, \S+ at 4\.", label)
    drawings = plot.locator(".main-svg")
    assert drawings.count() > 0
    assert all(d.get_attribute("aria-hidden") == "true" for d in drawings.all())


def _list_serious(response: dict) -> list[str]:  # type: ignore[type-arg]
    return [
        f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}"
        for rule in response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
