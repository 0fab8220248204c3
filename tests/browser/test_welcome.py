"""A first visit, the tour, and coming back, in a real browser."""

from playwright.sync_api import Page, expect

from gradflow.core import codec
from gradflow.core.presets import PRESETS
from tests.browser.tools import keep_own_errors, read_query, wait_for_chart, wait_for_server

LINE = "This 24-layer network cannot learn. See why, and cure it."


def test_first_visit_card_figure_and_back_at_the_same_setting(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    page.goto(app_url)
    wait_for_chart(page, "flow")
    expect(page.get_by_text(LINE)).to_be_visible()
    page.wait_for_function(
        """() => { const all = [...document.querySelectorAll('.gf-card img')];
                   return all.length === 6 && all.every((image) => image.naturalWidth); }"""
    )
    assert page.context.cookies(app_url) == [
        c for c in page.context.cookies(app_url) if c["name"] != "gradflow_explore"
    ]  # who has only looked is a first visitor next time, too
    wait_for_server(page)
    card = page.get_by_role("button", name="Exploding", exact=True)
    card.press("Enter")
    expect(card).to_have_attribute("aria-pressed", "true")
    expect(card).to_be_focused()
    page.wait_for_url("**init_std=0.3**")
    setting = codec.to_query(PRESETS["deep_relu_large"].experiment)
    assert read_query(page) == setting

    again = page.context.new_page()
    again.goto(app_url)
    wait_for_chart(again, "flow")
    again.wait_for_url("**init_std=0.3**")
    assert read_query(again) == setting
    expect(again.locator(".gf-card")).to_have_count(0)
    (kept,) = [c for c in page.context.cookies(app_url) if c["name"] == "gradflow_explore"]
    assert (kept["sameSite"], kept["path"]) == ("Lax", "/")
    assert keep_own_errors(page_errors) == []


def test_the_tour_goes_on_where_it_was_left(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(app_url)
    wait_for_chart(page, "flow")
    wait_for_server(page)
    opener = page.locator(".gf-tour:not(.gf-lessons)")
    opener.press("Enter")
    box = page.get_by_role("dialog")
    expect(box).to_contain_text("Two rivers")
    for title in ("The verdict", "Try the cures", "Apply one"):
        page.keyboard.press("ArrowRight")
        expect(box).to_contain_text(title)
        place = box.bounding_box()
        assert place is not None
        assert 0 <= place["x"] <= place["x"] + place["width"] <= 390
        assert 0 <= place["y"] <= place["y"] + place["height"] <= 844
    page.keyboard.press("ArrowLeft")
    expect(box).to_contain_text("Try the cures")
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(opener).to_be_focused()
    expect(opener).to_have_text("Go on with the tour")
    opener.press("Enter")
    expect(box).to_contain_text("Try the cures")
    for _step in range(3):
        box.locator(".gf-tour-next").press("Enter")
    expect(box).to_have_count(0)
    expect(opener).to_have_text("Take the tour")  # it is done
    assert keep_own_errors(page_errors) == []
