"""The page on training in a real browser: play, pause, stop, scrub, cures, files."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tools import (
    find_button,
    keep_own_errors,
    open_from_menu,
    wait_for_chart,
    wait_for_server,
    write_chart_js,
)

TRAIN = "Train this network"
LONG = "training?depth=6&width=32&batch_size=32&steps=20000&record_every=20&reports=20"
SHORT = "training?depth=4&width=16&batch_size=32&steps=30&reports=4"
BREAKS = (
    "training?depth=12&width=16&activation=relu&initialization=normal&init_std=0.5"
    "&learning_rate=0.5&batch_size=16&steps=40"
)


def count_points_js(key: str) -> str:
    """Write JavaScript for the most points, or columns, of a trace of a chart."""
    return f"Math.max(0, ...({write_chart_js(key)}?.data ?? []).map(t => t.x?.length ?? 0))"


def wait_for_points(page: Page, key: str, than: int) -> int:
    page.wait_for_function(f"() => {count_points_js(key)} > {than}")
    return int(page.evaluate(count_points_js(key)))


def test_charts_grow_while_it_plays_and_rest_while_it_pauses(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    page.goto(f"{app_url}/{LONG}")
    find_button(page, TRAIN).click()
    expect(page.get_by_text(re.compile(r"step \d+ of 20000"))).to_be_visible()
    first = wait_for_points(page, "training_learning", 2)
    second = wait_for_points(page, "training_learning", first)
    wait_for_points(page, "training_layers", second)
    expect(page.get_by_text(re.compile(r"step \d+ of 20000 · .* left"))).to_be_visible()
    find_button(page, "Pause").click()
    expect(page.get_by_text(re.compile(r"step \d+ of 20000 · paused"))).to_be_visible()
    expect(find_button(page, "Pause")).to_have_count(0)
    status = page.get_by_text(re.compile(r"of 20000 · paused")).inner_text()
    find_button(page, "Step").click()
    expect(page.get_by_text(status)).to_have_count(0)
    expect(page.get_by_text(re.compile(r"of 20000 · paused"))).to_be_visible()
    find_button(page, "Go on").click()
    expect(find_button(page, "Pause")).to_be_enabled()
    # It goes on while another page is open, and the page shows it again.
    open_from_menu(page, "Learn", "Descent")
    expect(page.get_by_role("heading", name="Descent", exact=True)).to_be_visible()
    open_from_menu(page, "Train", "Training")
    expect(page.get_by_text(re.compile(r"step \d+ of 20000 · .* left"))).to_be_visible()
    find_button(page, "Stop").click()
    expect(page.get_by_text(re.compile("stopped by hand"))).to_be_visible()
    expect(find_button(page, "Stop")).to_have_count(0)
    assert keep_own_errors(page_errors) == []


def test_a_reloaded_page_has_its_run_and_another_window_only_its_settings(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    page.goto(f"{app_url}/{LONG}")
    find_button(page, TRAIN).click()
    page.wait_for_function("() => location.search.includes('run=')")
    page.reload()
    expect(page.get_by_text(re.compile(r"step \d+ of 20000 · .* left"))).to_be_visible()
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text("belongs to a page that is open elsewhere")).to_be_visible()
    other.wait_for_function("() => !location.search.includes('run=')")
    expect(find_button(other, "Stop")).to_have_count(0)
    other.close()
    find_button(page, "Stop").click()
    expect(page.get_by_text(re.compile("stopped by hand"))).to_be_visible()
    assert keep_own_errors(page_errors) == []


def test_a_run_is_watched_while_it_goes_on(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    page.goto(f"{app_url}/{SHORT}")
    find_button(page, TRAIN).click()
    expect(page.get_by_text(re.compile("step 30 of 30 · ended"))).to_be_visible()
    # It was over at once, and is watched step by step all the same.
    expect(page.get_by_text(re.compile(r"^step [12]?\d of 30: loss"))).to_be_visible()
    page.get_by_label("Speed of the film").select_option("4")
    expect(page.get_by_text(re.compile(r"^step 30 of 30: loss"))).to_be_visible()
    assert keep_own_errors(page_errors) == []


def test_a_broken_run_is_cured_at_one_press_and_the_controls_follow(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    page.goto(f"{app_url}/{BREAKS}")
    find_button(page, TRAIN).click()
    expect(page.get_by_text(re.compile(r"The loss of step \d+ is not finite"))).to_be_visible()
    page.get_by_role("button", name="Clip the gradient to norm 1").click()
    expect(page.get_by_text(re.compile("step 40 of 40 · ended"))).to_be_visible()
    page.wait_for_function("() => location.search.includes('clip=norm')")
    # What the browser asks while it follows a run does not undo what the page has set.
    page.get_by_role("button", name="All settings").click()
    expect(page.get_by_text("Threshold c")).to_be_visible()
    wait_for_points(page, "training_learning", 20)
    assert keep_own_errors(page_errors) == []


def test_a_preset_is_one_press_and_its_runs_are_files(
    page: Page, app_url: str, page_errors: list[str], tmp_path: Path
) -> None:
    page.goto(app_url)
    open_from_menu(page, "Train", "Training")
    page.get_by_role("combobox", name="Experiment").click()
    page.get_by_role("option", name="Weights that start at zero", exact=True).click()
    page.wait_for_function("() => location.search.includes('zero_initialization&run=')")
    expect(page.get_by_text("step 150 of 150 · ended").first).to_be_visible()
    expect(page.get_by_text("Measured; the claim holds:")).to_be_visible()
    assert page.evaluate("location.search").startswith("?preset=zero_initialization&run=")
    wait_for_server(page)
    page.get_by_role("tab", name="Save").click()
    saved = {}
    for name in ("Steps, CSV", "Run, JSON"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).first.click()
        saved[name] = tmp_path / download.value.suggested_filename
        download.value.save_as(saved[name])
    rows = list(csv.DictReader(saved["Steps, CSV"].read_text().splitlines()))
    assert [row["step"] for row in rows] == [str(i) for i in range(1, 151)]
    find_button(page, "Reset").click()
    page.get_by_role("tab", name="Compare").click()
    page.locator("input[type=file]").set_input_files(saved["Run, JSON"])
    wait_for_points(page, "training_learning", 100)
    expect(page.get_by_text("(gradflow-run-a.json)").first).to_be_visible()
    assert keep_own_errors(page_errors) == []


@pytest.mark.parametrize("preset", ["sigmoid_twin", "penalties"])
def test_all_of_a_run_shares_the_first_screen(page: Page, app_url: str, preset: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{app_url}/training?preset={preset}")
    for key in ("training_learning", "training_layers", "training_flow"):
        wait_for_chart(page, key, 2)
    page.wait_for_timeout(1000)
    for key in ("training_learning", "training_layers", "training_flow"):
        assert page.evaluate(f"() => {write_chart_js(key)}.getBoundingClientRect().bottom") <= 720
    assert page.get_by_role("slider", name="Step shown").bounding_box()["y"] < 720
