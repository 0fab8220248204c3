"""Phase diagrams in a real browser: the map fills, a click opens its network, on a phone too."""

from playwright.sync_api import Browser, Page, ViewportSize, expect

import gradflow as gf
from gradflow.core.numbers import format_number
from gradflow.ui.settings.codecs import EXPERIMENTS
from tests.browser.tools import (
    find_figure,
    read_query,
    wait_for_server,
    wait_until,
    write_chart_js,
)

SMALL = "phase?depth=5&width=8&batch_size=8&across=bias_std&upwards=depth&top=6&points=5"


def test_from_a_cell_to_its_network(walker: Page, app_url: str) -> None:
    walker.goto(f"{app_url}/{SMALL}")
    expect(walker.get_by_text("25 networks. Choose a cell")).to_be_visible(timeout=60_000)
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

    before = plot.bounding_box()
    click(0.3, 0.1, 6)  # the second column of five, the top row
    expect(walker.get_by_text("Depth 6, Bias σ 0.25")).to_be_visible()
    wait_for_server(walker)
    walker.wait_for_function(f"() => {chart}?.data?.some(({{ name }}) => name === 'chosen')")
    assert plot.bounding_box() == before  # the map stays where the hand is
    click(0.9, 0.9, 2)
    expect(walker.get_by_role("link", name="Compare both")).to_be_visible()
    walker.get_by_role("link", name="Open in Explore").click()
    walker.wait_for_function("() => location.search.includes('bias_std=1')")
    assert "depth=2" in walker.url
    wait_for_server(walker)
    walker.go_back()  # one step: to the map as it was, with its cells
    expect(walker.get_by_text("Depth 6, Bias σ 0.25 · Depth 2, Bias σ 1")).to_be_visible()
    walker.wait_for_function("() => location.search.includes('cells=21_4')")
    assert read_query(walker)["points"] == "5"


def test_a_tap_on_a_phone_shows_a_cell_and_opens_its_network(
    chromium: Browser, app_url: str
) -> None:
    size: ViewportSize = {"width": 390, "height": 844}
    phone = chromium.new_context(viewport=size, has_touch=True, is_mobile=True).new_page()
    phone.set_default_timeout(60_000)
    phone.goto(f"{app_url}/{SMALL}")
    expect(phone.get_by_text("25 networks. Choose a cell")).to_be_visible(timeout=60_000)
    expect(phone.get_by_role("link", name="Open in Explore")).to_have_attribute("disabled", "")
    figure = find_figure(phone, "phase_map")
    # The whole figure, with its scale of colours, and the edge of the controls below it.
    wait_until(
        phone,
        "async () => Math.abs(document.querySelector('.gf-plot .main-svg')"
        ".getBoundingClientRect().bottom - 820) < 2",
    )
    box = figure.locator(".gf-plot").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390

    def tap(right: float, down: float) -> None:
        wait_for_server(phone)
        plot = figure.locator(".nsewdrag").bounding_box()
        assert plot is not None
        phone.touchscreen.tap(plot["x"] + right * plot["width"], plot["y"] + down * plot["height"])

    tap(0.3, 0.1)  # the second column of five, the top row
    expect(phone.get_by_text("Depth 6, Bias σ 0.25")).to_be_visible()
    expect(figure.locator(".hoverlayer")).to_contain_text("Depth: 6")
    chart = write_chart_js("phase_map")
    phone.wait_for_function(f"() => {chart}?.data?.some(({{ name }}) => name === 'chosen')")
    # As a hand does: a tap within 50 ms of a hover is for Plotly one on what was hovered.
    phone.wait_for_timeout(500)
    tap(0.9, 0.9)
    expect(phone.get_by_role("link", name="Compare both")).to_be_visible()
    # The map is drawn anew, with its second sign; the words stay with the cell.
    expect(figure.locator(".hoverlayer")).to_contain_text("Depth: 2Bias σ: 1")
    said = figure.locator(".hoverlayer").text_content() or ""
    phone.get_by_role("link", name="Open in Explore").click()
    phone.wait_for_function("() => location.search.includes('bias_std=1')")
    query = read_query(phone)
    assert query["depth"] == "2"
    network = EXPERIMENTS.from_query(query)
    delta = gf.run(network).layers["delta_norm"]
    assert format_number(delta.iloc[0] / delta.iloc[-1]) in said
    phone.context.close()
