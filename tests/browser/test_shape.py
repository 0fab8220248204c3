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
from gradflow.charts.normalization.blocks import blocks_figure
from gradflow.charts.pretraining.images import features_figure, reconstructions_figure
from gradflow.core.teaching.gaussian import GaussianInput, push_gaussian
from gradflow.core.teaching.normalization.sharing import NormalizedBlock, list_block_sets
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


def cut_tiles(array: Any, columns: int) -> np.ndarray:
    """Cut a heatmap of images into the images, 8 × 8 with a gap of 1."""
    whole = np.pad(np.array(array, float), ((0, 1), (0, 1)))
    tiles = whole.reshape(-1, 9, columns, 9).swapaxes(1, 2)[..., :8, :8]
    return tiles.reshape(-1, 64)


def test_images_are_larger_on_a_phone_and_stay_themselves(blank: Page) -> None:
    features = np.random.default_rng(0).normal(size=(40, 64)).astype(np.float32)
    narrow = fit(blank, features_figure(features), PHONE)
    (trace,) = narrow["data"]
    tiles = cut_tiles(trace["z"], 8)
    np.testing.assert_array_equal(tiles[:40], features)
    assert np.isnan(tiles[40:]).all()
    assert (cut_tiles(trace["customdata"], 8)[39] == 40).all()  # the units keep their numbers
    layout = narrow["layout"]
    # The scale of colours lies beneath them, and leaves them the width.
    assert trace["colorbar"]["orientation"] == "h"
    assert trace["colorbar"]["thickness"] <= 10
    assert layout["margin"]["r"] <= 20
    plot = PHONE - layout["margin"]["l"] - layout["margin"]["r"]
    assert plot / 8 > 40
    high = layout["height"] - layout["margin"]["t"] - layout["margin"]["b"]
    assert high / plot == pytest.approx(53 / 71, abs=0.01)  # the pixels are squares
    assert layout["margin"]["b"] >= 40


def test_rows_of_images_with_names_are_cut_on_a_phone(blank: Page) -> None:
    images = np.random.default_rng(0).uniform(size=(10, 64)).astype(np.float32)
    names = ["original", "1 layer, error 0.025"]
    narrow = fit(blank, reconstructions_figure(images, images[None] / 2, names), PHONE)
    tiles = cut_tiles(narrow["data"][0]["z"], 8)
    np.testing.assert_array_equal(tiles, np.concatenate([images[:8], images[:8] / 2]))
    assert narrow["layout"]["margin"]["l"] < 100


def test_blocks_stand_in_two_rows_with_their_titles(blank: Page) -> None:
    sets = list_block_sets(NormalizedBlock())[:4]
    figure = blocks_figure([("", one) for one in sets], 9, 2, 2)
    slot = json.loads(encode_figure(figure))["layout"]["xaxis"]["range"][1] / 4
    layout = fit(blank, figure, PHONE)["layout"]
    titles = [note for note in layout["annotations"] if note["text"].startswith("<b>")]
    assert [note["x"] for note in titles] == pytest.approx([slot / 2, 1.5 * slot] * 2)
    rows = [note["y"] for note in titles]
    assert rows[0] == rows[1] > rows[2] == rows[3]
    assert layout["xaxis"]["range"] == pytest.approx([0, 2 * slot])
