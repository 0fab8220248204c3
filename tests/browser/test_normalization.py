"""The page on normalization in a real browser: its first four views."""

from playwright.sync_api import Page, expect

from tests.browser.tools import (
    find_figure,
    measure_width,
    open_from_menu,
    wait_for_chart,
    wait_for_server,
    write_chart_js,
)


def open_page(page: Page, url: str, view: str = "") -> None:
    page.goto(url)
    open_from_menu(page, "Learn", "Normalization")
    wait_for_chart(page, "normalization_blocks")
    wait_for_server(page)
    if view:
        page.get_by_role("radio", name=view).click()


def test_group_norm_becomes_layer_norm(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url)
    blocks = find_figure(page, "normalization_blocks")
    expect(blocks).to_contain_text("8 × 27 entries")
    page.get_by_role("slider", name="Groups G").press("ArrowLeft")
    expect(page.get_by_text("Layer norm and group norm are the same here")).to_be_visible()
    expect(blocks).not_to_contain_text("8 × 27 entries")
    page.wait_for_function("() => location.search.includes('groups=1')")
    page.get_by_role("slider", name="Samples N").press("ArrowRight")
    expect(blocks).to_contain_text("5 × 54 entries")
    assert page_errors == []


def test_a_batch_follows_gamma(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, "One batch")
    wait_for_chart(page, "normalization_batch")
    page.get_by_role("slider", name="β").press("ArrowRight")
    page.wait_for_function("() => location.search.includes('beta=0.1')")
    page.wait_for_function(
        f"""() => {{ const t = {write_chart_js("normalization_batch")}?.data
            ?.find((t) => t.xaxis === 'x5'); const y = t?.y?._inputArray ?? t?.y;
            return y && Math.abs(y[0] - 0.1) < 1e-6; }}"""
    )
    page.get_by_role("combobox", name="Normalization").click()
    page.get_by_role("option", name="RMS norm").click()
    expect(page.locator(".stMain")).to_contain_text("root mean square")
    assert page_errors == []


def test_views_fit_and_survive_a_reload(page: Page, app_url: str) -> None:
    for view, key in (
        ("modes", "normalization_modes"),
        ("small", "normalization_small"),
        ("batch", "normalization_batch"),
        ("sharing", "normalization_blocks"),
    ):
        page.goto(f"{app_url}/normalization?view={view}")
        wait_for_chart(page, key)
        page.wait_for_function(f"() => location.search.includes('view={view}&')")
        assert measure_width(page) <= 1280


def test_a_figure_that_grows_while_its_networks_are_trained_keeps_its_node(
    page: Page, app_url: str
) -> None:
    page.goto(f"{app_url}/normalization?view=rates&depth=6&width=16&steps=10")
    wait_for_chart(page, "normalization_rates")
    wait_for_server(page)
    chart = write_chart_js("normalization_rates")
    page.evaluate(f"() => {{ window.node = {chart}; }}")
    page.get_by_role("slider", name="Depth").press("ArrowLeft")
    page.wait_for_function("() => location.search.includes('depth=5')")  # at the end of the run
    expect(page.locator(".stMain")).to_contain_text("range over 5 seeds")
    expect(page.locator(".stMain")).not_to_contain_text("of 15 computed")
    page.wait_for_function(f"() => {chart} === window.node && {chart}.data.length > 5")
