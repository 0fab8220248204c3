"""The page on activation functions in a real browser: sliders, choices, the animation."""

from playwright.sync_api import Page, expect

from tests.browser.tools import (
    find_figure,
    keep_own_errors,
    measure_width,
    open_from_menu,
    wait_for_chart,
    wait_for_server,
    write_chart_js,
)


def open_page(page: Page, url: str, view: str) -> None:
    page.goto(url)
    open_from_menu(page, "Learn", "Activation functions")
    wait_for_chart(page, "functions")
    wait_for_server(page)
    if view:
        page.get_by_role("radio", name=view).click()


def test_functions_and_their_parameters(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, "")
    page.get_by_role("button", name="ELU", exact=True).click()
    page.wait_for_function("() => location.search.includes('gelu-elu')")
    page.get_by_role("slider", name="ELU: α").press("ArrowRight")
    page.wait_for_function("() => location.search.includes('elu_alpha=1.1')")
    page.wait_for_function(
        f"""() => {{ const t = {write_chart_js("functions")}?.data?.find((t) => t.name === 'ELU');
            const y = t?.y?._inputArray ?? t?.y;
            return y && Math.abs(y[0] - 1.1 * (Math.exp(-5) - 1)) < 1e-6; }}"""
    )
    expect(page.locator("table").last).to_contain_text("Klambauer et al. 2017")
    assert page_errors == []


def test_units_die_while_it_plays(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, "Dying ReLU")
    wait_for_chart(page, "dying_units")
    units = find_figure(page, "dying_units")
    expect(units).to_contain_text("31 off,31 dead")
    units.locator(".updatemenu-button", has_text="Play").click()
    captions = f"() => {write_chart_js('dying_units')}.data[2].text"
    page.wait_for_function(f"() => !({captions})().slice(1).includes('31 off,<br>0 dead')")
    units.locator(".updatemenu-button", has_text="Pause").click()
    assert page.evaluate(captions)[0] == "31 off,<br>31 dead"
    page.get_by_role("slider", name="Bias b at the start").press("ArrowRight")
    page.wait_for_function("() => location.search.includes('bias=-3.5')")
    assert keep_own_errors(page_errors) == []


def test_views_fit_and_survive_a_reload(page: Page, app_url: str) -> None:
    for view, key in (
        ("layers", "slope_products"),
        ("gaussian", "gaussian"),
        ("hyperbolic", "sectors"),
        ("dying", "dying"),
        ("functions", "functions"),
    ):
        page.goto(f"{app_url}/activations?view={view}")
        wait_for_chart(page, key)
        page.wait_for_function(f"() => location.search.includes('view={view}&')")
        assert measure_width(page) <= 1280
