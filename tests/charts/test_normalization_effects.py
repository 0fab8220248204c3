"""Figures on what a normalization does."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.charts.normalization_effects.flow import NetworkReport, normalized_flow_figure
from gradflow.charts.normalization_effects.noise import noise_figure
from gradflow.charts.normalization_effects.rates import learning_rates_figure
from gradflow.charts.normalization_effects.scales import weight_scales_figure
from gradflow.charts.normalization_effects.shift import shift_figure
from gradflow.core.teaching.normalization_effects.noise import NoiseResult
from gradflow.core.teaching.normalization_effects.rates import RateSweep, list_learning_rates
from gradflow.core.teaching.normalization_effects.scales import ScaleSweep
from gradflow.core.teaching.normalization_effects.shift import ShiftCourse
from tests.charts.figures import decode, find_traces, read_words, to_browser

MODES = pytest.mark.parametrize("mode", ["light", "dark"])


@MODES
def test_lines_laws_and_marks(mode):
    x = np.arange(1.0, 6.0)
    curves = [
        LawCurve("a", x, np.array([1.0, 0.0, 100.0, math.inf, 10.0]), x),
        LawCurve("b", x[:2], np.array([1e-3, 1.0])),
        LawCurve("c", x[:1], np.array([5.0]), np.array([math.nan, 2.0]), x[:2]),
    ]
    data = to_browser(laws_figure(curves, x={}, y_title="y", mode=mode))
    line = find_traces(data, name="a")[0]
    assert_allclose(decode(line["y"]), [0, math.nan, 2, math.nan, 1])
    assert line["line"]["dash"] == "solid"
    dashed = [t for t in find_traces(data, name="theory") if t["x"] != [None]]
    assert [decode(t["x"]).tolist() for t in dashed] == [x.tolist(), [1.0, 2.0]]
    assert_allclose(decode(dashed[0]["y"]), np.log10(x))
    assert all(t["line"]["dash"] != "solid" for t in dashed)
    (marks,) = find_traces(data, name="marks")
    assert decode(marks["x"]).tolist() == [2.0, 4.0]  # where the points are
    assert "exactly 0" in read_words(data)
    assert "NaN or infinite" in read_words(data)
    low, high = data["layout"]["yaxis"]["range"]
    assert low < -3
    assert high > 2
    legend = [t["name"] for t in data["data"] if t.get("showlegend", True)]
    assert legend == ["a", "b", "c", "theory"]


def test_nothing_to_draw():
    for figure in (
        laws_figure([], x={}, y_title="", mode="light"),
        normalized_flow_figure([]),
        weight_scales_figure(np.ones(1), []),
        learning_rates_figure(list_learning_rates(), []),
    ):
        assert "Nothing was computed" in read_words(to_browser(figure))


@MODES
@pytest.mark.parametrize("gradient", ["activation_grad", "delta"])
def test_flow_of_two_networks(gradient, mode):
    report = gf.run(gf.Experiment(network=gf.MLP(depth=4, width=8)))
    law = np.array([1.0, 2.0, 3.0, 4.0])
    networks = [NetworkReport("bare", report), NetworkReport("normed", report, law)]
    data = to_browser(normalized_flow_figure(networks, gradient=gradient, mode=mode))
    expected = np.log10(report.layers[f"{gradient}_norm"])
    for name in ("bare", "normed"):
        (line,) = find_traces(data, name=name)
        assert decode(line["x"]).tolist() == [1, 2, 3, 4]
        assert_allclose(decode(line["y"]), expected)
    dashed = [t for t in find_traces(data, name="theory") if t["x"] != [None]]
    assert len(dashed) == 1
    assert_allclose(decode(dashed[0]["y"]), np.log10(law))
    symbol = {"delta": "∂L/∂z", "activation_grad": "∂L/∂a"}[gradient]
    assert symbol in data["layout"]["yaxis"]["title"]["text"]


@MODES
def test_weight_scales(mode):
    k = np.logspace(-3, 3, 7)
    bare = ScaleSweep(k**9, k**8)
    normed = ScaleSweep(np.full(7, 3.0), 5 / k)
    figure = weight_scales_figure(k, [("bare", bare), ("normed", normed)], mode=mode)
    data = to_browser(figure)
    left, right = find_traces(data, name="normed")
    assert (left["yaxis"], right["yaxis"], right["xaxis"]) == ("y", "y2", "x2")
    assert_allclose(decode(left["y"]), math.log10(3))
    assert_allclose(decode(right["y"]), math.log10(5) - np.arange(-3, 4))
    assert_allclose(decode(find_traces(data, name="bare")[0]["y"]), 9 * np.arange(-3.0, 4))
    (law,) = [t for t in find_traces(data, name="theory") if t["x"] != [None]]
    assert_allclose(decode(law["y"]), decode(right["y"]))  # 1/k through the last point
    # The line without a norm leaves the axis, the other one does not.
    low, high = data["layout"]["yaxis"]["range"]
    assert -14 <= low < math.log10(3) < high <= 14
    assert high < 27


@MODES
def test_learning_rates(mode):
    losses = np.full(25, 2.5)
    losses[6], losses[8], losses[24] = 1.0, 0.5, math.nan
    worse, better = losses.copy(), losses.copy()
    worse[8], better[10] = 2.5, 0.7
    sweep = RateSweep(np.full(3, 2.6), np.array([worse, losses, better]))
    trained = [("one", sweep), ("none", RateSweep(np.full(3, 2.6), np.full((3, 25), 2.5)))]
    data = to_browser(learning_rates_figure(list_learning_rates(), trained, mode=mode))
    (ring,) = find_traces(data, name="largest")
    assert_allclose(decode(ring["x"]), [-2.5, -2.0, -1.5])  # lowest, median, highest
    assert_allclose(decode(ring["y"]), math.log10(0.5))
    (crosses,) = find_traces(data, name="crosses")
    assert_allclose(decode(crosses["x"]), [2.0])
    assert crosses["text"][0].strip() == "one"
    assert crosses["y"][0] > math.log10(30)  # above all losses
    (line,) = data["layout"]["shapes"]
    assert_allclose(line["y0"], math.log10(0.9 * math.log(10)))
    assert data["layout"]["yaxis"]["ticktext"][4:6] == ["0.1", "0.3"]


@MODES
def test_what_arrives_at_a_unit(mode) -> None:
    steps = np.array([0.0, 2.0, 4.0])
    percentiles = np.stack([np.array([[-1.0, 0.0, 1.0]] * 3) + s for s in (0, 5)], axis=1)
    course = ShiftCourse(steps, percentiles, np.zeros((3, 2)), np.array([2.0, 1.0]))
    data = to_browser(shift_figure([("plain", course), ("batch norm", course)], 2, mode=mode))
    medians = find_traces(data, name="median")
    assert len(medians) == 2
    assert_allclose(decode(medians[0]["y"]), [5, 5, 5])
    band = find_traces(data, name="middle 70% of the digits")[0]
    assert_allclose(decode(band["y"]), [4, 4, 4, 6, 6, 6])
    assert data["layout"]["yaxis"]["range"] == data["layout"]["yaxis2"]["range"]
    assert_allclose(decode(find_traces(data, name="plain")[0]["y"]), [2, 1])


@MODES
def test_noise_and_what_it_does(mode) -> None:
    one = NoiseResult(np.array([0.0, 0.1, 0.01]), np.array([0.5, 0.6, 0.7]), np.ones(3))
    data = to_browser(
        noise_figure([("no norm", one), ("64", one)], ["no norm", "64", "4"], mode=mode)
    )
    loss, accuracy = find_traces(data, name="their middle")
    assert_allclose(decode(loss["y"]), [-2, -2])
    assert_allclose(decode(accuracy["y"]), [60, 60])
    dots = find_traces(data, name="one seed")[0]
    assert decode(dots["y"]).min() == -6  # a loss of 0 is drawn where the axis can
    assert len(decode(dots["x"])) == 6
