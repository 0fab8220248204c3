"""The page of descents in a real browser: play, step, a start that is pulled, and the landscape."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.tools import keep_own_errors, read_query, wait_for_chart, wait_for_server

PAINTED = """() => {
    const canvas = document.querySelector('.gf-board canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return new Set(data.filter((_value, i) => i % 4 === 0)).size;
}"""


def open_page(page: Page, url: str, query: str) -> None:
    page.goto(f"{url}/descent?{query}")
    wait_for_chart(page, "descent_map")
    wait_for_server(page)


def press(page: Page, name: str) -> None:
    page.locator(".gf-board").get_by_role("button", name=name, exact=True).click()


def expect_step(page: Page, step: int, count: int, place: str) -> None:
    board = page.locator(".gf-board")
    expect(board.locator(".gf-counter")).to_have_text(f"step {step} of {count}")
    expect(board.locator(".gf-numbers-of-step")).to_contain_text(f"at {place}:")


def find_start(page: Page) -> Locator:
    return page.locator(".gf-board").get_by_role("slider", name="Start", exact=True)


def test_steps_and_play_need_no_server(page: Page, app_url: str, page_errors: list[str]) -> None:
    # x_n = 2 · 0.5ⁿ
    open_page(page, app_url, "surface=bowl&start=2.0&learning_rate=0.5&steps=4")
    expect_step(page, 4, 4, "0.125")
    press(page, "One step back")
    expect_step(page, 3, 4, "0.25")
    press(page, "One step on")
    expect_step(page, 4, 4, "0.125")
    expect(page.get_by_role("button", name="One step on")).to_be_disabled()
    press(page, "Play")
    expect(page.locator(".gf-counter")).not_to_have_text("step 4 of 4")
    expect_step(page, 4, 4, "0.125")
    page.get_by_role("slider", name="Step shown").press("Home")
    expect_step(page, 0, 4, "2")
    assert keep_own_errors(page_errors) == []


def test_a_pulled_start_is_followed_within_a_frame_and_the_page_later(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url, "surface=bowl&start=2.0&learning_rate=0.5&steps=4")
    before = page.url
    box = find_start(page).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 100, y)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    words = page.locator(".gf-numbers-of-step").inner_text()
    end = float(words.split("at ")[1].split(":")[0])
    assert end < 0.12
    assert page.url == before
    page.mouse.up()
    page.wait_for_function(f"() => location.href !== '{before}'")
    assert float(read_query(page)["start"]) / 16 == pytest.approx(end, rel=5e-3)
    find_start(page).focus()
    page.keyboard.press("ArrowRight")
    start = float(read_query(page)["start"]) + 6 / 200
    page.wait_for_function(
        f"() => Math.abs(new URLSearchParams(location.search).get('start') - {start}) < 2e-3"
    )
    expect(page.get_by_text("Still on its way at")).to_be_visible()
    assert keep_own_errors(page_errors) == []


def test_a_slider_moves_the_paths_and_the_address(page: Page, app_url: str) -> None:
    open_page(page, app_url, "surface=bowl&start=2.0&learning_rate=0.5&steps=4")
    page.get_by_role("slider", name="Steps").press("ArrowRight")
    expect_step(page, 5, 5, "0.0625")
    page.wait_for_function("() => location.search.includes('steps=5')")
    expect(page.get_by_text("Still on its way at 0.062")).to_be_visible()
    page.reload()
    expect_step(page, 5, 5, "0.0625")


def test_a_plane_keeps_its_relief_and_has_a_landscape(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url, "surface=saddle&optimizers=sgd_adam&steps=20")
    shades = page.evaluate(PAINTED)
    assert shades > 15
    expect(page.locator(".gf-board rect[style*=rgb]")).to_have_count(18)  # their scale
    press(page, "One step back")
    press(page, "Play")
    expect(page.locator(".gf-counter")).to_have_text("step 20 of 20")
    assert page.evaluate(PAINTED) == shades
    find_start(page).focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_function("() => location.search.includes('start=-1.6_0.019')")
    page.get_by_role("tab", name="Landscape").click()
    wait_for_chart(page, "descent_surface", 3)
    assert [e for e in keep_own_errors(page_errors) if "WebGL" not in e and "GPU" not in e] == []
