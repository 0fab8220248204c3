"""The lessons in a real browser: choose, run, step by arrows; on a phone; in a presentation."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.tools import (
    find_figure,
    keep_own_errors,
    measure_width,
    read_query,
    wait_for_chart,
    wait_for_server,
)

SCREENS = ((1280, 720), (1920, 1080), (390, 844))


def open_lesson(page: Page, url: str, query: str = "") -> None:
    page.goto(f"{url}/learn?{query}")
    page.wait_for_selector(".gf-predict")
    wait_for_server(page)


def is_on_screen(page: Page, selector: str) -> bool:
    box = page.locator(selector).last.bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"]


def test_predict_run_and_step_by_keyboard(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_lesson(page, app_url)
    run = page.locator(".gf-predict-run")
    expect(run).to_be_disabled()
    slider = page.locator(".gf-predict-slider input")
    slider.focus()
    slider.press("ArrowLeft")  # moves the slider, not the lesson
    expect(page.locator(".gf-predict-slider output")).to_have_text("×0.25 per layer")
    expect(run).to_be_enabled()
    run.press("Enter")
    expect(page.get_by_text("You predicted ×0.25: that is right.")).to_be_visible()
    wait_for_chart(page, "learn_run", 2)
    expect(page.locator(".gf-path-dot.gf-done")).to_have_count(1)
    page.locator("h2, h3").first.click()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".gf-predict-card")).to_have_count(4)
    assert read_query(page) == {"lesson": "weights", "answers": "slopes.2"}
    page.locator(".gf-predict-card").nth(1).press("Enter")
    expect(page.locator(".gf-predict-card").nth(1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("that is right")).to_be_visible()  # progress is kept
    page.reload()
    expect(page.get_by_text("You predicted ×0.25")).to_be_visible()  # and in the link
    page.get_by_role("link", name="Try it in Explore").click()
    page.wait_for_selector(".gf-toolbar")
    page.wait_for_function("() => location.search.includes('activation=sigmoid')")
    assert read_query(page)["depth"] == "12"
    assert not keep_own_errors(page_errors)


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_question_curves_and_button_are_on_the_first_screen(
    walker: Page, app_url: str, width: int, height: int
) -> None:
    walker.set_viewport_size({"width": width, "height": height})
    for lesson in ("slopes", "weights", "degradation"):
        open_lesson(walker, app_url, f"lesson={lesson}")
        assert is_on_screen(walker, ".st-key-learn_words")
        assert is_on_screen(walker, ".gf-predict-run")
        assert measure_width(walker) <= width
    cards = walker.locator(".gf-predict-card")
    cards.nth(0).click()
    walker.locator(".gf-predict-run").click()
    expect(walker.get_by_text("that is right")).to_be_visible()
    wait_for_chart(walker, "learn_run", 4)
    figure = find_figure(walker, "learn_run").bounding_box()
    assert figure is not None
    assert figure["y"] + min(figure["height"], 300) <= height  # seen without scrolling
    assert measure_width(walker) <= width


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_a_cure_and_what_it_does_are_on_one_screen(
    walker: Page, app_url: str, width: int, height: int
) -> None:
    walker.set_viewport_size({"width": width, "height": height})
    walker.goto(f"{app_url}/learn?lesson=cure&seed=2")
    wait_for_chart(walker, "learn_cure", 1)
    walker.locator(".st-key-learn_cures").get_by_text("A learning rate that fits").click()
    train = walker.locator(".st-key-learn_train button")
    expect(train).to_be_enabled()
    train.click()
    expect(walker.get_by_text("Not yet:")).to_be_visible()
    wait_for_chart(walker, "learn_cure", 2)
    assert is_on_screen(walker, ".st-key-learn_train")
    assert is_on_screen(walker, ".st-key-stage_picture [data-testid='stAlert']")
    assert measure_width(walker) <= width


def test_a_presentation_goes_from_question_to_run(walker: Page, app_url: str) -> None:
    walker.set_viewport_size({"width": 1280, "height": 720})
    open_lesson(walker, app_url, "lesson=weights&present=1")
    expect(walker.locator(".gf-present-title")).to_have_text("3/22 Weights against slopes")
    assert is_on_screen(walker, ".gf-predict-card")
    assert is_on_screen(walker, ".st-key-learn_words")
    walker.keyboard.press("ArrowRight")
    wait_for_chart(walker, "learn_run", 5)
    expect(walker.get_by_text(re.compile("It still vanishes"))).to_be_visible()
    assert is_on_screen(walker, ".st-key-learn_words")
