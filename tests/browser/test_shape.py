"""The shape that a browser gives to a figure: the functions themselves, in a browser."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from gradflow.charts import remedies_figure
from gradflow.charts.activations.gaussian import gaussian_figure
from gradflow.charts.encode import encode_figure
from gradflow.core.teaching.gaussian import GaussianInput, push_gaussian
from gradflow.ui.assets import find_address
from tests.charts.figures import decode
from tests.charts.reports import make_report

PHONE, TABLET, DESKTOP = 358, 700, 1200


@pytest.fixture(scope="module")
def blank(chromium: Browser, app_url: str) -> Iterator[Page]:
    """A page of the app's server without the app."""
    page = chromium.new_page()
    page.goto(f"{app_url}/_stcore/health")
    yield page
    page.close()


def call(page: Page, script: str, function: str, *arguments: Any) -> Any:
    address = f"/{find_address(script)}"
    return page.evaluate(
        "async ([address, name, given]) => (await import(address))[name](...given)",
        [address, function, arguments],
    )


def fit(page: Page, figure: Any, width: int, height: int | None = None) -> dict[str, Any]:
    plain = json.loads(encode_figure(figure))
    size = {"width": width, "height": height or plain["layout"]["height"]}
    fitted: dict[str, Any] = call(page, "shape.js", "fitLayout", plain, size)
    return fitted


FONT = {"family": "monospace", "size": 10}  # each letter is as wide as another


def test_a_text_is_wrapped_and_keeps_its_words(blank: Page) -> None:
    text = "<b>forward signal →</b>&nbsp;&nbsp;&nbsp;<i>darker: more of the entries</i>"
    letter = call(blank, "words.js", "measureText", "x", FONT)["width"]
    wide = call(blank, "words.js", "wrapText", text, FONT, 60 * letter)
    assert wide == text
    # Several spaces are the first place for a break, and then words.
    lines = call(blank, "words.js", "wrapText", text, FONT, 27.5 * letter).split("<br>")
    assert lines == ["<b>forward signal →</b>", "<i>darker: more of the entries</i>"]
    lines = call(blank, "words.js", "wrapText", text, FONT, 16.5 * letter).split("<br>")
    assert " ".join(lines) == text.replace("&nbsp;&nbsp;&nbsp;", " ")
    plain = [line.replace("<i>", "").replace("</i>", "") for line in lines[1:]]
    assert all(len(line) <= 16 for line in plain)


def test_a_raised_number_takes_less_room(blank: Page) -> None:
    measured = [
        call(blank, "words.js", "measureText", text, FONT)["width"]
        for text in ("1012", "10<sup>12</sup>", "10<br>12")
    ]
    assert measured[0] > measured[1] > measured[2] == measured[0] / 2


def list_domains(layout: dict[str, Any], letter: str) -> list[tuple[float, float]]:
    keys = [key for key in layout if key.startswith(f"{letter}axis")]
    return [tuple(layout[key].get("domain", (0, 1))) for key in keys]


def test_panels_are_stacked_where_they_are_too_narrow(blank: Page) -> None:
    figure = gaussian_figure(push_gaussian(GaussianInput()))
    drawn = json.loads(encode_figure(figure))
    wide = fit(blank, figure, DESKTOP)
    assert wide["layout"] == drawn["layout"] | {"width": DESKTOP}
    assert wide["data"] == drawn["data"]
    narrow = fit(blank, figure, PHONE)["layout"]
    assert list_domains(narrow, "x") == [(0, 1)] * 3
    rows = sorted(list_domains(narrow, "y"))
    assert all(below[1] < above[0] for below, above in pairwise(rows))
    assert narrow["height"] > drawn["layout"]["height"]
    # Each title still stands on its own panel.
    tops = [domain[1] for domain in list_domains(narrow, "y")]
    assert [note["y"] for note in narrow["annotations"]] == pytest.approx(tops)


def test_small_multiples_keep_every_point_in_its_panel(blank: Page) -> None:
    before = make_report(9, 16, "sigmoid")
    cures = [(f"cure {i}", make_report(9, 16, std=0.5 + i)) for i in range(6)]
    figure = remedies_figure(before, cures)
    drawn, narrow = json.loads(encode_figure(figure)), fit(blank, figure, PHONE)

    def read_places(data: list[dict[str, Any]], columns: int) -> dict[tuple[Any, ...], Any]:
        """Where each point is in its panel, by its panel."""
        places = []
        for trace in data:
            x, y = decode(trace["x"]), decode(trace["y"])
            known = np.isfinite(x) & np.isfinite(y)
            column, row = np.floor(x[known] / 1.1 + 1e-6), np.ceil(-y[known] / 1.36 - 1e-6)
            panel = row * columns + column
            places.append(np.stack([panel, x[known] - 1.1 * column, y[known] + 1.36 * row]))
        return places

    for old, new in zip(read_places(drawn["data"], 4), read_places(narrow["data"], 2), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-4)
    assert narrow["layout"]["xaxis"]["range"][1] == pytest.approx(2.1, abs=0.02)


def test_a_given_height_is_kept(blank: Page) -> None:
    figure = remedies_figure(make_report(9, 16), [("one", make_report(9, 16, "relu"))])
    assert fit(blank, figure, TABLET, 300)["layout"]["height"] == pytest.approx(300, abs=2)
