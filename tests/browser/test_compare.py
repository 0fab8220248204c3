"""The Compare page in a real browser: from Explore, with a file, by URL."""

import urllib.parse
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import gradflow as gf
from gradflow.core import codec
from tests.browser.tools import read_query, wait_for_chart, write_chart_js

NORMS = write_chart_js("compare_gradients")
LETTERS = f"""() => ({NORMS}?.data ?? [])
    .map((t) => t.name).filter((n) => n.startsWith('<b>')).map((n) => n[3]).join('')"""
SMALL = gf.Experiment(network=gf.MLP(depth=5, width=16, activation="sigmoid"))


def wait_for_letters(page: Page, letters: str) -> None:
    """Wait until the chart holds a line for each of these letters and for no other."""
    page.wait_for_function(f"() => ({LETTERS})() === '{letters}'")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def open_from_explore(page: Page, url: str) -> None:
    page.goto(f"{url}/?{urllib.parse.urlencode(codec.to_query(SMALL))}")
    wait_for_chart(page, "flow")
    page.get_by_role("link", name="Compare").first.click()
    wait_for_letters(page, "AB")  # B is what cures it
    page.wait_for_function("() => location.search.includes('b=')")


def test_from_explore_and_back(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_from_explore(page, app_url)
    assert dict(urllib.parse.parse_qsl(read_query(page)["a"])) == codec.to_query(SMALL)
    page.get_by_role("button", name="Add a copy of A").click()
    wait_for_letters(page, "ABC")
    choose(page, "Activation", "ReLU")
    page.wait_for_function("() => location.search.includes('activation%3Drelu')")
    for tab, key in (("Distributions", "compare_flow"), ("Forward signal", "compare_forward")):
        page.get_by_role("tab", name=tab).click()
        wait_for_chart(page, key, 3)
    address = page.url
    page.get_by_role("link", name="Explore").first.click()
    page.wait_for_function("() => location.search.includes('activation=sigmoid')")
    assert read_query(page) == codec.to_query(SMALL)  # Explore is as it was left
    page.get_by_role("link", name="Compare").first.click()
    wait_for_letters(page, "ABC")
    page.wait_for_url(address)
    assert page_errors == []


def test_settings_out_of_sight_show_their_value(page: Page, app_url: str) -> None:
    query = {"a": urllib.parse.urlencode(codec.to_query(SMALL)), "b": "connection=residual"}
    page.goto(f"{app_url}/compare?{urllib.parse.urlencode(query)}")
    wait_for_letters(page, "AB")
    page.reload()
    wait_for_letters(page, "AB")
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("spinbutton", name="Branch scale α")).to_have_value("1")
    expect(page.get_by_role("spinbutton", name="Layers per block")).to_have_value("2")


def test_the_numbers_are_downloaded(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/compare?a=depth%3D3&b=depth%3D4&c=depth%3D5")
    wait_for_letters(page, "ABC")
    page.get_by_role("tab", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Numbers, CSV").click()
    assert (
        Path(download.value.path()).read_text().startswith("measure,A,B,C,comparison,B_to_A,C_to_A")
    )


@pytest.mark.parametrize("letters", ["ab", "abc", "abcd"])
def test_figure_and_cards_share_the_first_screen(page: Page, app_url: str, letters: str) -> None:
    columns = dict.fromkeys(letters, "depth=50&width=16&activation=relu&normalization=batch")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{app_url}/compare?{urllib.parse.urlencode(columns)}")
    wait_for_letters(page, letters.upper())
    page.wait_for_timeout(500)
    cards = page.locator(".gf-setting")
    boxes = [card.bounding_box() for card in cards.all()]
    assert len(boxes) == len(letters)
    assert len({(round(box["y"]), round(box["height"])) for box in boxes}) == 1  # they line up
    assert page.evaluate(f"() => {NORMS}.getBoundingClientRect().bottom") <= 720
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1280


def test_on_a_phone_the_figure_comes_before_the_controls(page: Page, app_url: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    columns = dict.fromkeys("abcd", "depth=4&width=16")
    page.goto(f"{app_url}/compare?{urllib.parse.urlencode(columns)}")
    wait_for_letters(page, "ABCD")
    page.wait_for_timeout(500)
    figure = page.evaluate(f"() => {NORMS}.getBoundingClientRect().bottom")
    control = page.get_by_role("combobox", name="Activation", exact=True).bounding_box()
    assert figure <= control["y"]
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
