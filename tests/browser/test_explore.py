"""The Explore page in a real browser: what a user does, and what the charts then hold."""

import json
import urllib.parse

import pytest
from playwright.sync_api import Page, expect

import gradflow as gf
from gradflow.core import codec
from gradflow.core.presets import PRESETS
from tests.browser.tools import (
    choose_setting,
    find_figure,
    find_setting,
    open_tab,
    read_query,
    wait_for_chart,
    write_chart_js,
)

FLOW = write_chart_js("flow")


def open_page(page: Page, url: str, **query: str) -> None:
    page.goto(f"{url}/?{urllib.parse.urlencode(query)}")
    wait_for_chart(page, "flow")


COLUMNS = f"""() => {{
    const layers = {FLOW}?.data?.find((t) => t.name === 'RMS');
    return (layers?.x?._inputArray ?? layers?.x)?.length ?? -1;
}}"""
"""Points of the RMS line, one per layer, from the chart's own data."""


def count_columns(page: Page) -> int:
    """Count the layers in the Flow figure."""
    return int(page.evaluate(COLUMNS))


FINGERPRINT = f"""() => JSON.stringify({FLOW}?.data?.map(
    (t) => [t.name, t.hovertext, t.y?.bdata ?? t.y, t.z?.bdata ?? t.z]))"""


def take_fingerprint(page: Page) -> str:
    return str(page.evaluate(FINGERPRINT))


def wait_for_change(page: Page, before: str) -> None:
    """Wait until the Flow figure holds other data than ``before``."""
    page.wait_for_function(
        f"(before) => {{ const now = ({FINGERPRINT})(); return now && now !== before; }}",
        arg=before,
    )


def test_opens_clean_and_offline(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url)
    assert page.title() == "Explore · GradFlow"
    expect(page.locator(".gf-verdict")).to_contain_text("Vanishing: ×")
    assert count_columns(page) == 24
    page.wait_for_timeout(500)
    assert page_errors == []


def test_depth_slider_by_keyboard(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url)
    page.get_by_role("slider", name="Depth").press("ArrowRight")
    page.wait_for_function("() => location.search.includes('depth=25')")
    page.wait_for_function(f"() => ({COLUMNS})() === 25")
    assert page_errors == []


def test_each_kind_of_control_changes_the_chart(
    page: Page, app_url: str, page_errors: list[str]
) -> None:
    open_page(page, app_url)
    before = take_fingerprint(page)
    choose_setting(page, "Activation", "Tanh")  # select box
    wait_for_change(page, before)
    page.wait_for_url("**activation=tanh&**")

    before = take_fingerprint(page)
    width = find_setting(page, "Width, exactly")  # number field
    width.fill("64")
    width.press("Enter")
    wait_for_change(page, before)

    before = take_fingerprint(page)
    choose_setting(page, "Connection", "Residual")
    wait_for_change(page, before)
    before = take_fingerprint(page)
    find_setting(page, "Last branch weight zero").click()  # toggle
    wait_for_change(page, before)
    page.wait_for_url("**zero_last=true&**")

    before = take_fingerprint(page)
    widths = find_setting(page, "Widths, one by one")  # text field
    widths.fill("40-40-40")
    widths.press("Enter")
    wait_for_change(page, before)
    assert count_columns(page) == 4

    before = take_fingerprint(page)
    choose_setting(page, "Gradient in the lower band", "∂L/∂W (weights)")
    wait_for_change(page, before)
    assert page_errors == []


def test_reset_and_preset(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, depth="5", activation="relu")
    assert count_columns(page) == 5
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Reset all settings").click()
    page.wait_for_function("() => location.search.includes('depth=24')")
    assert read_query(page) == codec.to_query(PRESETS["deep_sigmoid"].experiment)
    page.get_by_role("button", name="Start from").click()
    page.get_by_role("button", name="Underflow in float16").click()
    expect(page.get_by_role("button", name="also: underflow")).to_be_visible()
    assert read_query(page)["dtype"] == "float16"
    assert page_errors == []


