"""Hands on the Flow figure: its right edge has the layers, its left end the weights' scale."""

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import gradflow as gf
from gradflow.core import codec
from tests.browser.test_explore import FLOW, count_columns
from tests.browser.tools import read_query, wait_for_server

SMALL = "width=64&batch_size=64"
LEVEL = "() => Math.abs(document.querySelector('.gf-grip-scale').ariaValueNow - 1) < 0.02"
END = f"""() => {{
    const line = {FLOW}.data.find(({{ meta, yaxis }}) => meta?.spoken && yaxis === "y2");
    const axis = {FLOW}._fullLayout.yaxis2;
    const height = axis._offset + axis.d2p((line.y._inputArray ?? line.y)[0]);
    return {FLOW}.getBoundingClientRect().top + height;
}}"""
RANGE = f"() => {FLOW}.layout.yaxis2.range"


def open_page(page: Page, url: str, query: str) -> tuple[Locator, Locator]:
    """Open Explore; returns the handle of the layers, and that of the weights' scale."""
    page.goto(f"{url}/?{SMALL}&{query}")
    layers, scale = page.locator(".gf-grip-layers"), page.locator(".gf-grip-scale")
    expect(layers).to_be_visible()
    wait_for_server(page)
    return layers, scale


def find_centre(grip: Locator) -> tuple[float, float]:
    box = grip.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def take(page: Page, grip: Locator) -> tuple[float, float]:
    """Press the mouse on a handle; returns where."""
    x, y = find_centre(grip)
    page.mouse.move(x, y)
    page.mouse.down()
    return x, y


def find_level(page: Page) -> float:
    """Find how far down the end of a level gradient is."""
    guide = page.locator(".gf-level").bounding_box()
    assert guide is not None
    return float(guide["y"])


def measure_factor(query: dict[str, str]) -> float:
    """Run a setting, and fit a straight line to ln ‖δ‖ over its hidden layers."""
    norms = gf.run(codec.from_query(query)).layers["delta_norm"].to_numpy()[:-1]
    return float(np.exp(-np.polyfit(np.arange(len(norms)), np.log(norms), 1)[0]))


def wait_for_page(page: Page, name: str, *, other_than: str | None) -> dict[str, str]:
    """Wait until a setting in the page's address is another one, and all has caught up."""
    page.wait_for_function(
        "([name, old]) => new URLSearchParams(location.search).get(name) !== old",
        arg=[name, other_than],
    )
    page.wait_for_function("() => !document.querySelector('[data-ahead]')")
    wait_for_server(page)
    return read_query(page)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("activation=tanh&initialization=normal&init_std=0.06", "init_std"),
        ("activation=sigmoid&initialization=xavier_normal", "gain_value"),  # no number before
    ],
)
def test_an_end_that_is_pulled_level_leaves_a_level_gradient(
    query: str, name: str, page: Page, app_url: str, page_errors: list[str]
) -> None:
    _layers, scale = open_page(page, app_url, f"depth=12&{query}")
    before, axis = read_query(page), page.evaluate(RANGE)
    assert measure_factor(before) < 0.8
    x, y = take(page, scale)
    page.mouse.move(x, y - 20, steps=3)
    page.wait_for_function(f"(y) => Math.abs(({END})() - y) < 6", arg=y - 20)
    for _ in range(10):  # as an eye follows the line, which moves with the scale
        page.mouse.move(x, find_level(page), steps=6)
        page.wait_for_timeout(300)
        if page.evaluate(LEVEL):
            break
    page.wait_for_function(LEVEL)
    assert page.evaluate(END) == pytest.approx(find_level(page), abs=6)
    # The picture follows the hand, on the axis on which it was taken; the page waits.
    assert read_query(page) == before
    assert page.evaluate(RANGE) == pytest.approx(axis)
    assert page.evaluate(END) < y - 20
    page.mouse.up()
    after = wait_for_page(page, name, other_than=before.get(name))
    assert measure_factor(after) == pytest.approx(1, abs=0.03)
    assert {n for n in after if after[n] != before.get(n)} <= {name, "gain"}
    expect(page.locator(".gf-verdict")).to_contain_text("× ")
    assert page.evaluate(RANGE) != pytest.approx(axis)
    assert page_errors == []


def test_escape_and_keys(page: Page, app_url: str) -> None:
    layers, scale = open_page(page, app_url, "depth=8&activation=relu")
    before = read_query(page)
    text = scale.get_attribute("aria-valuetext") or ""
    x, y = take(page, scale)
    page.mouse.move(x, y - 40, steps=4)
    expect(scale).not_to_have_attribute("aria-valuetext", text)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(scale).to_have_attribute("aria-valuetext", text)
    page.wait_for_function("() => !document.querySelector('[data-ahead]')")
    assert read_query(page) == before
    scale.focus()
    page.keyboard.press("ArrowUp")
    higher = wait_for_page(page, "gain", other_than=before["gain"])
    assert measure_factor(higher) > measure_factor(before)
    assert scale.evaluate("(grip) => grip === document.activeElement")
    page.keyboard.press("Escape")
    assert wait_for_page(page, "gain", other_than="custom") == before
    layers.focus()
    page.keyboard.press("ArrowRight")
    wait_for_page(page, "depth", other_than="8")
    page.wait_for_function(f"() => {FLOW}.layout.xaxis.range[1] === 9.5")
    expect(layers).to_have_attribute("aria-valuetext", "Depth 9")
    page.keyboard.press("Escape")
    assert wait_for_page(page, "depth", other_than="9") == before


