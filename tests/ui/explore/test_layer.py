"""One layer as a browser gets it, below gf/layer."""

import json
from typing import Any

import numpy as np
import pytest

import gradflow as gf
from gradflow.core.catalog import Connection
from gradflow.core.theory import predict
from gradflow.ui.explore.compute import pack_layer
from gradflow.ui.explore.flow import FlowView

DATA = gf.Data(batch_size=32)
TANH = gf.Experiment(network=gf.MLP(depth=6, width=32, activation="tanh"), data=DATA)
CONV = gf.Experiment(network=gf.ConvNet(depth=5, channels=4), data=DATA)


def read(experiment: gf.Experiment, layer: int) -> dict[str, Any]:
    return dict(json.loads(pack_layer(experiment, FlowView(), layer)))


@pytest.mark.parametrize("experiment", [TANH, CONV], ids=["mlp", "conv"])
@pytest.mark.parametrize("layer", [1, 3])
def test_both_factors_multiply_to_the_measured_one(experiment: gf.Experiment, layer: int) -> None:
    rows = read(experiment, layer)["factors"]
    weights, slopes, both = (row["measured"] for row in rows)
    norms = gf.run(experiment).layers["delta_norm"].to_numpy()
    assert both == pytest.approx(norms[layer - 1] / norms[layer], rel=1e-9)
    assert weights * slopes == pytest.approx(both, rel=1e-9)


def test_the_slopes_multiply_by_what_the_derivative_of_tanh_does() -> None:
    """Of δ = φ'(z) ∂L/∂a, the norm is between the smallest and largest slope times ‖∂L/∂a‖."""
    report = gf.run(TANH)
    for layer in (1, 4):
        factor = read(TANH, layer)["factors"][1]["measured"]
        values = report.histogram("activation", layer).edges
        slopes = 1 - np.array([values[0], values[-1]]) ** 2
        assert slopes.min() <= factor <= 1


def test_theory_stands_beside_what_is_measured() -> None:
    expected = predict(TANH, gf.run(TANH))
    weights, slopes, both = (row["theory"] for row in read(TANH, 2)["factors"])
    assert weights * slopes == pytest.approx(both)
    assert both == pytest.approx(expected.delta_norm[1] / expected.delta_norm[2])


def test_a_layer_without_factors_says_why() -> None:
    assert "straight from the loss" in read(TANH, 6)["note"]
    network = gf.MLP(depth=6, width=32, connection=Connection.RESIDUAL)
    content = read(gf.Experiment(network=network, data=DATA), 2)
    assert content["factors"] == []
    assert "several ways" in content["note"]


@pytest.mark.parametrize(("asked", "answered"), [(0, 1), (99, 6), (4, 4)])
def test_a_number_beyond_the_network_is_its_first_or_last_layer(asked: int, answered: int) -> None:
    assert read(TANH, asked)["layer"] == answered


def test_bars_hold_the_distribution() -> None:
    signal, gradient = read(TANH, 3)["histograms"]
    for drawn in (signal, gradient):
        assert max(drawn["bars"]) == 1
        assert min(drawn["bars"]) >= 0
    low, high = (float(end.replace("−", "-")) for end in signal["ends"])
    assert -1 <= low < 0 < high <= 1
