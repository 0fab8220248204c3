"""The page on pretraining in a real browser: progress, stopping, and what is drawn."""

import re

from playwright.sync_api import Page, expect

from tests.browser.tools import keep_own_errors, open_from_menu, wait_for_chart, write_chart_js

SMALL = "layers=2&width=8&epochs=2&batch_size=200"
LONG = "view=tuning&layers=6&width=128&epochs=30&k=10&batch_size=10&seeds=5&steps=2000"  # minutes


def test_it_is_found_from_the_start_page_and_shows_all_views(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    page.goto(app_url)
    open_from_menu(page, "Train", "Pretraining")
    wait_for_chart(page, "pretraining_features", 1)
    wait_for_chart(page, "pretraining_errors", 2)
    page.goto(f"{app_url}/pretraining?view=tuning&{SMALL}&seeds=1&steps=50")
    wait_for_chart(page, "pretraining_tuning", 8)
    wait_for_chart(page, "pretraining_gradients_norms", 4)
    page.get_by_role("radio", name="Reusing layers").click()
    wait_for_chart(page, "pretraining_reuse", 3)
    page.wait_for_function("() => location.search.includes('view=transfer')")
    assert keep_own_errors(page_errors) == []


def test_a_long_computation_shows_its_layer_and_can_be_stopped(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    page.goto(f"{app_url}/pretraining?{LONG}")
    expect(page.get_by_text(re.compile(r"layer 1 of 6, epoch \d+ of 30"))).to_be_visible()
    page.locator(".st-key-pretraining_stop button").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_count(0)
    page.get_by_role("button", name="Begin again").click()
    expect(page.get_by_text(re.compile(r"layer 1 of 6, epoch \d+ of 30"))).to_be_visible()
    # Any other setting ends it too.
    page.get_by_role("slider", name="Seeds").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => location.search.includes('seeds=4')")
    page.locator(".st-key-pretraining_stop button").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    assert keep_own_errors(page_errors) == []


def test_the_slider_of_epochs_moves_the_features(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/pretraining?{SMALL}")
    wait_for_chart(page, "pretraining_features", 1)
    pixels = f"JSON.stringify({write_chart_js('pretraining_features')}?.data?.[0].z)"
    before = page.evaluate(f"() => {pixels}")
    page.get_by_role("slider", name="After epoch").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"(before) => ({pixels} ?? before) !== before", arg=before)
