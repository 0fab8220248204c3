"""The toolbar that the Flow figure follows: in the end figure, page and address say the same."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from gradflow.core.presets import PRESETS
from tests.browser.tools import (
    choose_setting,
    find_figure,
    find_setting,
    read_query,
    wait_for_chart,
    wait_for_server,
    write_chart_js,
)

FLOW = write_chart_js("flow")
# What the server sends of each part of the page.
FRAME, CONTROL, DETAIL = b".gf-row", b"gradflow_toolbar", b"Gradient norm"
DEEP = next(p for p in PRESETS.values() if p.experiment.network.depth > 20)


def open_page(page: Page, url: str, query: str = "") -> None:
    page.goto(f"{url}/?{query}")
    wait_for_chart(page, "flow")
    wait_for_server(page)
    expect(find_slider(page, "Depth")).to_be_visible()


def find_slider(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name, exact=True)


def find_field(page: Page, name: str) -> Locator:
    return page.get_by_role("spinbutton", name=f"{name}, exactly")


def drag(page: Page, slider: Locator, share: float, *, steps: int = 12) -> None:
    """Drag a slider's thumb to a share of its length."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    low, high, value = slider.evaluate("(e) => [+e.min, +e.max, +e.value]")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8 + (box["width"] - 16) * (value - low) / (high - low), y)
    page.mouse.down()
    page.mouse.move(box["x"] + 8 + (box["width"] - 16) * share, y, steps=steps)
    page.mouse.up()


def read_layers(page: Page) -> int:
    """Read how many layers the Flow figure is drawn with."""
    return int(
        page.evaluate(
            f"""() => {{ const x = {FLOW}.data.find((t) => t.name === 'RMS').x;
                return (x._inputArray ?? x).length; }}"""
        )
    )


def wait_until_settled(page: Page) -> None:
    """Wait until the page has caught up with the sliders."""
    page.wait_for_function("() => !document.querySelector('.gf-control[data-ahead]')")
    wait_for_server(page)


def test_a_drag_ends_with_figure_page_and_address_in_one_state(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url, "depth=10&width=32&batch_size=64")
    answers: list[str] = []
    page.on("response", lambda r: answers.append(r.url) if "/gf/flow" in r.url else None)
    page.evaluate(f"() => {{ window.node = {FLOW}; }}")
    drag(page, find_slider(page, "Depth"), 0.2)
    depth = int(find_field(page, "Depth").input_value())
    assert 30 <= depth <= 50
    page.wait_for_function(
        f"""(depth) => {{ const x = {FLOW}.data.find((t) => t.name === 'RMS').x;
            return (x._inputArray ?? x).length === depth; }}""",
        arg=depth,
    )
    page.wait_for_url(f"**depth={depth}&**")
    wait_until_settled(page)
    assert read_layers(page) == depth
    assert [url for url in answers if "prefetch" not in url]  # it followed while it was dragged
    assert page.evaluate(f"() => window.node === {FLOW}")
    assert not page_errors


def test_a_request_that_is_kept_waiting_does_not_hold_up_a_newer_value(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url, "depth=10&width=32&batch_size=64")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/gf/flow?*depth=11&*", hold)
    find_slider(page, "Depth").press("ArrowRight")
    with page.expect_response(lambda r: "depth=12&" in r.url) as newer:
        find_slider(page, "Depth").press("ArrowRight")
    lane = newer.value.request.headers["x-lane"]
    page.wait_for_function(
        f"""() => {{ const x = {FLOW}.data.find((t) => t.name === 'RMS').x;
            return (x._inputArray ?? x).length === 12; }}"""
    )
    asked = [route for route in held if "prefetch" not in route.request.url]
    assert [route.request.headers["x-lane"] for route in asked] == [lane]
    for route in held:
        route.continue_()  # what comes late is not shown
    page.wait_for_url("**depth=12&**")
    wait_until_settled(page)
    assert read_layers(page) == 12
    assert not page_errors


