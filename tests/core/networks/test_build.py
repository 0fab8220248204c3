"""Weights: their distribution and seeds, and that no value of the modules' own start is left."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
from torch import nn

import gradflow as gf
from gradflow.core.catalog import ACTIVATIONS, Activation, Connection, Initialization
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from tests.core.oracles import list_linears


def build_mlp(data=None, seed=0, **network) -> nn.Module:
    data = gf.Data(source="gaussian", dimension=500, batch_size=64, **(data or {}))
    exp = gf.Experiment(
        network=gf.MLP(**{"widths": (400, 300)} | network), data=data, seed=seed, device="cpu"
    )
    return build_network(exp, draw_batch(exp.data, exp.seed)[0])


def compute_truncated_std() -> float:
    """Compute the σ of N(0, 1) given |x| ≤ 2, whose variance is 1 − 2·2·φ(2)/(2Φ(2) − 1)."""
    density = math.exp(-2) / math.sqrt(2 * math.pi)
    return math.sqrt(1 - 4 * density / math.erf(math.sqrt(2)))


# Var(W) as a function of fan_in and fan_out (THEORY.md), with the kurtosis of the distribution.
NORMAL, UNIFORM = 3.0, 1.8
VARIANCES = [
    ({"initialization": "normal", "init_std": 0.3}, lambda i, o: 0.09, NORMAL),
    ({"initialization": "uniform", "init_limit": 0.3}, lambda i, o: 0.03, UNIFORM),
    (
        {"initialization": "truncated_normal", "init_std": 0.3},
        lambda i, o: (0.3 * compute_truncated_std()) ** 2,
        NORMAL,
    ),
    ({"initialization": "lecun_normal"}, lambda i, o: 1 / i, NORMAL),
    ({"initialization": "lecun_uniform"}, lambda i, o: 1 / i, UNIFORM),
    ({"initialization": "xavier_normal"}, lambda i, o: 2 / (i + o), NORMAL),
    ({"initialization": "xavier_uniform"}, lambda i, o: 2 / (i + o), UNIFORM),
    ({"initialization": "kaiming_normal"}, lambda i, o: 2 / i, NORMAL),
    ({"initialization": "kaiming_uniform"}, lambda i, o: 2 / i, UNIFORM),
    ({"initialization": "kaiming_normal", "fan_mode": "fan_out"}, lambda i, o: 2 / o, NORMAL),
    ({"initialization": "kaiming_uniform", "fan_mode": "fan_out"}, lambda i, o: 2 / o, UNIFORM),
    ({"initialization": "xavier_normal", "gain": "one"}, lambda i, o: 2 / (i + o), NORMAL),
    ({"initialization": "kaiming_normal", "gain": "one"}, lambda i, o: 1 / i, NORMAL),
    (
        {"initialization": "xavier_uniform", "gain": "recommended"},  # tanh: 5/3
        lambda i, o: 25 / 9 * 2 / (i + o),
        UNIFORM,
    ),
    (
        {
            "initialization": "kaiming_uniform",
            "gain": "recommended",
            "activation": "leaky_relu",
            "negative_slope": 0.5,
        },
        lambda i, o: 2 / (1 + 0.25) / i,
        UNIFORM,
    ),
    (
        {"initialization": "xavier_normal", "gain": "custom", "gain_value": 3.0},
        lambda i, o: 9 * 2 / (i + o),
        NORMAL,
    ),
    ({"initialization": "orthogonal"}, lambda i, o: 1 / max(i, o), NORMAL),
    (
        {"initialization": "orthogonal", "gain": "custom", "gain_value": 2.0},
        lambda i, o: 4 / max(i, o),
        NORMAL,
    ),
    ({"initialization": "pytorch"}, lambda i, o: 1 / (3 * i), UNIFORM),
]


@pytest.mark.parametrize(("settings", "variance", "kurtosis"), VARIANCES)
def test_variance(settings, variance, kurtosis):
    for layer in list_linears(build_mlp(**settings)):
        w = layer.weight.detach().double()
        fan_out, fan_in = w.shape
        expected = variance(fan_in, fan_out)
        # Six standard errors of a sample variance and of a sample mean.
        error = 6 * math.sqrt((kurtosis - 1) / w.numel())
        assert w.square().mean().item() == pytest.approx(expected, rel=error)
        assert abs(w.mean().item()) < 6 * math.sqrt(expected / w.numel())
        if kurtosis == UNIFORM:
            limit = math.sqrt(3 * expected)
            assert 0.99 * limit < w.abs().max() <= limit * (1 + 1e-6)
        if settings["initialization"] == "truncated_normal":
            assert w.abs().max() <= 2 * 0.3 * (1 + 1e-6)


def test_every_initialization_is_tested_here():
    tested = {settings["initialization"] for settings, _, _ in VARIANCES}
    assert tested | {"zeros", "constant", "lsuv"} == set(map(str, Initialization))


@pytest.mark.parametrize(("code", "value"), [("zeros", 0.0), ("constant", 0.25)])
def test_equal_weights(code, value):
    settings = {"init_value": value} if code == "constant" else {}
    for layer in list_linears(build_mlp(initialization=code, **settings)):
        assert (layer.weight == value).all()
        assert (layer.bias == 0).all()


@pytest.mark.parametrize("gain", [1.0, 2.5])
@pytest.mark.parametrize("widths", [(300,), (700,)])
def test_orthogonal(widths, gain):
    model = build_mlp(initialization="orthogonal", widths=widths, gain="custom", gain_value=gain)
    for layer in list_linears(model):
        w = layer.weight.detach().double()
        product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        assert torch.allclose(product, gain**2 * torch.eye(len(product)).double(), atol=1e-4)


@pytest.mark.parametrize("connection", Connection)
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "rrelu"])
def test_lsuv_gives_every_layer_unit_variance_on_this_data(activation, connection):
    network = gf.MLP(
        depth=8, width=32, initialization="lsuv", activation=activation, connection=connection
    )
    report = gf.run(gf.Experiment(network=network, device="cpu"))
    assert np.allclose(report.layers["preactivation_std"], 1, rtol=2e-4)


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_lsuv_with_normalization(normalization):
    network = gf.MLP(depth=6, width=32, initialization="lsuv", normalization=normalization)
    report = gf.run(gf.Experiment(network=network, device="cpu"))
    assert np.allclose(report.layers["preactivation_std"], 1, rtol=2e-4)


def test_lsuv_leaves_no_trace_in_running_statistics():
    for module in build_mlp(initialization="lsuv", normalization="batch").modules():
        if isinstance(module, nn.BatchNorm1d):
            assert (module.running_mean == 0).all()
            assert (module.running_var == 1).all()
            assert module.num_batches_tracked == 0


def test_lsuv_keeps_weights_whose_output_is_constant():
    model = build_mlp(
        initialization="lsuv", data={"scale": 1e-6, "correlation": 1.0}, activation="relu"
    )
    assert all(layer.weight.isfinite().all() for layer in list_linears(model))


def test_the_pytorch_default_is_that_of_linear():
    model = build_mlp(initialization="pytorch", seed=5)
    torch.manual_seed(5)
    expected = [nn.Linear(500, 400), nn.Linear(400, 300), nn.Linear(300, 10)]
    for layer, plain in zip(list_linears(model), expected, strict=True):
        assert torch.equal(layer.weight, plain.weight)
        assert torch.equal(layer.bias, plain.bias)


@pytest.mark.parametrize("std", [0.0, 0.5])
def test_biases(std):
    for layer in list_linears(build_mlp(bias_std=std))[:2]:
        error = 6 * math.sqrt(2 / layer.bias.numel())
        assert layer.bias.square().mean().item() == pytest.approx(std**2, rel=error)


@pytest.mark.parametrize("code", [i for i in Initialization if i not in ("zeros", "constant")])
def test_seeds(code):
    models = [build_mlp(seed=seed, initialization=code) for seed in (1, 1, 2)]
    weights = [list_linears(model)[0].weight for model in models]
    assert torch.equal(weights[0], weights[1])
    assert not torch.isclose(weights[0], weights[2], rtol=0.1).all(1).any()
    assert not torch.equal(weights[0][0], weights[0][1])


@pytest.mark.parametrize("source", ["gaussian", "digits", "moons", "spirals"])
def test_the_global_random_state_is_left_alone(source):
    def state():
        numpy_state = np.random.get_state()  # noqa: NPY002
        return torch.get_rng_state().tolist(), numpy_state[1].tolist(), random.getstate()

    before = state()
    for activation in ("prelu", "rrelu"):
        network = gf.MLP(
            depth=4, width=8, activation=activation, initialization="lsuv", normalization="batch"
        )
        exp = gf.Experiment(
            network=network, data=gf.Data(source=source, batch_size=8), device="cpu"
        )
        build_network(exp, draw_batch(exp.data, exp.seed)[0])
        gf.run(exp)
    assert state() == before


START = {
    (nn.PReLU, "weight"): 0.25,
    (nn.BatchNorm1d, "running_var"): 1,
    **{(kind, "weight"): 1 for kind in (nn.BatchNorm1d, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm)},
}
"""What parameters and buffers start from, if not from 0; linear layers here are filled with 0."""


@pytest.mark.parametrize("connection", Connection)
@pytest.mark.parametrize("normalization", ["none", "batch", "layer", "rms", "group"])
@pytest.mark.parametrize("activation", Activation)
def test_nothing_is_left_uninitialized(activation, normalization, connection):
    model = build_mlp(
        widths=(16, 16, 16),
        activation=activation,
        normalization=normalization,
        connection=connection,
        initialization="zeros",
    )
    for module in model.modules():
        for name, tensor in [
            *module.named_parameters(recurse=False),
            *module.named_buffers(recurse=False),
        ]:
            assert tensor.device.type == "cpu"
            expected = START.get((type(module), name), 0)
            assert (tensor == expected).all(), (module, name)
    assert all(module.training for module in model.modules())


def test_evaluation_mode_is_for_batch_norm_alone():
    model = build_mlp(normalization="batch", norm_mode="evaluation", activation="rrelu")
    for module in model.modules():
        assert module.training != isinstance(module, nn.BatchNorm1d)


@pytest.mark.parametrize("connection", ["residual", "preactivation"])
def test_zero_last(connection):
    network = gf.MLP(
        depth=8,
        width=16,
        connection=connection,
        block_size=2,
        zero_last=True,
        initialization="pytorch",
    )
    report = gf.run(gf.Experiment(network=network, device="cpu"))
    zero = report.layers["weight_norm"] == 0
    assert report.layers["layer"][zero].tolist() == [3, 5, 7]


def test_the_readout_has_as_many_units_as_classes():
    for source, classes in (("digits", 10), ("gaussian", 10), ("moons", 2), ("spirals", 2)):
        exp = gf.Experiment(network=gf.MLP(depth=2), data=gf.Data(source=source), device="cpu")
        model = build_network(exp, draw_batch(exp.data, 0)[0])
        assert list_linears(model)[-1].out_features == classes


def test_every_activation_is_the_module_of_its_row():
    for activation in Activation:
        model = build_mlp(activation=activation)
        expected = type(ACTIVATIONS[activation].module(gf.MLP(activation=activation)))
        assert sum(type(module) is expected for module in model.modules()) == 2