def test_url_restores_the_setting_after_a_reload(page: Page, app_url: str) -> None:
    experiment = gf.Experiment(
        network=gf.MLP(depth=9, activation="elu", elu_alpha=0.5, initialization="orthogonal"),
        seed=4,
    )
    open_page(page, app_url, **codec.to_query(experiment))
    loss = f"{gf.run(experiment).loss:.3g}"
    expect(page.locator(".gf-loss")).to_have_text(f"loss {loss}")
    page.reload()
    wait_for_chart(page, "flow")
    expect(page.locator(".gf-loss")).to_have_text(f"loss {loss}")
    assert read_query(page) == codec.to_query(experiment)


def test_forged_url_is_explained(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, depth="-3", activation="tanhh")
    alert = page.get_by_test_id("stAlert").first
    expect(alert).to_contain_text("depth")
    expect(alert).to_contain_text("1 to 200")
    expect(alert).to_contain_text("tanhh")
    assert count_columns(page) == 20
    assert "Traceback" not in page.inner_text("body")
    assert page_errors == []


def test_clicking_a_column_chooses_the_layer(page: Page, app_url: str) -> None:
    open_page(page, app_url)
    panel = find_figure(page, "flow").locator(".nsewdrag").first
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 6.5 / 24, box["y"] + box["height"] / 2)
    expect(page.get_by_role("slider", name="Layer (or click")).to_have_value("7")


def test_all_tabs_and_downloads(
    page: Page, app_url: str, page_errors: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    open_page(page, app_url, depth="4", width="16")
    for tab, key in (
        ("Gradient norms", "norms"),
        ("Forward signal", "forward"),
        ("One layer", "histograms"),
    ):
        open_tab(page, tab)
        wait_for_chart(page, key)
    open_tab(page, "Table")
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    open_tab(page, "Export")
    folder = tmp_path_factory.mktemp("downloads")
    for label in ("Layers, CSV", "Report, JSON", "Page, HTML", "PyTorch script"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        download.value.save_as(folder / download.value.suggested_filename)
    experiment = gf.Experiment(network=gf.MLP(depth=4, width=16))
    report = gf.Report.load(folder / "gradflow-report.json")
    assert report.experiment == codec.to_query(experiment)
    assert (folder / "gradflow-network.py").read_text() == gf.to_code(experiment)
    assert (folder / "gradflow-layers.csv").read_text().count("\n") == 5
    html = folder / "gradflow-report.html"
    page.context.set_offline(True)
    page.goto(html.as_uri())
    drawn_charts = "document.querySelectorAll('.js-plotly-plot .main-svg').length"
    page.wait_for_function(f"() => {drawn_charts} > 2")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 1920])
def test_nothing_is_cut_off(page: Page, app_url: str, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    open_page(page, app_url)
    page.wait_for_timeout(500)
    sizes = json.loads(
        page.evaluate(
            f"""() => {{
                const chart = {FLOW}.getBoundingClientRect();
                return JSON.stringify([chart.right, document.documentElement.scrollWidth]);
            }}"""
        )
    )
    assert sizes[0] <= width
    assert sizes[1] <= width


def test_other_architectures(page: Page, app_url: str, page_errors: list[str]) -> None:
    open_page(page, app_url, depth="8", batch_size="64", activation="relu")
    before = take_fingerprint(page)
    choose_setting(page, "Architecture", "Convolutional")
    wait_for_change(page, before)
    assert count_columns(page) == 17
    assert read_query(page)["activation"] == "relu"
    choose_setting(page, "Architecture", "Transformer")
    expect(find_figure(page, "flow").get_by_text("branch (the signal behind it")).to_be_visible()
    choose_setting(page, "Columns of the figure", "All layers")
    page.wait_for_function(f"() => ({COLUMNS})() === 26")
    assert not page_errors
