"""On a projector the picture of every page and what changes it are seen without scrolling."""

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.tools import wait_for_server

WIDTH, HEIGHT = 1280, 720
HEADER = 48
"""Pixels that the navigation may take."""
WHOLE = (
    "activations",
    "activations?view=dying",
    "backprop",
    "descent",
    "initialization",
    "initialization?view=variance&step=6",
    "initialization?view=gains",
    "normalization",
    "normalization?view=flow",
    "degradation",
    "degradation?view=shattering",
    "recurrent",
    "diagnoses",
    "phase?depth=6&points=4",
    "your-model",
)
"""Addresses whose picture fits as a whole."""
LARGE = {"width": 1920, "height": 1080}
FILLED = """(height) => {
    const boxes = [...document.querySelectorAll('.st-key-stage_picture .gf-plot')]
        .map((plot) => plot.getBoundingClientRect());
    const end = Math.max(...boxes.map(({ bottom }) => bottom));
    return 0.8 * height < end && end <= height;
}"""
"""Whether the picture ends in the lowest fifth of the window."""
CONTROLS = "[class*=st-key-stage_controls]"


@pytest.fixture
def projector(walker: Page) -> Page:
    walker.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    return walker


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(".stMain .gf-plot .main-svg")
    wait_for_server(page)


@pytest.mark.parametrize("address", WHOLE)
def test_the_picture_is_on_the_first_screen(projector: Page, app_url: str, address: str) -> None:
    open_page(projector, f"{app_url}/{address}")
    # The figure is drawn anew when something above it takes its place.
    projector.wait_for_function(
        "(height) => document.querySelector('.gf-plot .main-svg').getBoundingClientRect().bottom"
        " <= height",
        arg=HEIGHT,
    )
    header = projector.get_by_test_id("stHeader").bounding_box()
    figure = projector.locator(".gf-figure").first.bounding_box()
    assert header is not None
    assert figure is not None
    assert header["height"] <= HEADER
    assert figure["y"] >= header["height"]
    assert figure["height"] >= 300
    controls = projector.locator(CONTROLS)
    if address != "diagnoses":  # which has no more than its row of verdicts
        box = controls.bounding_box()
        assert box is not None
        assert header["height"] <= box["y"] < HEIGHT / 3
    main = "document.querySelector('[data-testid=stMain]')"
    assert projector.evaluate(f"() => {main}.scrollWidth <= {main}.clientWidth")
    assert projector.locator("h1").count() == 1
    projector.set_viewport_size(LARGE)
    projector.wait_for_function(FILLED, arg=LARGE["height"])


@pytest.mark.parametrize("address", ["compare", "training"])
def test_the_picture_grows_with_the_window(walker: Page, app_url: str, address: str) -> None:
    walker.set_viewport_size(LARGE)
    open_page(walker, f"{app_url}/{address}")
    walker.wait_for_function(FILLED, arg=LARGE["height"])


def test_on_a_phone_the_controls_come_under_the_picture(walker: Page, app_url: str) -> None:
    walker.set_viewport_size({"width": 390, "height": 844})
    open_page(walker, f"{app_url}/backprop")
    figure = walker.locator(".gf-figure").first.bounding_box()
    controls = walker.locator(CONTROLS).bounding_box()
    assert figure is not None
    assert controls is not None
    assert controls["y"] >= figure["y"] + figure["height"]
    assert controls["x"] + controls["width"] <= 390


def swipe_up(page: Page) -> None:
    """Move a finger over the middle of the screen."""
    devtools = page.context.new_cdp_session(page)
    for kind, y in [("touchStart", 450), *(("touchMove", y) for y in range(440, 190, -10))]:
        touch = {"type": kind, "touchPoints": [{"x": 195, "y": y}]}
        devtools.send("Input.dispatchTouchEvent", touch)
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_reaches_everything(chromium: Browser, app_url: str) -> None:
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    open_page(page, f"{app_url}/?depth=20")
    page.wait_for_function("() => document.querySelector('.gf-range')")
    page.wait_for_function(
        "(height) => document.querySelector('.gf-range').getBoundingClientRect().bottom < height",
        arg=844,
    )
    figure = page.locator(".gf-figure").bounding_box()
    depth = page.locator(".gf-range").first.bounding_box()
    assert figure is not None
    assert depth is not None
    assert figure["y"] + figure["height"] <= depth["y"]
    assert figure["height"] >= 400
    assert page.locator(".modebar-btn").count() == 0  # over the legend, if nothing hovers
    # A finger on the figure scrolls the page, and does not zoom.
    swipe_up(page)
    page.wait_for_function("() => document.querySelector('.stMain').scrollTop > 150")
    open_page(page, f"{app_url}/normalization")
    views = page.locator(".st-key-stage_head button")
    assert views.count() == 9
    for box in (view.bounding_box() for view in views.all()):
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["height"] >= 38
    context.close()
