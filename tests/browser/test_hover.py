"""Numbers in hovers, which the browser writes, against those that the server writes."""

from pathlib import Path

import numpy as np
from playwright.sync_api import Page

import gradflow as gf
from gradflow.charts import report_html
from gradflow.core.numbers import format_number
from gradflow.ui.assets import find_address
from tests.browser.tools import find_figure, wait_for_chart, write_chart_js

VALUES = [
    *(10.0 ** np.random.default_rng(0).uniform(-20, 9, 200)).tolist(),
    *(0.0, -0.25, 1.0, 1234.0, -1234.7, 99999.7, 999999.7, 1e-4, 1e-14, -1e7),
]


def test_hovers_write_numbers_as_the_page_does(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/?depth=6&width=16")
    wait_for_chart(page, "flow")
    for _change in range(2):  # Plotly makes its formats anew with each figure
        find_figure(page, "flow").locator(".nsewdrag").first.hover()
        for digits in (3, 4):
            written = page.evaluate(
                f"""(values) => values.map(
                    {write_chart_js("flow")}._fullLayout._d3locale.numberFormat('.{digits}g'))""",
                VALUES,
            )
            assert written == [format_number(value, digits) for value in VALUES]
        exponents = [-3.4, -20.0, 0.0, 5.7]
        written = page.evaluate(
            f"""(values) => values.map(
                {write_chart_js("flow")}._fullLayout._d3locale.numberFormat('P^.3g'))""",
            exponents,
        )
        assert written == [format_number(10**value, 3) for value in exponents]
        page.get_by_role("slider", name="Depth").press("ArrowRight")
        page.wait_for_function(f"() => {write_chart_js('flow')}.layout.xaxis.range[1] > 7")
        page.mouse.move(0, 0)


def test_a_hover_on_a_log_scale_writes_the_number(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/?depth=6&width=16")
    wait_for_chart(page, "flow")
    templates = page.evaluate(
        f"() => {write_chart_js('flow')}.data.map((trace) => trace.hovertemplate ?? '')"
    )
    assert any("%{y:P^.3g}" in template for template in templates)
    assert not any("10<sup>" in template for template in templates)


def test_small_ticks_are_written_as_the_page_writes_numbers(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/?depth=6&width=16")
    wait_for_chart(page, "flow")
    ticks = page.evaluate(
        """async (script) => {
            const { writeTicksOurWay } = await import(new URL(script, location).href);
            const plot = document.body.appendChild(document.createElement("div"));
            const yaxis = { dtick: 1e-7, exponentformat: "power" };
            const layout = { width: 400, height: 400, yaxis };
            await Plotly.newPlot(plot, [{ y: [-1e-7, 2e-7] }], layout);
            writeTicksOurWay(plot);
            const ticks = [...plot.querySelectorAll(".ytick text")];
            return ticks.map((tick) => tick.textContent.replaceAll("\\u200b", ""));
        }""",
        f"/{find_address('hover.js')}",
    )
    assert ticks == ["−10−7", "0", "10−7", "2·10−7"]  # here a superscript stands on the line


def test_an_exported_page_writes_its_numbers_as_the_app_does(
    page: Page, page_errors: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    report = gf.run(gf.Experiment(network=gf.MLP(depth=4, width=16)))
    file.write_text(report_html(report), encoding="utf-8")
    page.goto(file.as_uri())
    plots = "[...document.querySelectorAll('.js-plotly-plot')]"
    for plot in page.locator(".js-plotly-plot").all():
        plot.locator(".nsewdrag").first.hover()  # it is then that the formats are ours
    written = page.evaluate(
        f"""(values) => {plots}.map(
            (plot) => values.map(plot._fullLayout._d3locale.numberFormat('.3g')))""",
        VALUES,
    )
    assert written == [[format_number(value, 3) for value in VALUES]] * 3
    templates = page.evaluate(f"{plots}.flatMap(({{ data }}) => data.map((t) => t.hovertemplate))")
    assert not any("10<sup>" in template for template in templates if template)
    assert [error for error in page_errors if "file:" not in error] == []
