"""Theory, seeds, cures and lessons in a real browser."""

import json

from playwright.sync_api import Page, expect

import gradflow as gf
from gradflow.core import codec
from tests.browser.test_explore import FLOW, open_page, take_fingerprint, wait_for_change
from tests.browser.tools import (
    choose_setting,
    find_figure,
    find_setting,
    read_query,
    wait_for_chart,
)

SIGMOID = {"activation": "sigmoid", "depth": "12", "width": "64"}


def list_names(page: Page) -> list[str]:
    """List the names of the traces of the Flow figure."""
    names = page.evaluate(f"() => JSON.stringify({FLOW}.data.map((t) => t.name))")
    return list(json.loads(names))


def test_theory_and_seeds_are_drawn_on_request(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url, **SIGMOID)
    assert "theory" in list_names(page)
    before = take_fingerprint(page)
    find_setting(page, "Theory").click()
    wait_for_change(page, before)
    assert "theory" not in list_names(page)
    before = take_fingerprint(page)
    choose_setting(page, "Seeds", "16 seeds")
    wait_for_change(page, before)
    assert "seeds band" in list_names(page)
    assert page_errors == []


def test_a_cure_is_found_and_applied(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, **SIGMOID)
    before = take_fingerprint(page)
    page.get_by_role("button", name="Try cures").click()
    expect(find_figure(page, "cures").locator(".js-plotly-plot")).to_be_in_viewport()
    page.get_by_role("button", name="Apply:").click()
    wait_for_change(page, before)
    expect(page.locator(".gf-verdict")).to_contain_text("Healthy:")
    page.wait_for_function(
        "() => !location.search.includes('activation=sigmoid') || "
        "!location.search.includes('connection=plain')"
    )
    report = gf.run(codec.from_query(read_query(page)))
    assert "keeps its size" in gf.findings(report)[0].text
    assert page_errors == []


def test_a_verdict_leads_to_its_lesson_and_back(page: Page, app_url: str) -> None:
    open_page(page, app_url, **SIGMOID)
    page.get_by_role("button", name="Why?").click()
    page.get_by_role("button", name="Learn why").first.click()
    expect(page.get_by_role("heading", name="Diagnoses")).to_be_visible()
    assert "about=vanishing" in page.url
    expect(page.locator(".gf-verdict")).to_contain_text("Vanishing: ×")
    page.get_by_role("button", name="Open this network in Explore").click()
    page.wait_for_function("() => location.search.includes('depth=24')")
    wait_for_chart(page, "flow")
    assert read_query(page)["activation"] == "sigmoid"
