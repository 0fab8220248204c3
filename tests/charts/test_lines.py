import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch

import gradflow as gf
from gradflow.charts import (
    compare_gradients_figure,
    forward_statistics_figure,
    gradient_norms_figure,
)
from gradflow.charts.compare.data import ComparedSetting
from gradflow.charts.figure import choose_layer_ticks
from gradflow.charts.flow.text import describe_forward
from gradflow.charts.forward import list_forward_series
from gradflow.charts.norms import list_norm_series
from gradflow.charts.series import Scale, Series
from tests.charts.figures import decode, find_traces, read_words, to_browser
from tests.charts.reports import add_nonfinite, make_empty_report, make_report

REPORTS = {
    "tanh": lambda: make_report(6, 32),
    "relu": lambda: make_report(6, 32, "relu"),
    "one": lambda: make_report(1),
    "deep": lambda: make_report(200, 16, batch=32),
    "underflow": lambda: make_report(20, 32, "sigmoid", dtype="float16"),
    "all zero": lambda: make_report(4, 16, std=0.0),
    "nonfinite": lambda: add_nonfinite(make_report(6, 32)),
    "blocks": lambda: make_report(9, 32, blocks=True),
}


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_drawn(name, mode):
    report = REPORTS[name]()
    for scale in ("log", "linear"):
        assert to_browser(gradient_norms_figure(report, mode=mode, scale=scale))["data"]
    assert to_browser(forward_statistics_figure(report, mode=mode))["data"]


@pytest.mark.parametrize("figure", [gradient_norms_figure, forward_statistics_figure])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_nothing_recorded_is_a_titled_empty_figure(figure, mode):
    bare = dataclasses.replace(make_report(3), layers=pd.DataFrame({"layer": [1, 2, 3]}))
    for report in (make_empty_report(), bare):
        data = to_browser(figure(report, mode=mode))
        assert data["data"] == []
        assert "Nothing was recorded" in read_words(data)


def list_drawn(data):
    """List what is seen: names of modules are said in hovers alone."""
    return [trace for trace in data["data"] if trace["name"] != "modules"]


def test_norms_on_a_log_axis():
    report = make_report(6, 32)
    data = to_browser(gradient_norms_figure(report))
    line = find_traces(data, name="‖∂L/∂W‖")[0]
    assert decode(line["y"]) == pytest.approx(np.log10(report.layers["weight_grad_norm"]))
    assert len({t["line"]["dash"] for t in list_drawn(data)}) == 3
    assert len({t["marker"]["symbol"] for t in list_drawn(data)}) == 3


def test_norms_on_a_linear_axis():
    report = make_report(6, 32)
    data = to_browser(gradient_norms_figure(report, scale="linear", quantities=["delta"]))
    (line,) = list_drawn(data)
    assert decode(line["y"]) == pytest.approx(report.layers["delta_norm"])


def test_zero_norms_lie_on_the_floor_and_say_so():
    data = to_browser(gradient_norms_figure(REPORTS["underflow"](), quantities=["delta"]))
    line, marks = list_drawn(data)
    assert line["y"] is not None
    assert math.isnan(decode(line["y"])[0])
    assert 1 in marks["customdata"]
    assert set(marks["marker"]["symbol"]) == {"triangle-down-open"}
    assert len(set(marks["y"])) == 1
    assert min(marks["y"]) < np.nanmin(decode(line["y"]))
    assert "exactly 0" in marks["hovertext"][0]
    assert "exactly 0" in read_words(data)


def test_nonfinite_norms_are_crosses_at_the_ceiling():
    data = to_browser(gradient_norms_figure(REPORTS["nonfinite"](), quantities=["delta"]))
    line, marks = list_drawn(data)
    assert marks["customdata"] == [1, 2]
    assert marks["marker"]["symbol"] == ["x", "x"]
    assert min(marks["y"]) > np.nanmax(decode(line["y"]))
    assert "NaN" in marks["hovertext"][0]
    assert "∞" in marks["hovertext"][1]


def test_the_residual_stream_is_a_series_of_its_own():
    names = [s.name for s in list_norm_series(REPORTS["blocks"]())]
    assert names == ["‖∂L/∂z‖", "‖∂L/∂a‖", "‖∂L/∂W‖", "stream ‖∂L/∂h‖"]
    stream = list_norm_series(REPORTS["blocks"]())[-1]
    assert list(stream.layers) == [3, 5, 7]
    assert stream.modules == ("block3", "block5", "block7")


def test_forward_panels():
    report = make_report(6, 32, "relu")
    widths, shares, absent = list_forward_series(
        report, ("activation_std", "saturated", "dead_units")
    )
    assert [s.name for s in widths] == ["std of a"]
    assert [s.name for s in shares] == ["dead units"]
    assert absent == ["saturated"]
    assert list(shares[0].layers) == [1, 2, 3, 4, 5]  # the readout has no activation
    assert "saturated: does not apply" in read_words(to_browser(forward_statistics_figure(report)))


