"""The page on initialization in a real browser: the toolbar, the views, a phone."""

from playwright.sync_api import Page, expect

from tests.browser.tools import (
    choose_setting,
    find_figure,
    measure_width,
    open_from_menu,
    wait_for_chart,
    wait_for_server,
)


def test_the_figure_follows_the_law(page: Page, app_url: str, page_errors: list[str]) -> None:
    page.goto(app_url)
    open_from_menu(page, "Learn", "Initialization")
    wait_for_chart(page, "flow")
    wait_for_server(page)
    line = page.locator(".gf-line").first
    expect(line).to_contain_text("Vanishing")
    choose_setting(page, "Initialization", "Xavier (Glorot) normal")
    expect(line).to_contain_text("Healthy")
    page.wait_for_function("() => location.search.includes('initialization=xavier_normal')")
    wait_for_server(page)
    page.get_by_role("radio", name="Zeros and constants").click()
    wait_for_chart(page, "initialization_copies")
    page.get_by_role("slider", name="Step of training").press("End")
    expect(find_figure(page, "initialization_copies")).to_contain_text("12 kinds")
    page.wait_for_function("() => location.search.includes('step=300')")
    expect(page.get_by_text("After 300 steps")).to_be_visible()
    page.get_by_role("radio", name="Gains").click()
    wait_for_chart(page, "initialization_gains")
    expect(find_figure(page, "initialization_gains")).to_contain_text("Tanh × 4")
    page.get_by_role("button", name="Open this network in Explore").click()
    page.wait_for_function("() => location.search.includes('gain_value=4')")
    wait_for_chart(page, "flow")
    assert page_errors == []


def test_on_a_phone(walker: Page, app_url: str) -> None:
    walker.set_viewport_size({"width": 390, "height": 844})
    for view, key in (
        ("layers", "flow"),
        ("variance", "initialization_variance"),
        ("shapes", "initialization_shapes"),
    ):
        walker.goto(f"{app_url}/initialization?view={view}")
        wait_for_chart(walker, key)
        wait_for_server(walker)
        assert measure_width(walker) <= 390
        top = walker.locator(".gf-plot").first.bounding_box()
        assert top is not None
        assert top["y"] < 420  # the picture begins on the first screen
