"""Numbers in hovers, which the browser writes, against those that the server writes."""

import numpy as np
from playwright.sync_api import Page

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
        find_figure(page, "flow").hover()
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