def test_a_choice_right_after_a_drag_finds_what_was_dragged(page: Page, app_url: str) -> None:
    open_page(page, app_url, "depth=10&width=32&batch_size=64&activation=tanh")
    find_slider(page, "Depth").press("ArrowRight")
    find_slider(page, "Depth").press("ArrowRight")
    choose_setting(page, "Gradient in the lower band", "∂L/∂W (weights)")
    page.wait_for_url("**depth=12&**")
    wait_until_settled(page)
    page.wait_for_function(f"() => {FLOW}.layout.yaxis2.title.text.includes('W')")
    assert read_layers(page) == 12
    find_slider(page, "Depth").press("ArrowLeft")
    choose_setting(page, "Activation", "ReLU")
    page.wait_for_url("**activation=relu&**")
    page.wait_for_url("**depth=11&**")
    wait_until_settled(page)
    assert read_layers(page) == 11
    assert find_field(page, "Depth").input_value() == "11"


def test_a_number_reruns_neither_the_frame_nor_the_controls(page: Page, app_url: str) -> None:
    frames: list[bytes] = []

    def watch(socket) -> None:  # type: ignore[no-untyped-def]
        socket.on("framereceived", lambda f: frames.append(f if isinstance(f, bytes) else b""))

    page.on("websocket", watch)
    open_page(page, app_url, "depth=10&width=32&batch_size=64")
    for part in (FRAME, CONTROL, DETAIL):
        assert any(part in frame for frame in frames)
    frames.clear()
    find_slider(page, "Depth").press("ArrowRight")
    page.wait_for_url("**depth=11&**")
    wait_until_settled(page)
    assert any(DETAIL in frame for frame in frames)
    assert not [frame for frame in frames if FRAME in frame or CONTROL in frame]


def test_an_exact_value_is_typed(page: Page, app_url: str) -> None:
    open_page(page, app_url, "depth=10&width=32&batch_size=64")
    find_field(page, "Width").fill("37")
    find_field(page, "Width").press("Enter")
    page.wait_for_url("**width=37&**")
    wait_until_settled(page)
    assert find_slider(page, "Width").get_attribute("aria-valuetext") == "37"
    find_field(page, "Width").fill("")
    find_field(page, "Width").blur()
    assert find_field(page, "Width").input_value() == "37"


def test_what_is_impossible_is_said_under_the_toolbar_and_on_the_page(
    page: Page, app_url: str
) -> None:
    open_page(page, app_url, "depth=6&width=32&batch_size=64&normalization=group&groups=8")
    find_field(page, "Width").fill("37")
    expect(page.locator(".gf-problem").filter(has_text="groups")).to_be_visible()
    find_field(page, "Width").press("Enter")
    error = page.get_by_test_id("stAlert").filter(has_text="groups")
    expect(error).to_contain_text("What you see below is the last valid setting.")
    assert read_query(page)["width"] == "32"
    find_field(page, "Width").fill("40")
    find_field(page, "Width").press("Enter")
    page.wait_for_url("**width=40&**")
    wait_until_settled(page)
    expect(error).to_have_count(0)
    expect(page.locator(".gf-problem").filter(has_text="groups")).to_have_count(0)


