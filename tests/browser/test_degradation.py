"""The page on degradation in a real browser: views, a slider, a figure that follows."""

from playwright.sync_api import Page, expect

from tests.browser.tools import find_figure, open_from_menu, wait_for_chart, wait_for_server


def open_page(page: Page, url: str, view: str = "") -> None:
    # It opens with a training, which takes its time on a busy machine.
    page.set_default_timeout(90_000)
    page.goto(url)
    open_from_menu(page, "Learn", "Degradation")
    wait_for_chart(page, "degradation_deeper")
    wait_for_server(page)
    if view:
        page.get_by_role("radio", name=view).click()


def test_a_guess_comes_before_the_answer(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url)
    figure = find_figure(page, "degradation_deeper")
    expect(figure).not_to_contain_text("before training")
    page.get_by_role("radio", name="vanishing").click()
    expect(figure).to_contain_text("before training")
    expect(page.get_by_text("Before the first step it explodes")).to_be_visible()
    page.wait_for_function("() => location.search.includes('guess=vanishing')")
    page.locator(".st-key-explain_degradation_training summary").click()
    expect(page.get_by_text("higher training error")).to_be_visible()
    assert page_errors == []


def test_depth_and_its_legend(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, "Gradient against depth")
    wait_for_chart(page, "degradation_depth")
    legend = find_figure(page, "degradation_depth").locator(".legendtext")
    names = ["Plain", "Residual", "Residual, pre-activation", "Dense concatenation", "theory"]
    expect(legend).to_have_text(names)
    assert page_errors == []


def test_shattering_follows_its_sliders(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, "Shattered gradients")
    wait_for_chart(page, "degradation_landscapes")
    landscapes = find_figure(page, "degradation_landscapes")
    expect(landscapes).to_contain_text("24 layers, plain")
    # The last chart of the page: a key that is pressed before it is there may be lost.
    wait_for_chart(page, "degradation_pairs")
    page.get_by_role("slider", name="Plain layers").press("ArrowRight")
    expect(landscapes).to_contain_text("25 layers, plain")
    page.wait_for_function("() => location.search.includes('layers=25')")
    wait_for_chart(page, "degradation_pairs")
    assert page_errors == []
