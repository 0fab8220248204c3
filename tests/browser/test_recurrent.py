"""The page on gradients through time in a real browser."""

import re

from playwright.sync_api import Page, expect

from tests.browser.tools import (
    find_button,
    measure_width,
    open_from_menu,
    wait_for_chart,
    wait_for_server,
)


def open_page(page: Page, url: str, view: str = "") -> None:
    page.goto(url)
    open_from_menu(page, "Learn", "Through time")
    wait_for_chart(page, "recurrent_flow")
    wait_for_server(page)
    if view:
        page.get_by_role("radio", name=view).click()


def test_an_lstm_with_open_gates_keeps_the_gradient(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url)
    expect(page.get_by_text("The gradient vanishes on its way back.")).to_be_visible()
    page.get_by_role("combobox", name="Start from").click()
    page.get_by_role("option", name="LSTM, forget bias 4").click()
    expect(page.get_by_text("The gradient arrives.")).to_be_visible()
    page.wait_for_function("() => location.search.includes('forget_bias=4.0')")
    page.get_by_role("slider", name="Forget-gate bias").press("ArrowLeft")
    page.wait_for_function("() => location.search.includes('forget_bias=3.5')")
    page.get_by_role("radio", name="Gates", exact=True).click()
    wait_for_chart(page, "recurrent_gates")
    page.get_by_role("slider", name="Step t").press("ArrowRight")
    page.wait_for_function("() => location.search.includes('step=61')")
    expect(page.locator(".stMain")).to_contain_text("marked in the heatmaps")
    assert page_errors == []


def test_a_cure_is_trained_previewed_applied_and_undone(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url)
    line = page.locator(".gf-verdict")
    expect(line).to_contain_text("per step back")
    before = line.inner_text()
    page.locator(".gf-cures").click()
    panel = page.get_by_role("button", name=re.compile("Orthogonal recurrent weights"))
    expect(panel).to_be_visible()
    page.mouse.move(5, 5)  # panels change places when no hand is on them
    # A rotation learns to remember, and costs less than a gated cell.
    expect(panel).to_contain_text("it remembers", timeout=60_000)
    expect(page.locator(".gf-cure-head")).to_contain_text("Ranked by training", timeout=60_000)
    panel.hover()
    expect(page.locator(".gf-ghost-label")).to_have_text("Orthogonal recurrent weights")
    panel.click()
    page.wait_for_function("() => location.search.includes('recurrent_init=orthogonal')")
    expect(line).not_to_have_text(before)
    expect(page.locator(".gf-ghost-label")).to_contain_text("before")
    page.locator(".gf-undo").click()
    page.wait_for_function("() => location.search.includes('recurrent_init=pytorch')")
    expect(line).to_have_text(before)
    assert page_errors == []


def test_a_training_can_be_stopped(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, "Training")
    slider = page.get_by_role("slider", name="Steps")
    expect(slider).to_be_visible()
    slider.press("End")
    page.wait_for_function("() => location.search.includes('steps=2000')")
    find_button(page, "Train").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(find_button(page, "Train")).to_have_count(0)
    expect(page.get_by_text(re.compile(r"step \d+ of 2000"))).to_be_visible()
    find_button(page, "Stop").click()
    stopped = page.get_by_text("Stopped. What was trained so far:")
    expect(stopped).to_be_visible()
    find_button(page, "Train again").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(stopped).to_have_count(0)  # what belongs to the training before is gone at once
    expect(page.get_by_text(re.compile(r"step \d+ of 2000"))).to_be_visible()
    page.get_by_role("slider", name="Batch size").press("ArrowLeft")
    expect(page.get_by_text("The settings have changed since the last training")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    page.get_by_role("slider", name="Batch size").press("ArrowRight")
    expect(stopped).to_be_visible()
    assert page_errors == []


def test_views_fit_and_survive_a_reload(page: Page, app_url: str) -> None:
    for view, key in (
        ("cells", "recurrent_cells"),
        ("factors", "recurrent_factors"),
        ("clipping", "recurrent_clipped"),
        ("gates&cell=lstm", "recurrent_gates"),
    ):
        page.goto(f"{app_url}/recurrent?view={view}")
        wait_for_chart(page, key)
        page.wait_for_function(f"() => location.search.includes('view={view.split('&')[0]}&')")
        assert measure_width(page) <= 1280
