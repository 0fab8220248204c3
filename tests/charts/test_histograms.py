import dataclasses

import numpy as np
import pytest

from gradflow.charts import layer_histograms_figure
from gradflow.charts.histograms import shape_step_lines
from gradflow.core.histogram import Histogram
from tests.charts.figures import decode, find_traces, read_words, to_browser
from tests.charts.reports import (
    add_nonfinite,
    make_empty_report,
    make_linear_histogram,
    make_log_histogram,
    make_report,
    rename_module,
)

REPORTS = {
    "tanh": lambda: make_report(4, 32),
    "relu": lambda: make_report(4, 32, "relu"),
    "one": lambda: make_report(1),
    "deep": lambda: make_report(200, 16, batch=32),
    "underflow": lambda: make_report(20, 32, "sigmoid", dtype="float16"),
    "all zero": lambda: make_report(4, 16, std=0.0),
    "nonfinite": lambda: add_nonfinite(make_report(4, 32)),
}


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_drawn(name, mode):
    report = REPORTS[name]()
    for layer in {1, len(report.layers)}:
        data = to_browser(layer_histograms_figure(report, layer, mode=mode))
        assert f"Layer {layer}" in data["layout"]["title"]["text"]
        assert len([k for k in data["layout"] if k.startswith("xaxis")]) == 6


def test_linear_steps_by_hand():
    histogram = Histogram("linear", np.array([-1.0, 0.0, 1.0]), np.array([2, 6]), zeros=4, nan=2)
    steps = shape_step_lines(histogram)
    assert steps.positive == pytest.approx([2 / 10, 2 / 10])  # the four zeros left out
    assert steps.zeros == pytest.approx(0.4)
    assert "40" in steps.words
    assert "20" in steps.words
    assert "NaN" in steps.words


def test_log_steps_tell_the_signs_apart_per_tenth_of_a_decade():
    histogram = Histogram(
        "log10", np.array([-2.0, -1.5, -1.0]), np.array([4, 10]), np.array([1, 4]), zeros=6
    )
    steps = shape_step_lines(histogram)
    assert steps.negative == pytest.approx([1 / 20 / 5, 4 / 20 / 5])
    assert steps.positive == pytest.approx([3 / 20 / 5, 6 / 20 / 5])
    area = (steps.positive + steps.negative) @ np.diff(steps.edges) / 0.1
    assert area + steps.zeros == pytest.approx(1)


def test_steps_use_only_the_bins_of_this_layer():
    histogram = Histogram(
        "log10", np.arange(6.0), np.array([0, 0, 3, 0, 0]), np.array([0, 0, 1, 0, 0])
    )
    assert list(shape_step_lines(histogram).edges) == [2.0, 3.0]


def test_negative_gradients_point_down_in_another_pattern():
    data = to_browser(layer_histograms_figure(make_report(4, 32), 2))
    up, down = find_traces(data, xaxis="x4")
    assert decode(up["y"]).min() == 0 < decode(up["y"]).max()
    assert decode(down["y"]).max() <= 0 > decode(down["y"]).min()
    assert down["fillpattern"]["shape"] == "/"
    assert (decode(down["customdata"]) >= 0).all()


def test_one_filled_step_line_per_curve():
    data = to_browser(layer_histograms_figure(make_report(4, 32), 2))
    assert len(data["data"]) == 3 + 2 * 3
    assert all(t["line"]["shape"] == "hv" and t["fill"] == "tozeroy" for t in data["data"])
    assert all(len(decode(t["x"])) == len(decode(t["y"])) for t in data["data"])


def test_what_is_special_is_said_in_words():
    data = to_browser(layer_histograms_figure(REPORTS["nonfinite"](), 1))
    assert "% NaN" in read_words(data)
    assert "no finite entry" in read_words(data)
    assert "all are 0" in read_words(to_browser(layer_histograms_figure(REPORTS["all zero"](), 1)))
    assert "subnormal" in read_words(
        to_browser(layer_histograms_figure(REPORTS["underflow"](), 15))
    )


def test_zeros_of_relu_are_a_dashed_line_not_a_spike():
    data = to_browser(layer_histograms_figure(make_report(4, 64, "relu"), 2))
    assert [s["xref"] for s in data["layout"]["shapes"]] == ["x2"]
    assert decode(find_traces(data, xaxis="x2")[0]["y"]).max() < 0.05


def test_missing_histograms():
    report = make_report(4, 32)
    kept = {k: h for k, h in report.histograms.items() if k[0] != "delta"}
    assert "not recorded" in read_words(
        to_browser(layer_histograms_figure(dataclasses.replace(report, histograms=kept), 2))
    )
    for missing, layer in ((report, 9), (make_empty_report(), 1)):
        data = to_browser(layer_histograms_figure(missing, layer, mode="dark"))
        assert data["data"] == []
        assert f"layer {layer}" in read_words(data)


def test_module_names_are_escaped():
    report = make_report(2)
    report = rename_module(report, 1, "<b>x")
    title = to_browser(layer_histograms_figure(report, 1))["layout"]["title"]["text"]
    assert "&lt;b&gt;x" in title


def test_words_of_an_ordinary_tensor():
    x = np.random.default_rng(0).normal(size=100)
    assert shape_step_lines(make_linear_histogram(x)).words == "no zeros, all finite"
    assert shape_step_lines(make_log_histogram(x)).words == "no zeros, all finite"
