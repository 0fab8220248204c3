"""Figures of the page on activation functions: what is drawn, and that nothing is dropped."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.charts.activations.dying import dying_figure
from gradflow.charts.activations.dying_units import choose_steps, units_figure
from gradflow.charts.activations.functions import functions_figure, repeat_styles
from gradflow.charts.activations.gaussian import gaussian_figure
from gradflow.charts.activations.hyperbolic import sectors_figure, series_figure
from gradflow.charts.activations.slope_products import slope_products_figure
from gradflow.core.catalog import Activation
from gradflow.core.teaching.activation_facts import sample_function
from gradflow.core.teaching.dying import UNITS, BiasedLayer, train_rivals
from gradflow.core.teaching.gaussian import GaussianInput, push_gaussian
from gradflow.core.teaching.hyperbolic import HyperbolicPair, compute_pair, make_sectors
from gradflow.core.teaching.slope_products import SlopeChains, measure_slope_products
from tests.charts.figures import decode, find_traces, to_browser

MODES = pytest.mark.parametrize("mode", ["light", "dark"])


@pytest.fixture(scope="module")
def trainings():
    results = train_rivals(BiasedLayer(bias=0.0, learning_rate=10.0, steps=30))
    return [(str(training.activation), training) for training in results]


@MODES
def test_functions_above_their_slopes(mode):
    curves = [(a, sample_function(gf.MLP(activation=a), 4)) for a in ("tanh", "relu", "rrelu")]
    data = to_browser(functions_figure(curves, mode=mode))
    for name, function in curves:
        value, slope = find_traces(data, name=name)
        assert (value["yaxis"], slope["yaxis"]) == ("y", "y2")
        assert_allclose(decode(value["y"]), function.value)
        assert_allclose(decode(slope["y"]), function.slope)
    bands = find_traces(data, name="rrelu band")
    z = decode(bands[1]["x"])
    assert_allclose([z.min(), z.max()], [-4, 0])
    assert set(decode(bands[1]["y"]).round(6)) == {0.125, 0.333333}
    assert data["layout"]["xaxis"]["range"] == [-4, 4]


def test_seventeen_functions_look_different():
    looks = {(s.colour, s.dash) for s in repeat_styles(len(Activation), "light")}
    assert len(looks) == len(Activation)
    assert not to_browser(functions_figure([]))["data"]


@MODES
def test_products_on_a_log_axis(mode):
    products = measure_slope_products(SlopeChains(layers=90))
    data = to_browser(slope_products_figure(products, mode=mode))
    (bound,) = [t for t in data["data"] if t["name"].startswith("bound")]
    assert_allclose(decode(bound["y"]), np.arange(1, 91) * math.log10(0.25), rtol=1e-9)
    assert any("float32" in a["text"] for a in data["layout"]["annotations"])


def test_products_of_zero_and_infinity_are_marked():
    zero = to_browser(slope_products_figure(measure_slope_products(SlopeChains(activation="relu"))))
    assert any("exactly 0" in a["text"] for a in zero["layout"]["annotations"])
    overflowed = SlopeChains(activation="linear", layers=200, weight_std=1000.0)
    data = to_browser(slope_products_figure(measure_slope_products(overflowed)))
    assert any("infinite" in a["text"] for a in data["layout"]["annotations"])
    assert find_traces(data, name="marks")


@MODES
def test_dead_units_and_loss_over_the_steps(trainings, mode):
    data = to_browser(dying_figure(trainings, mode=mode))
    name, relu = trainings[0]
    dead, loss = find_traces(data, name=name)
    assert_allclose(decode(dead["y"]), relu.dead.sum(1) / UNITS)
    assert_allclose(decode(loss["y"]), np.log10(relu.loss))
    prelu = dict(trainings)["prelu"]
    (cross,) = find_traces(data, name="overflow")
    assert decode(cross["x"]) == [prelu.overflowed]
    assert len(decode(find_traces(data, name="prelu")[1]["x"])) == prelu.overflowed + 1


@MODES
def test_frames_hold_every_unit_of_every_step(trainings, mode):
    figure = units_figure(trainings, mode=mode)
    data = to_browser(figure)
    frames = data["frames"]
    steps = [int(frame["name"]) for frame in frames]
    assert steps == choose_steps(31) == list(range(31))
    assert [s["label"] for s in data["layout"]["sliders"][0]["steps"]] == [str(s) for s in steps]
    for step, frame in zip(steps, frames, strict=True):
        on, off, text = frame["data"]
        strokes = [sum(v is None for v in part["x"]) for part in (on, off)]
        switched_off = sum(int(training.off[step].sum()) for _name, training in trainings)
        finite = UNITS * len(trainings)
        assert strokes == [finite - switched_off, switched_off]
        assert text["text"][0].startswith(f"{trainings[0][1].off[step].sum()} off")
    relu = trainings[0][1]
    on, off, _text = frames[-1]["data"]
    drawn = [v for part in (on, off) for v in np.array(part["y"], float).reshape(-1, 3)[:, :2]]
    expected = np.clip(np.stack([relu.low[-1], relu.high[-1]], 1), -100, 100).round(2)
    assert {tuple(pair) for pair in expected} <= {tuple(pair) for pair in drawn}


def test_many_steps_are_thinned_out_to_the_last():
    for rows in (11, 42, 301, 501):
        steps = choose_steps(rows)
        assert steps[0] == 0
        assert steps[-1] == rows - 1
        assert len(steps) <= 42


@MODES
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("width", [1.0, 1e39])
def test_histograms_before_and_after(activation, width, mode):
    gaussian = push_gaussian(GaussianInput(activation=activation, width=width))
    data = to_browser(gaussian_figure(gaussian, mode=mode))
    bars = {t["xaxis"]: t for t in find_traces(data, type="bar")}
    for axis, distribution in (
        ("x", gaussian.before),
        ("x2", gaussian.value),
        ("x3", gaussian.slope),
    ):
        if len(distribution.edges):
            assert_allclose(decode(bars[axis]["y"]), distribution.shares)
        points = [t for t in data["data"] if t["xaxis"] == axis and t.get("mode") == "markers"]
        assert [x for t in points for x in decode(t["x"])] == [
            value for value, _s in distribution.atoms
        ]
    lost = data["layout"]["annotations"][0]["text"]
    assert ("not finite" in lost) is (width > 1e38)


@MODES
@pytest.mark.parametrize("function", ["sinh", "tanh"])
def test_both_sides_and_their_series(function, mode):
    both = compute_pair(HyperbolicPair(function=function, order=5, x=1.5))
    data = to_browser(series_figure(both, 5, 1.5, mode=mode))
    for side in both:
        assert_allclose(decode(find_traces(data, name=side.name)[0]["y"]), side.value)
    assert len(data["layout"]["shapes"]) == (2 if function == "tanh" else 0)


@MODES
def test_circle_and_hyperbola(mode):
    data = to_browser(sectors_figure(make_sectors(1.2), mode=mode))
    points = [t for t in data["data"] if t["mode"] == "markers"]
    drawn = [(decode(t["x"])[0], decode(t["y"])[0]) for t in points]
    expected = [(math.cosh(1.2), math.sinh(1.2)), (math.cos(1.2), math.sin(1.2))]
    assert_allclose(drawn, expected, rtol=1e-12)
