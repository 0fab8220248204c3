"""Figures in a real browser: what survives a change, and what can be done with one."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from gradflow.ui.assets import SCRIPTS, find_address
from tests.browser.tools import (
    choose_setting,
    find_figure,
    open_tab,
    wait_for_chart,
    wait_for_server,
    write_chart_js,
)

FLOW = write_chart_js("flow")


def open_page(page: Page, url: str, query: str = "") -> None:
    page.goto(f"{url}/?{query}")
    wait_for_chart(page, "flow")
    wait_for_server(page)


def wait_for_layers(page: Page, count: int) -> None:
    """Wait until the Flow figure is drawn with so many layers."""
    page.wait_for_function(
        f"""() => {{ const x = {FLOW}?.data?.find((t) => t.name === 'RMS')?.x;
            return (x?._inputArray ?? x)?.length === {count}; }}"""
    )


def count_draws(page: Page, key: str) -> None:
    """Have the page count how often the figure is drawn, once its opening has come to rest."""
    page.evaluate(
        f"""async () => {{ window.draws = 0;
            {write_chart_js(key)}.on('plotly_afterplot', () => (window.draws += 1));
            for (let before = -1; before !== window.draws; ) {{
                before = window.draws;
                await new Promise((resolve) => setTimeout(resolve, 500));
            }}
            window.draws = 0; }}"""
    )


def read_range(page: Page, axis: str) -> list[float]:
    return list(page.evaluate(f"() => {FLOW}.layout.{axis}.range"))


def zoom_in(page: Page) -> list[float]:
    """Zoom with the button of the figure; the range of layers that it then shows."""
    before = read_range(page, "xaxis")
    find_figure(page, "flow").hover()
    find_figure(page, "flow").locator("[data-title='Zoom in']").click()
    page.wait_for_function(f"(low) => {FLOW}.layout.xaxis.range[0] !== low", arg=before[0])
    return read_range(page, "xaxis")


def test_a_change_is_drawn_into_the_same_node(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url, "depth=20&width=16")
    page.evaluate(f"() => {{ window.node = {FLOW}; }}")
    count_draws(page, "flow")
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    wait_for_layers(page, 21)
    page.wait_for_function("() => window.draws > 0")
    assert page.evaluate(f"() => window.node === {FLOW} && window.node.isConnected")
    wait_for_server(page)
    page.wait_for_timeout(300)
    assert page.evaluate("() => window.draws") == 1
    assert page.locator(".st-key-figure_flow .js-plotly-plot").count() == 1
    assert page_errors == []


def test_an_unchanged_figure_is_not_drawn_again(page: Page, app_url: str) -> None:
    open_page(page, app_url, "depth=6&width=16")
    count_draws(page, "flow")
    open_tab(page, "One layer")
    wait_for_chart(page, "histograms")
    wait_for_server(page)
    assert page.evaluate("() => window.draws") == 0


def test_an_axis_without_curves_is_no_error(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url, "depth=6&width=16")
    has_axis = page.evaluate(
        f"""async () => {{
            const {{ graphs }} = await import("/{find_address("figure.js")}");
            const graph = graphs.get("flow");
            const {{ data, layout }} = graph.figure;
            const later = {{ ...layout, yaxis9: {{ range: [0, 1] }} }};
            graph.figure = {{ data, layout: later }};
            await graph.draw();
            return "yaxis9" in graph.plot._fullLayout;
        }}"""
    )
    assert not has_axis  # Plotly makes it with the first curve
    assert page_errors == []


def test_zoom_survives_changes(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, "depth=20&width=16")
    layers = zoom_in(page)
    choose_setting(page, "Gradient in the lower band", "∂L/∂a (activations)")  # the same axis
    page.wait_for_function(f"() => {FLOW}.layout.yaxis2.title.text.includes('∂a')")
    assert read_range(page, "xaxis") == layers
    page.get_by_role("slider", name="Depth").press("ArrowRight")  # an axis of another length
    wait_for_layers(page, 21)
    page.wait_for_function(f"(low) => {FLOW}.layout.xaxis.range[0] === low", arg=layers[0])
    assert read_range(page, "xaxis") == layers
    find_figure(page, "flow").locator("[data-title='Reset axes']").click()
    page.wait_for_function(f"() => {FLOW}.layout.xaxis.range[1] === 21.5")
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    wait_for_layers(page, 22)
    assert read_range(page, "xaxis") == [0.5, 22.5]
    assert page_errors == []


def test_a_layer_is_chosen_by_keyboard(page: Page, app_url: str) -> None:
    open_page(page, app_url, "depth=8&width=16")
    open_tab(page, "One layer")
    wait_for_chart(page, "histograms")
    graph = page.get_by_role("figure", name="Distribution of activations and gradients")
    graph.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    expect(find_figure(page, "flow").get_by_role("status")).to_contain_text("linear3")
    page.keyboard.press("Enter")
    layer = page.get_by_role("slider", name="Layer (or")
    expect(layer).to_have_value("3")
    page.keyboard.press("Escape")  # from the opened layer back to the figure
    page.keyboard.press("End")
    page.keyboard.press(" ")
    expect(layer).to_have_value("8")


def test_light_and_dark_follow_the_page(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, "depth=6&width=16")
    page.evaluate(f"() => {{ window.node = {FLOW}; }}")
    colour = f"{FLOW}._fullLayout.font.color"
    for scheme, ink in (("dark", "#f6f8fb"), ("light", "#10151f")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_function(f"() => {colour} === '{ink}'")
        wait_for_server(page)
    assert page.evaluate(f"() => window.node === {FLOW}")
    assert page_errors == []


def test_the_figure_follows_the_window(page: Page, app_url: str) -> None:
    open_page(page, app_url, "depth=6&width=16")
    for width in (1600, 1000):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            f"""() => {{ const plot = {FLOW};
                return plot.clientWidth === plot._fullLayout.width
                    && Math.abs(innerWidth - {width}) < 1; }}"""
        )


def test_an_image_and_the_full_screen(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, "depth=6&width=16")
    height = page.evaluate(f"() => {FLOW}._fullLayout.height")
    figure = find_figure(page, "flow")
    figure.hover()
    with page.expect_download() as download:
        figure.locator("[data-title*='Download plot']").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    figure.locator("[data-title='Fullscreen']").click()
    page.wait_for_function(f"() => {FLOW}._fullLayout.height === innerHeight")
    page.evaluate("() => document.exitFullscreen()")
    page.wait_for_function(f"(height) => {FLOW}._fullLayout.height === height", arg=height)
    assert page_errors == []


def test_scripts_come_from_the_app_compressed(page: Page, app_url: str) -> None:
    scripts = {}
    page.on("response", lambda answer: scripts.setdefault(answer.url, answer))
    open_page(page, app_url)
    ours = {url.rpartition("/")[2]: answer for url, answer in scripts.items() if "/gf/" in url}
    assert ours.keys() >= {"plotly.min.js", "figure.js", "growth.js", "toolbar.js"}
    packs = {ours[name].header_value("content-encoding") for name in SCRIPTS if name in ours}
    assert packs <= {"br", "gzip"}
    assert not [url for url in scripts if "PlotlyChart" in url]  # Streamlit's own, of 4.7 MB


def test_a_drawing_is_hidden_and_its_label_has_the_numbers(page: Page, app_url: str) -> None:
    open_page(page, app_url, "depth=4&width=16&batch_size=16")
    plot = find_figure(page, "flow").locator(".gf-plot")
    label = str(plot.get_attribute("aria-label"))
    assert "layer 1" in label
    assert re.search(r"RMS: \S+ at 1, \S+ at 4\.", label)
    drawings = plot.locator(".main-svg")
    assert drawings.count() > 0
    assert all(d.get_attribute("aria-hidden") == "true" for d in drawings.all())
