"""Theory, seeds, cures and lessons in a real browser."""

import json

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

import gradflow as gf
from gradflow.core import codec
from tests.browser.test_explore import FLOW, open_page, take_fingerprint, wait_for_change
from tests.browser.tools import (
    choose_setting,
    find_setting,
    read_query,
    wait_for_chart,
    wait_for_server,
)

SIGMOID = {"activation": "sigmoid", "depth": "12", "width": "64"}


def list_names(page: Page) -> list[str]:
    """List the names of the traces of the Flow figure."""
    names = page.evaluate(f"() => JSON.stringify({FLOW}.data.map((t) => t.name))")
    return list(json.loads(names))


def test_theory_and_seeds_are_drawn_on_request(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url, **SIGMOID)
    assert "theory" in list_names(page)
    before = take_fingerprint(page)
    find_setting(page, "Theory").click()
    wait_for_change(page, before)
    assert "theory" not in list_names(page)
    before = take_fingerprint(page)
    choose_setting(page, "Seeds", "16 seeds")
    wait_for_change(page, before)
    assert "seeds band" in list_names(page)
    assert page_errors == []


PREVIEW = """() => {{
    const points = document.querySelector(".gf-ghost-{name}")?.getAttribute("points");
    return points?.split(" ").map((point) => point.split(",").map(Number));
}}"""
PIXELS = f"""(levels) => {{
    const {{ yaxis2 }} = {FLOW}._fullLayout;
    return levels.map((level) => yaxis2._offset + yaxis2.d2p(level));
}}"""


def read_heights(page: Page, name: str) -> list[float]:
    """Read how far down a line over the figure lies, column by column."""
    points = page.evaluate(PREVIEW.format(name=name))
    return [y for _x, y in points or []]


def find_levels(query: dict[str, str]) -> list[float]:
    return list(np.log10(gf.run(codec.from_query(query)).layers["delta_rms"]))


def wait_for_setting(page: Page, query: dict[str, str], *, same: bool) -> None:
    """Wait until the page's address says this setting, or another one."""
    page.wait_for_function(
        """([query, same]) => {
            const now = Object.entries(Object.fromEntries(new URLSearchParams(location.search)));
            return same === (now.length > 0 && now.every(([name, text]) => query[name] === text));
        }""",
        arg=[query, same],
    )


def open_cures(page: Page, app_url: str) -> Locator:
    open_page(page, app_url, **SIGMOID)
    page.get_by_role("button", name="Try cures").press("Enter")
    panel = page.locator(".gf-cure").first
    panel.wait_for()
    return panel