def test_a_zoom_survives_a_hand(page: Page, app_url: str) -> None:
    _layers, scale = open_page(page, app_url, "depth=8&activation=relu")
    low, high = page.evaluate(RANGE)
    zoom = [low + 0.1, high + 0.1]
    page.evaluate(f"(range) => Plotly.relayout({FLOW}, {{ 'yaxis2.range': range }})", zoom)
    x, y = take(page, scale)
    page.mouse.move(x, y - 20, steps=3)
    page.mouse.up()
    wait_for_page(page, "gain_value", other_than=None)
    assert page.evaluate(RANGE) == pytest.approx(zoom)


def test_the_right_edge_adds_and_removes_layers(page: Page, app_url: str) -> None:
    layers, _scale = open_page(page, app_url, "depth=10&activation=tanh")
    width = page.evaluate(f"() => {FLOW}._fullLayout.xaxis._length")
    x, y = take(page, layers)
    page.mouse.move(x - 0.4 * width, y, steps=8)
    page.wait_for_function(f"() => {FLOW}.data.find((t) => t.name === 'RMS').x.length === 6")
    # Columns keep their width, so that the picture ends under the hand.
    edge = page.evaluate(
        f"() => {FLOW}._fullLayout.xaxis.d2p(6.5) - {FLOW}._fullLayout.xaxis.d2p(0.5)"
    )
    assert edge == pytest.approx(0.6 * width, abs=1)
    expect(page.get_by_role("spinbutton", name="Depth, exactly")).to_have_value("6")
    assert read_query(page)["depth"] == "10"
    page.mouse.up()
    wait_for_page(page, "depth", other_than="10")
    page.wait_for_function(f"() => {FLOW}.layout.xaxis.range[1] === 6.5")
    x, y = take(page, layers)
    page.mouse.move(x + 30, y, steps=4)
    page.mouse.up()
    assert int(wait_for_page(page, "depth", other_than="6")["depth"]) > 8
    assert count_columns(page) == int(read_query(page)["depth"])


def test_a_strip_above_the_columns_shows_the_units(page: Page, app_url: str) -> None:
    query = "depth=6&activation=relu&initialization=normal&init_std=0.4&bias_std=3"
    open_page(page, app_url, query)
    strip, label = page.locator(".gf-strip"), page.locator(".gf-strip-label")
    box = strip.bounding_box()
    assert box is not None
    x, width = page.evaluate(
        f"""() => {{ const {{ xaxis }} = {FLOW}._fullLayout;
            return [{FLOW}.getBoundingClientRect().left + xaxis._offset, xaxis._length]; }}"""
    )
    assert (box["x"], box["width"]) == (pytest.approx(x, abs=1), pytest.approx(width, abs=1))
    assert 36 <= box["height"] <= 56
    units = gf.run(codec.from_query(read_query(page))).units
    column = width / 6
    for layer in (2, 6):
        page.mouse.move(x + (layer - 0.5) * column, box["y"] + box["height"] / 2)
        dead, shown = sum(units[layer].dead), len(units[layer].dead)
        text = f"Layer {layer}: {shown} of {units[layer].count} units shown, {dead} dead"
        expect(label).to_contain_text(text)
    # In each column something is drawn; a dot of layer 2 for each of its units.
    drawn = strip.evaluate(
        """(canvas) => {
            const width = canvas.width / 6;
            const context = canvas.getContext("2d");
            return [0, 1, 2, 3, 4, 5].map((i) =>
                context.getImageData(i * width, 0, width, canvas.height).data.some(Boolean));
        }"""
    )
    assert all(drawn)
    page.mouse.click(x + 1.5 * column, box["y"] + box["height"] / 2)
    expect(page.locator(".gf-dive-bar strong")).to_have_text("Layer 2 of 6")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(strip).to_be_hidden()
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(strip).to_be_visible()


def test_a_finger_pulls_without_scrolling_the_page(chromium: Browser, app_url: str) -> None:
    context = chromium.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    _layers, scale = open_page(page, app_url, "depth=8&activation=sigmoid")
    box = scale.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    x, y = find_centre(scale)
    devtools = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        sent = [{"x": x, "y": y} for x, y in points]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": sent})

    touch("touchStart", (x, y))
    for step in range(1, 5):
        touch("touchMove", (x, y - 8 * step))
    touch("touchEnd")
    assert float(wait_for_page(page, "gain_value", other_than=None)["gain_value"]) > 1
    assert page.evaluate("() => document.querySelector('.stMain').scrollTop") == 0
    context.close()