def test_presets_and_reset_move_the_sliders_and_a_slider_leaves_the_preset(
    page: Page, app_url: str
) -> None:
    open_page(page, app_url)
    page.get_by_role("button", name="Start from").click()
    page.get_by_role("button", name=DEEP.label, exact=True).click()
    depth = DEEP.experiment.network.depth
    page.wait_for_url(f"**depth={depth}&**")
    expect(find_field(page, "Depth")).to_have_value(str(depth))
    expect(page.get_by_text("Look for:")).to_be_visible()
    page.keyboard.press("Escape")
    find_slider(page, "Depth").press("ArrowRight")
    page.wait_for_url(f"**depth={depth + 1}&**")
    page.get_by_role("button", name="Start from").click()
    expect(page.locator(".gf-preset").first).to_be_visible()
    expect(page.locator(".gf-preset[aria-pressed=true]")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Reset all settings").click()
    page.wait_for_url("**depth=24&**")
    expect(find_field(page, "Depth")).to_have_value("24")


def test_the_verdict_and_the_loss_follow_the_slider(page: Page, app_url: str) -> None:
    open_page(page, app_url, "depth=3&width=16&batch_size=32&activation=sigmoid")
    verdict, loss = (
        find_figure(page, "flow").locator(name) for name in (".gf-verdict", ".gf-loss")
    )
    before = verdict.inner_text(), loss.inner_text()
    find_field(page, "Depth").fill("30")
    expect(verdict).not_to_have_text(before[0])
    expect(loss).not_to_have_text(before[1])
    expect(loss).to_contain_text("loss")
    label = find_figure(page, "flow").locator(".gf-plot").get_attribute("aria-label")
    assert label is not None
    word, headline = verdict.inner_text().split(": ", 1)
    assert word == "Vanishing"
    assert headline.split()[1] in label  # the factor per layer


def test_a_choice_is_followed_without_a_run_of_the_page(page: Page, app_url: str) -> None:
    open_page(page, app_url, "depth=6&width=32&batch_size=64&activation=tanh")
    page.evaluate(f"() => {{ window.node = {FLOW}; window.before = {FLOW}.data[0].z; }}")
    find_setting(page, "Activation").focus()
    with page.expect_response(lambda r: "/gf/flow" in r.url and "activation=relu" in r.url):
        choose_setting(page, "Activation", "ReLU")
    page.wait_for_url("**activation=relu&**")
    wait_until_settled(page)
    assert page.evaluate(f"() => window.node === {FLOW}")
    assert find_setting(page, "Activation").evaluate("(e) => e === document.activeElement")


def test_what_a_choice_brings_stands_beside_it(page: Page, app_url: str) -> None:
    open_page(page, app_url, "depth=6&width=32&batch_size=64&activation=tanh")
    choose_setting(page, "Activation", "Leaky ReLU")
    slope = find_slider(page, "Negative slope")
    expect(slope).to_be_visible()
    find_setting(page, "Negative slope, exactly").fill("0.3")
    find_setting(page, "Negative slope, exactly").press("Enter")
    page.wait_for_url("**negative_slope=0.3&**")
    wait_until_settled(page)
    choose_setting(page, "Activation", "Tanh")
    expect(slope).to_have_count(0)
    choose_setting(page, "Activation", "Leaky ReLU")  # what it holds is not forgotten
    page.wait_for_url("**negative_slope=0.3&**")
    wait_until_settled(page)


def test_panels_close_with_escape_and_give_the_focus_back(page: Page, app_url: str) -> None:
    open_page(page, app_url, "depth=6&width=32&batch_size=64")
    more = page.get_by_role("button", name="More")
    seed = page.locator(".gf-toolbar").get_by_label("Seed, exactly")
    expect(seed).not_to_be_visible()
    more.press("Enter")
    expect(seed).to_be_visible()
    seed.press("Escape")
    expect(seed).not_to_be_visible()
    assert more.evaluate("(e) => e === document.activeElement")
    lesson = page.get_by_role("button", name="Learn why").first
    page.get_by_role("button", name="Why?").click()
    expect(lesson).to_be_visible()
    more.click()  # one panel at a time
    expect(seed).to_be_visible()
    expect(lesson).not_to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1366, 768), (1920, 1080)])
def test_all_that_matters_is_on_the_first_screen(
    page: Page, app_url: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(app_url)  # a first visit: with the introduction
    wait_for_chart(page, "flow")
    wait_for_server(page)
    expect(find_slider(page, "Depth")).to_be_visible()
    for label in ("Width", "Activation", "Initialization", "Normalization", "Connection"):
        expect(page.locator(".gf-toolbar").get_by_label(label, exact=True)).to_be_in_viewport(
            ratio=1
        )
    expect(page.locator(".gf-verdict")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Try cures")).to_be_in_viewport(ratio=1)
    page.wait_for_function(f"(h) => {FLOW}.getBoundingClientRect().bottom <= h", arg=height)
    assert page.evaluate(f"() => {FLOW}.getBoundingClientRect().height") >= 400
