"""Phase diagrams in a real browser: the map fills, a click opens its network, on a phone too."""

import re

from playwright.sync_api import Page, expect

from tests.browser.tools import find_figure, wait_for_server, write_chart_js

SMALL = "phase?depth=5&width=8&batch_size=8&across=bias_std&upwards=depth&top=6&points=5"


def test_from_a_cell_to_its_network(walker: Page, app_url: str) -> None:
    walker.goto(f"{app_url}/{SMALL}")
    expect(walker.get_by_text("25 networks. Click a cell")).to_be_visible(timeout=60_000)
    wait_for_server(walker)
    figure = find_figure(walker, "phase_map")
    plot = figure.locator(".gf-plot .nsewdrag").first

    def click(right: float, down: float, depth: int) -> None:
        """Click a cell as a hand does: Plotly takes a click for the cell that it has hovered."""
        box = plot.bounding_box()
        assert box is not None
        plot.hover(position={"x": right * box["width"], "y": down * box["height"]})
        expect(figure.locator(".hoverlayer")).to_contain_text(f"Depth: {depth}")
        plot.click(position={"x": right * box["width"], "y": down * box["height"]})

    chart = write_chart_js("phase_map")
    walker.wait_for_function(f"() => {chart}?.data?.at(-1)?.customdata?.length === 25")
    # By keyboard: the second column, one row up; its small figure comes from the server.
    figure.locator(".gf-plot").focus()
    for key in ("Home", "ArrowRight", "ArrowUp"):
        walker.keyboard.press(key)
    expect(figure.locator(".gf-spoken")).to_contain_text("Depth: 3, Bias σ: 0.25")
    picture = figure.locator(".gf-peek img[src$='cell=6']")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 150
    figure.locator(".gf-plot").blur()
    expect(picture).to_be_hidden()

    click(0.3, 0.1, 6)  # the second column of five, the top row
    expect(walker.get_by_text("Depth 6, Bias σ 0.25")).to_be_visible()
    wait_for_server(walker)
    # The figure makes room for what was chosen: it is drawn anew, and its plot is lower.
    walker.wait_for_function(f"() => {chart}?.data?.some(({{ name }}) => name === 'chosen')")
    walker.wait_for_function(f"() => {chart}?.querySelector('.legend')")
    click(0.9, 0.9, 2)
    expect(walker.get_by_role("button", name="Compare both")).to_be_visible()
    walker.get_by_role("button", name="Open in Explore").click()
    walker.wait_for_function("() => location.search.includes('bias_std=1')")
    assert "depth=2" in walker.url


def test_a_phone_sees_the_map_first(walker: Page, app_url: str) -> None:
    walker.set_viewport_size({"width": 390, "height": 844})
    walker.goto(f"{app_url}/{SMALL}")
    expect(walker.get_by_text(re.compile("25 networks"))).to_be_visible(timeout=60_000)
    box = walker.locator(".gf-plot").first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 844
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
