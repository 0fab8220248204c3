"""Figures in words, against the numbers of the report."""

import plotly.graph_objects as go
import pytest

from gradflow.charts import empty_figure, flow_figure, gradient_norms_figure
from gradflow.charts.describe import describe_lines
from gradflow.core.numbers import format_number
from tests.charts.reports import make_report


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_the_norms_of_the_first_and_the_last_layer_are_said(scale: str) -> None:
    report = make_report(8, 16, "sigmoid")
    words = describe_lines(gradient_norms_figure(report, quantities=("delta",), scale=scale))
    norm = report.layers["delta_norm"]
    first, last = format_number(norm.iloc[0]), format_number(norm.iloc[-1])
    count = len(norm)
    assert words == f"‖∂L/∂z‖: {first} at 1, {last} at {count}."


def test_lines_that_the_legend_does_not_name_are_not_said() -> None:
    figure = go.Figure()
    figure.add_scatter(name="A &amp; <b>B</b>", x=[1, 2, 3], y=[None, 0.5, 2e-9])
    figure.add_scatter(name="hidden", x=[1], y=[1], showlegend=False)
    figure.add_scatter(name="points", x=[1], y=[1], mode="markers")
    figure.add_scatter(name="one", x=[4], y=[2], mode="lines")
    figure.add_scatter(name="nothing", x=[], y=[])
    figure.add_bar(name="bars", x=[1], y=[1])
    assert describe_lines(figure) == "A & B: 0.5 at 2, 2·10⁻⁹ at 3. one: 2 at 4."
    figure.update_layout(showlegend=False)
    assert describe_lines(figure) == ""


def test_the_flow_figures_line_is_said_without_a_legend() -> None:
    report = make_report(4, 16)
    rms = report.layers["delta_rms"]
    first, last = format_number(rms.iloc[0]), format_number(rms.iloc[-1])
    assert describe_lines(flow_figure(report)) == f"RMS: {first} at 1, {last} at {len(rms)}."
    assert describe_lines(empty_figure("nothing")) == ""


def test_many_lines_are_cut_short() -> None:
    figure = go.Figure([go.Scatter(name=f"line {i}", x=[1, 2], y=[1, 2]) for i in range(20)])
    assert describe_lines(figure).count(":") == 6
