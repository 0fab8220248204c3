import dataclasses
import re

import pytest

from gradflow.charts import report_html
from gradflow.charts.report_page import format_layers
from gradflow.core.text import read_in
from tests.charts.reports import add_nonfinite, make_empty_report, make_report, rename_module
from tests.pseudo_locale import PSEUDO, install, list_english_words

SETTINGS = {"network": {"depth": 4, "widths": (8, 9)}, "seed": 0, "note": "</script><b>"}


@pytest.fixture(scope="module")
def page():
    report = make_report(4, 32, title="<tanh> & co")
    report = rename_module(report, 1, "</script><img src=x>")
    report = dataclasses.replace(report, experiment=SETTINGS)
    return report_html(report, summary="The gradient <vanishes>.", mode="dark")


def test_it_needs_nothing_else(page):
    outside = re.sub(r"<script>.*?</script>", "", page, count=1, flags=re.DOTALL)
    assert page.count("plotly.js v") == 1
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", outside)
    assert outside.count("Plotly.newPlot(") == 3


def test_it_holds_title_summary_metrics_settings_and_layers(page):
    assert "<h1>&lt;tanh&gt; &amp; co</h1>" in page
    assert "The gradient &lt;vanishes&gt;." in page
    for text in (
        "Loss",
        "Parameters",
        "Device",
        "cpu",
        "float32",
        "12 ms",
        "network.depth",
        "8, 9",
    ):
        assert text in page
    assert page.count("<tr>") >= 4 + 4


def test_nothing_from_outside_is_markup(page):
    assert "<tanh>" not in page
    assert "<vanishes>" not in page
    assert "<img src=x>" not in page
    assert "&lt;/script&gt;&lt;b&gt;" in page
    assert page.count("</script>") == page.count("<script")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_poor_reports_make_a_page_too(mode):
    for report in (make_empty_report(), add_nonfinite(make_report(3)), make_report(1)):
        assert "</html>" in report_html(report, mode=mode)


def test_cells_are_readable():
    head, rows = format_layers(add_nonfinite(make_report(3)))
    assert head[:3] == ["layer", "module", "fan in"]
    cells = dict(zip(head, rows[0], strict=True))
    assert (cells["layer"], cells["delta norm"]) == ("1", "–")


def test_the_residual_stream_has_a_figure_of_its_own():
    stream = dataclasses.replace(make_report(3), rows="block")
    text = report_html(dataclasses.replace(make_report(4), stream=stream))
    assert "<h2>Residual stream</h2>" in text
    assert text.count("Plotly.newPlot(") == 4


def test_its_headings_speak_the_language_of_the_reader(monkeypatch):
    install(monkeypatch)
    report = make_report(3)
    with read_in(PSEUDO):
        translated = report_html(report)
    assert f'<html lang="{PSEUDO}">' in translated
    assert '<html lang="en">' in report_html(report)
    headings = re.findall(r"<(?:h2|dt)>(.*?)</", translated)
    assert len(headings) == 9
    assert not list_english_words(" ".join(headings))
