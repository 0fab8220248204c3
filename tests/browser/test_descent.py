"""The page of descents in a real browser: play, pause, step, sliders, and the landscape."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tools import find_figure, keep_own_errors, wait_for_chart, write_chart_js

HEAD = f"""() => {{
    const plot = {write_chart_js("descent_map")};
    const heads = plot?.data?.find((trace) => trace.name === 'heads');
    return heads ? [plot.layout.sliders[0].active, heads.x[0]] : null;
}}"""


def open_page(page: Page, url: str, query: str) -> None:
    page.goto(f"{url}/descent?{query}")
    page.wait_for_function(f"() => ({HEAD})() !== null")


def press(page: Page, label: str) -> None:
    find_figure(page, "descent_map").locator(".updatemenu-button").filter(has_text=label).click()


def wait_for_head(page: Page, step: int, x: float) -> None:
    """Wait until the head has come to ``x`` at the frame ``step``."""
    page.wait_for_function(
        f"""() => {{ const [n, x] = ({HEAD})() ?? [];
            return n === {step} && Math.abs(x - {x}) < 1e-3; }}"""
    )


def test_steps_and_play_need_no_server(page: Page, app_url: str, page_errors: list[str]) -> None:
    # x_n = 2 · 0.5ⁿ
    open_page(page, app_url, "surface=bowl&start=2.0&learning_rate=0.5&steps=4")
    wait_for_head(page, 4, 0.125)
    press(page, "◀ Step")
    wait_for_head(page, 3, 0.25)
    press(page, "◀ Step")
    wait_for_head(page, 2, 0.5)
    press(page, "Step ▶")
    wait_for_head(page, 3, 0.25)
    for _again in range(2):
        press(page, "Step ▶")
        wait_for_head(page, 4, 0.125)
    press(page, "Play")
    page.wait_for_function(f"() => ({HEAD})()?.[0] < 4")
    wait_for_head(page, 4, 0.125)
    rail = find_figure(page, "descent_map").locator(".slider-rail-touch-rect")
    rail.click(position={"x": 3, "y": 10})
    wait_for_head(page, 0, 2.0)
    assert keep_own_errors(page_errors) == []


def test_a_step_leaves_the_contours(page: Page, app_url: str) -> None:
    open_page(page, app_url, "surface=ravine&steps=10")
    page.wait_for_selector(".contourlayer path")
    press(page, "◀ Step")
    page.wait_for_function(f"() => ({HEAD})()?.[0] === 9")
    assert page.locator(".contourlayer path").count() > 10


def test_pause_keeps_the_step(page: Page, app_url: str) -> None:
    open_page(page, app_url, "surface=bowl&start=2.0&learning_rate=0.1&steps=100")
    press(page, "Play")
    page.wait_for_function(f"() => ({HEAD})()[0] > 2 && ({HEAD})()[0] < 90")
    press(page, "Pause")
    page.wait_for_timeout(200)
    held = page.evaluate(HEAD)
    page.wait_for_timeout(400)
    assert page.evaluate(HEAD) == held
    step, x = held
    assert x == pytest.approx(2 * 0.9**step, abs=1e-3)


def test_a_slider_moves_the_paths_and_the_address(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url, "surface=bowl&start=2.0&learning_rate=0.5&steps=4")
    page.get_by_role("slider", name="Steps").focus()
    page.keyboard.press("ArrowRight")
    wait_for_head(page, 5, 0.0625)
    page.wait_for_function("() => location.search.includes('steps=5')")
    expect(page.get_by_text("Still on its way at 0.062")).to_be_visible()
    page.reload()
    page.wait_for_function(f"() => ({HEAD})() !== null")
    wait_for_head(page, 5, 0.0625)
    assert keep_own_errors(page_errors) == []


def test_the_landscape_is_drawn(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, "surface=saddle&optimizers=sgd_adam&steps=20")
    page.get_by_role("tab", name="Landscape").click()
    wait_for_chart(page, "descent_surface", 3)
    assert [e for e in keep_own_errors(page_errors) if "WebGL" not in e and "GPU" not in e] == []