def test_std_over_decades_is_drawn_on_a_log_axis():
    def read_prefix(report):
        return to_browser(forward_statistics_figure(report))["layout"]["yaxis"].get("tickprefix")

    assert read_prefix(make_report(6, 32)) is None
    assert read_prefix(make_report(6, 32, std=0.01)) == "10<sup>"


def test_dead_units_become_a_share_of_the_units():
    report = make_report(3, 32, "relu")
    layers = report.layers.assign(dead_units=[8.0, 0.0, math.nan])
    report = dataclasses.replace(report, layers=layers)
    assert report.dead_unit_share() == pytest.approx([0.25, 0.0, math.nan], nan_ok=True)
    nothing = dataclasses.replace(report, layers=layers.drop(columns="dead_units"))
    assert np.isnan(nothing.dead_unit_share()).all()


def test_scale_holds_every_finite_value():
    values = np.array([0.0, 1e-300, 1e300, math.inf, math.nan])
    scale = Scale.fit([Series("x", np.arange(5.0), values)], log=True)
    assert scale.low < -300
    assert scale.high > 300
    assert np.isnan(scale.to_axis(values)).tolist() == [True, False, False, True, True]
    nothing = Scale.fit([Series("x", np.arange(2.0), np.array([0.0, math.nan]))], log=True)
    assert nothing.low < nothing.floor < nothing.ceiling < nothing.high


def test_layer_ticks_name_the_first_and_the_last_layer():
    assert choose_layer_ticks(3) == [1, 2, 3]
    assert choose_layer_ticks(24) == [1, 5, 10, 15, 20, 24]
    assert choose_layer_ticks(51) == [1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 51]
    for count in (21, 50, 200, 1000):
        ticks = choose_layer_ticks(count)
        assert (ticks[0], ticks[-1]) == (1, count)
        assert len(ticks) <= 14


class Cut(torch.nn.Module):
    """Two layers without a gradient, and a third whose gradient has infinities on request."""

    def __init__(self, is_broken: bool) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(4, 5), torch.nn.Linear(5, 5)
        self.third, self.fourth = torch.nn.Linear(5, 5), torch.nn.Linear(5, 3)
        self.is_broken = is_broken

    def forward(self, x):
        h = self.second(torch.relu(self.first(x))).detach()
        h = torch.tanh(self.third(h))
        # √ is infinitely steep at 0, and ∞ − ∞ is NaN.
        return self.fourth(torch.sqrt(h - h) if self.is_broken else h)


def probe_cut(is_broken):
    torch.manual_seed(0)
    return gf.probe(Cut(is_broken), torch.randn(16, 4), torch.randint(3, (16,)))


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_gradient_that_does_not_exist_is_a_gap_and_no_nan(is_broken):
    report = probe_cut(is_broken)
    assert np.isnan(report.layers["delta_norm"][:2]).all()
    entries = [ComparedSetting(letter, letter, report) for letter in "AB"]
    figures = [gradient_norms_figure(report, quantities=["delta"])]
    figures += [compare_gradients_figure(entries, relative=relative) for relative in (False, True)]
    for figure in figures:
        data = to_browser(figure)
        line = next(t for t in data["data"] if t["name"] != "modules")
        assert np.isnan(decode(line["y"])[:2]).all()
        assert all("not recorded" in text for text in line["hovertext"][:2])
        assert "NaN" not in " ".join(line["hovertext"][:2])
        marks = [t for t in data["data"] if t["name"] == "marks"]
        pairs = [p for t in marks for p in zip(t["x"], t["marker"]["symbol"], strict=True)]
        marked = {round(x) for x, symbol in pairs if symbol == "x"}
        assert marked == ({3} if is_broken else set())
        assert ("NaN or infinite" in read_words(data)) == is_broken
        assert "gap: nothing was recorded" in read_words(data)


def test_without_histograms_nan_is_what_it_says():
    report = REPORTS["nonfinite"]().drop_histograms()
    data = to_browser(gradient_norms_figure(report, quantities=["delta"]))
    assert list_drawn(data)[1]["customdata"] == [1, 2]


def test_the_flow_figure_says_whose_output_an_activation_is_and_what_is_not_there():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.LayerNorm(5), torch.nn.Linear(5, 3))
    report = gf.probe(model, torch.randn(16, 4), torch.randint(3, (16,)))
    first, last = describe_forward(report, [report.histogram("activation", n) for n in (1, 2)])
    assert "output of 1<br>" in first
    assert "output of" not in last
    words = "no column below"
    assert words not in read_words(to_browser(gf.figure(report)))
    assert words in read_words(to_browser(gf.figure(probe_cut(False))))
