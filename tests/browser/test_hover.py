"""Numbers in hovers, which the browser writes, against those that the server writes."""

import numpy as np
from playwright.sync_api import Page

from gradflow.core.numbers import format_number
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
        page.get_by_role("slider", name="Depth").press("ArrowRight")
        page.wait_for_function(f"() => {write_chart_js('flow')}.layout.xaxis.range[1] > 7")
        page.mouse.move(0, 0)