def test_a_cure_is_previewed_applied_and_undone(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    panel = open_cures(page, app_url)
    before = read_query(page)
    assert read_heights(page, "preview") == []
    panel.focus()
    preview = read_heights(page, "preview")
    panel.blur()
    assert read_heights(page, "preview") == []
    panel.press("Enter")
    undo = page.get_by_role("button", name="Undo")
    undo.wait_for()
    expect(page.locator(".gf-verdict")).to_contain_text("Healthy:")
    wait_for_setting(page, before, same=False)
    expect(page.locator(".gf-cure")).to_have_count(0)
    after = read_query(page)
    assert "keeps its size" in gf.findings(gf.run(codec.from_query(after)))[0].text
    # The ghost is the river before, and the preview was what the cure has made of it.
    ghost = page.evaluate(PIXELS, find_levels(before))
    assert read_heights(page, "before") == pytest.approx(ghost, abs=0.5)
    assert np.ptp(preview[:-1]) < 0.2 * np.ptp(ghost[:-1])  # the cure with the most level gradient
    page.locator("button.gf-ghost-label").click()
    assert read_heights(page, "before") == []
    undo.click()
    expect(undo).to_be_hidden()
    expect(page.locator(".gf-verdict")).to_contain_text("Vanishing:")
    wait_for_setting(page, before, same=True)
    expect(panel).to_be_visible()  # another one can be tried
    levels = find_levels(after)
    panel.focus()
    assert read_heights(page, "preview") == pytest.approx(page.evaluate(PIXELS, levels), abs=0.5)
    assert page_errors == []


def test_a_finger_sees_a_cure_before_it_is_applied(chromium: Browser, app_url: str) -> None:
    context = chromium.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    panel = open_cures(page, app_url)
    panel.tap()
    expect(page.locator(".gf-ghost-preview")).to_have_count(1)
    page.wait_for_timeout(500)
    before = read_query(page)
    expect(page.locator(".gf-verdict")).to_contain_text("Vanishing:")
    panel.tap()
    wait_for_setting(page, before, same=False)
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    context.close()


def test_the_ghost_goes_with_the_next_change(page: Page, app_url: str) -> None:
    open_cures(page, app_url).press("Enter")
    expect(page.locator(".gf-ghost-before")).to_have_count(1)
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    expect(page.locator(".gf-ghost-before")).to_have_count(0)
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()


def test_a_click_opens_a_layer_before_the_server_answers(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url, **SIGMOID)
    wait_for_server(page)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/gf/layer**", hold)
    column = page.evaluate(
        f"""() => {{
            const {{ xaxis, yaxis2 }} = {FLOW}._fullLayout;
            const {{ left, top }} = {FLOW}.getBoundingClientRect();
            const [from, to] = [3.5, 4.5].map((x) => left + xaxis._offset + xaxis.d2p(x));
            return [from, to, top + yaxis2._offset + 20];
        }}"""
    )
    x, y = (column[0] + column[1]) / 2, column[2]
    page.mouse.move(x, y)
    page.wait_for_timeout(300)
    page.mouse.click(x, y)
    frame = page.locator(".gf-dive-frame")
    frame.wait_for(state="attached")
    edges = page.evaluate(
        """() => {
            const { left, width } = document.querySelector(".gf-dive-frame").style;
            return [parseFloat(left), parseFloat(width)];
        }"""
    )
    plot = page.evaluate(f"() => {FLOW}.getBoundingClientRect().left")
    assert plot + edges[0] == pytest.approx(column[0], abs=1)
    assert edges[1] == pytest.approx(column[1] - column[0], abs=1)
    assert page.locator(".gf-dive table").count() == 0
    page.wait_for_timeout(200)
    held[0].continue_()
    page.unroute("**/gf/layer**")
    cells = page.locator(".gf-dive td:nth-of-type(1)")
    expect(cells).to_have_count(3)
    norms = gf.run(codec.from_query(read_query(page))).layers["delta_norm"].to_numpy()
    weights, slopes, both = (float(cell.get_attribute("data-value")) for cell in cells.all())
    assert both == pytest.approx(norms[3] / norms[4], rel=1e-6)
    assert weights * slopes == pytest.approx(both, rel=1e-6)
    title = page.locator(".gf-dive-bar strong")
    expect(title).to_have_text("Layer 4 of 12")
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text("Layer 5 of 12")
    page.keyboard.press("Escape")
    expect(page.locator(".gf-dive")).to_have_count(0)
    assert page_errors == []


def test_a_layer_without_an_answer_says_so(page: Page, app_url: str) -> None:
    open_page(page, app_url, **SIGMOID)
    wait_for_server(page)
    page.route("**/gf/layer**", lambda route: route.fulfill(status=503))
    page.locator(".gf-plot").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".gf-dive")).to_contain_text("No answer")


def test_a_verdict_leads_to_its_lesson_and_back(page: Page, app_url: str) -> None:
    open_page(page, app_url, **SIGMOID)
    page.get_by_role("button", name="Why?").click()
    page.get_by_role("button", name="Learn why").first.click()
    expect(page.get_by_role("heading", name="Diagnoses")).to_be_visible()
    assert "about=vanishing" in page.url
    expect(page.locator(".gf-verdict")).to_contain_text("Vanishing: ×")
    page.get_by_role("button", name="Open this network in Explore").click()
    page.wait_for_function("() => location.search.includes('depth=24')")
    wait_for_chart(page, "flow")
    assert read_query(page)["activation"] == "sigmoid"
