"""Theory's lines over a map, against closed forms and the literature."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.core.sweep import Grid
from gradflow.core.sweep.critical import predict_growth


def make_base(**network) -> gf.Experiment:
    chosen = {"width": 128, "initialization": "kaiming_normal", "gain": "custom"} | network
    return gf.Experiment(network=gf.MLP(**chosen), data=gf.Data(source="gaussian", dimension=128))


def test_relu_grows_by_half_the_weights_variance_per_layer():
    """χ₁ = σ_w²/2, whatever the depth."""
    base = make_base(activation="relu", initialization="normal", init_std=0.1, gain="standard")
    depths, sigmas = [4, 10, 50], np.array([0.05, 0.125, 0.3])
    growth = predict_growth(Grid(base, {"depth": depths, "init_std": sigmas}))
    expected = np.outer(depths, np.log(128 * sigmas**2 / 2))
    assert_allclose(growth.values, expected, rtol=1e-6, atol=1e-6)
    assert growth.values[0, 1] == 0  # the critical point: no line of rounding errors


@pytest.mark.parametrize(
    ("bias", "weight"), [(0.01, 1.424), (0.05, 1.761), (0.1, 1.986), (0.3, 2.505)]
)
def test_the_edge_of_chaos_of_tanh(bias, weight):
    """Variances at which χ₁ = 1, as listed for Poole et al. 2016; the line separates two phases."""
    scales = np.sqrt(weight * np.array([0.98, 1.0, 1.02]))
    axes = {"bias_std": [math.sqrt(bias), 1.0], "gain_value": scales}
    below, on, above = predict_growth(Grid(make_base(depth=10), axes)).values[0]
    assert below < -5 * abs(on)
    assert above > 5 * abs(on)


def test_the_line_is_exact_between_the_points():
    """Without biases tanh's χ₁ passes 1 at σ_w = 1 with a kink: a straight line would miss it."""
    axes = {"bias_std": [0.0, math.sqrt(0.05)], "gain_value": [0.85, 0.95, 1.1, 1.3, 1.5]}
    growth = predict_growth(Grid(make_base(depth=30), axes))
    assert growth.critical.axis == 1
    assert_allclose(growth.critical.values, [1.0, math.sqrt(1.761)], rtol=2e-3)
    turned = predict_growth(Grid(make_base(depth=30), dict(reversed(axes.items()))))
    assert turned.critical.axis == 0
    assert_allclose(turned.critical.values, growth.critical.values, rtol=1e-12)


def test_a_line_between_whole_numbers_is_where_a_straight_one_is():
    base = make_base(activation="relu", initialization="normal", init_std=0.125, gain="standard")
    growth = predict_growth(Grid(base, {"width": [64, 192], "depth": [10, 20]}))
    assert growth.critical.axis == 0
    assert np.isfinite(growth.critical.values).all()


def test_choices_have_no_line():
    growth = predict_growth(
        Grid(make_base(), {"activation": ["tanh", "relu"], "bias_std": [0.0, 1.0]})
    )
    assert growth.rows == growth.columns == []
    residual = make_base(connection="residual")
    assert np.isnan(predict_growth(Grid(residual, {"depth": [4, 9], "seed": [1, 2]})).values).all()
