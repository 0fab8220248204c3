"""The page on degradation in a real browser: views, a slider, a figure that follows."""

from playwright.sync_api import Page, expect

from tests.browser.tools import drawn, figure, settled


def opened(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("link", name="Degradation").click()
    drawn(page, "degradation_depth")
    settled(page)


def test_depth_and_its_legend(page: Page, app_url: str, page_errors: list[str]) -> None:
    opened(page, app_url)
    legend = figure(page, "degradation_depth").locator(".legendtext")
    expect(legend).to_have_text(["Plain", "Residual", "Residual, pre-activation", "theory"])
    page.locator(".st-key-explain_degradation_claim summary").click()
    expect(page.get_by_text("higher training error")).to_be_visible()
    assert page_errors == []


def test_shattering_follows_its_sliders(page: Page, app_url: str, page_errors: list[str]) -> None:
    opened(page, app_url)
    page.get_by_role("radio", name="Shattered gradients").click()
    drawn(page, "degradation_landscapes")
    landscapes = figure(page, "degradation_landscapes")
    expect(landscapes).to_contain_text("24 layers, plain")
    drawn(page, "degradation_pairs")  # the last of the page: a key pressed earlier may be lost
    page.get_by_role("slider", name="Plain layers").press("ArrowRight")
    expect(landscapes).to_contain_text("25 layers, plain")
    page.wait_for_function("() => location.search.includes('layers=25')")
    drawn(page, "degradation_pairs")
    assert page_errors == []
