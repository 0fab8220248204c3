"""Backpropagation in a real browser: moving a slider, stepping, updating."""

from playwright.sync_api import Page, expect

from tests.browser.tools import open_from_menu, write_chart_js

GRAPH = write_chart_js("backprop_network")
CHAIN = write_chart_js("backprop_chain")


def wait_for_content(page: Page, chart: str, condition: str) -> None:
    """Wait until ``condition``, in JavaScript, is true of the chart's ``layout`` and ``data``."""
    page.wait_for_function(
        f"""() => {{
            const chart = {chart};
            if (!chart?.data) return false;
            const {{layout, data}} = chart;
            return {condition};
        }}"""
    )


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    open_from_menu(page, "Learn", "Backpropagation")
    wait_for_content(page, CHAIN, "layout.xaxis.ticktext.length === 9")


def test_a_longer_chain(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url)
    expect(page.get_by_text("The gradient vanishes.")).to_be_visible()
    page.get_by_role("slider", name="Length n").press("ArrowRight")
    wait_for_content(page, CHAIN, "layout.xaxis.ticktext.length === 10")
    page.wait_for_function("() => location.search.includes('length=9')")
    address = page.url
    open_from_menu(page, "Learn", "Diagnoses")
    expect(page.get_by_role("heading", name="Diagnoses")).to_be_visible()
    open_from_menu(page, "Learn", "Backpropagation")
    wait_for_content(page, CHAIN, "layout.xaxis.ticktext.length === 10")
    page.wait_for_function(f"() => location.href === '{address}'")
    assert page_errors == []


def test_steps_and_an_update(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url)
    page.get_by_text("A small network, step by step").click()
    wait_for_content(page, GRAPH, "layout.annotations.length === 5")  # two targets, three weights
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Step 2 of 20")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_text("Step 3 of 20")).to_be_visible()
    page.get_by_role("button", name="Last").click()
    expect(page.get_by_text("Step 20 of 20")).to_be_visible()
    wait_for_content(
        page, GRAPH, "layout.annotations.filter((a) => a.text.includes('δ')).length === 9"
    )
    page.get_by_role("button", name="Apply the update").click()
    expect(page.get_by_text("Loss E, 1 updates taken")).to_be_visible()
    page.wait_for_function("() => location.search.includes('updates=1')")
    assert page_errors == []
