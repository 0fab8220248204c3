"""Theory of convolutional networks and transformers: closed forms and measured networks."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from numpy.testing import assert_allclose
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.catalog import Connection, Downsampling, Initialization, Normalization
from gradflow.core.codec import from_fields
from gradflow.core.ensemble import run_seeds
from gradflow.core.theory import Standing, predict
from gradflow.core.theory.attention import activate_pairs, predict_transformer_flow
from gradflow.core.theory.images import make_window, predict_image_flow
from gradflow.core.theory.moments import get_activation_law
from gradflow.core.theory.predict import BACKWARD_COLUMNS, FORWARD_COLUMNS
from tests.core.strategies import experiments

CONV = {"architecture": "conv", "channels": 64, "batch_size": 16, "device": "cpu"}
TRANSFORMER = {"architecture": "transformer", "width": 128, "batch_size": 32, "device": "cpu"}
NOISE = {"source": "gaussian", "image_size": 10}
MEASURED: dict[str, dict[str, Any]] = {
    "zero padding": CONV | NOISE | {"depth": 8},
    "circular padding, strides": CONV
    | {"depth": 8, "padding": "circular", "downsampling": "stride", "activation": "elu"},
    "zero padding, strides, pre-activation": CONV
    | {"depth": 9, "connection": "preactivation", "downsampling": "stride", "kernel": 5},
    "dense, group norm": CONV
    | {
        "depth": 6,
        "connection": "dense",
        "growth_rate": 32,
        "normalization": "group",
        "groups": 2,
        "activation": "relu",
        "initialization": "kaiming_normal",
    },
    "layer norm behind": CONV
    | {"depth": 8, "normalization": "layer", "norm_position": "after", "activation": "silu"},
    "pre-norm": TRANSFORMER | {"depth": 6, "weight_std": 0.08, "scaled_output": False},
    "post-norm": TRANSFORMER | {"depth": 4, "norm_placement": "post", "weight_std": 0.08},
    "no norm": TRANSFORMER | {"depth": 4, "norm_placement": "none", "activation": "tanh"},
}


@pytest.mark.parametrize("name", MEASURED)
def test_the_median_of_seeds_is_as_predicted(name):
    experiment = from_fields(MEASURED[name])
    prediction = predict(experiment, gf.run(experiment))
    assert prediction.standing is Standing.QUANTITATIVE, prediction.reasons
    ensemble = run_seeds(experiment, 5)
    anchor = ensemble.values["delta_norm"][:, -1:] / prediction.delta_norm[-1]
    for column in ("delta_norm", "activation_grad_norm", "activation_rms", "preactivation_std"):
        scale = anchor if column.endswith("norm") else 1.0
        measured = np.median(ensemble.values[column] / scale, axis=0)
        error = np.log(measured / getattr(prediction, column))[:-1]
        assert np.abs(error).max() < math.log(1.25), column
    mean = np.median(ensemble.values["activation_mean"], axis=0)
    assert_allclose(mean[:-1], prediction.activation_mean[:-1], atol=0.12)


WIDE_CONV = {"architecture": "conv", "channels": 512, "depth": 4, "batch_size": 8, "device": "cpu"}
WIDE_TRANSFORMER = TRANSFORMER | {"width": 512, "depth": 1, "batch_size": 16}
WIDE: dict[str, dict[str, Any]] = {
    "zero padding": WIDE_CONV,
    "circular padding": WIDE_CONV | {"padding": "circular"},
    "strides": WIDE_CONV | {"downsampling": "stride", "stages": 2},
    "group norm": WIDE_CONV | {"normalization": "group", "groups": 8, "activation": "silu"},
    "RMS norm behind": WIDE_CONV | {"normalization": "rms", "norm_position": "after"},
    "pre-activation": WIDE_CONV | {"connection": "preactivation", "block_size": 1},
    "a linear stream": WIDE_CONV
    | {"connection": "preactivation", "block_size": 1, "activation": "linear", "kernel": 1},
    "dense": WIDE_CONV | {"connection": "dense", "growth_rate": 128},
    "pre-norm": WIDE_TRANSFORMER,
    "post-norm": WIDE_TRANSFORMER | {"norm_placement": "post"},
    "no norm": WIDE_TRANSFORMER | {"norm_placement": "none"},
}


@pytest.mark.parametrize("name", WIDE)
def test_wide_networks_are_as_predicted(name):
    """One network of 512 units, in which a factor of 10 % would show."""
    experiment = from_fields(WIDE[name])
    report = gf.run(experiment)
    prediction = predict(experiment, report)
    assert prediction.standing is Standing.QUANTITATIVE, prediction.reasons
    for column in ("delta_norm", "activation_grad_norm", "activation_rms", "preactivation_std"):
        ratio = (report.layers[column] / getattr(prediction, column))[:-1]
        assert_allclose(ratio, 1, atol=0.12, err_msg=column)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("circular", [False, True])
def test_windows_are_those_of_a_convolution(stride, circular):
    """Σ over the taps forward, and its adjoint backward, as conv2d and autograd have them."""
    x = torch.rand(1, 1, 9, 9, dtype=torch.float64, requires_grad=True)
    ones = torch.ones(1, 1, 5, 5, dtype=torch.float64)
    padded = F.pad(x, (2,) * 4, mode="circular" if circular else "constant")
    out = F.conv2d(padded, ones, stride=stride)
    gradient = torch.rand_like(out)
    (back,) = torch.autograd.grad(out, x, gradient)
    window = make_window(9, 5, stride, circular)
    assert_allclose(window @ x.detach()[0, 0].numpy() @ window.T, out.detach()[0, 0])
    assert_allclose(window.T @ gradient[0, 0].numpy() @ window, back[0, 0])


@pytest.mark.parametrize("padding", ["zero", "circular"])
def test_the_border_loses_power(padding):
    """((3H − 2)/3H)² of the signal at the first layer, and of the gradient at each linear one."""
    experiment = from_fields(
        CONV
        | NOISE
        | {"activation": "linear", "initialization": "lecun_normal", "depth": 3, "padding": padding}
        | {"batch_size": 512, "channels": 8}
    )
    flow, _ = predict_image_flow(experiment)
    factor = (28 / 30) ** 2 if padding == "zero" else 1.0
    assert flow.preactivation[0].mean_power == pytest.approx(factor, rel=0.03)
    assert flow.activation_grad[0] / flow.delta[1] == pytest.approx(factor, rel=1e-9)


@pytest.mark.parametrize("activation", ["gelu", "relu", "tanh"])
def test_pairs_of_tokens(activation):
    """E φφ and E φ'φ' of correlated normal numbers, drawn a million times."""
    rng = np.random.default_rng(0)
    covariance = np.array([[1.0, 0.6, -0.4], [0.6, 1.0, 0.1], [-0.4, 0.1, 1.0]])
    law = get_activation_law(gf.MLP(activation=activation))
    u = torch.from_numpy(rng.standard_normal((1_000_000, 3)) @ np.linalg.cholesky(covariance).T)
    u.requires_grad_()
    value = law.module(u)
    (slope,) = torch.autograd.grad(value.sum(), u)
    value = value.detach()
    values, slopes = activate_pairs(law, covariance[None])
    assert_allclose(values[0], value.T @ value / len(u), atol=0.01)
    assert_allclose(slopes[0], slope.T @ slope / len(u), atol=0.01)


def test_a_stream_of_equal_tokens_grows_as_counted():
    """Pre-norm: attention of equal tokens is the identity, and each branch adds a constant."""
    experiment = from_fields(
        TRANSFORMER
        | {"activation": "linear", "depth": 3, "weight_std": 0.05, "scaled_output": False}
    )
    flow, laws = predict_transformer_flow(experiment)
    weight = 128 * 0.05**2
    perceptron = flow.preactivation[4].mean_power  # last weight of the first block
    assert perceptron == pytest.approx(4 * weight * weight, rel=1e-3)
    attention = flow.preactivation[2].mean_power
    assert weight * weight / 8 < attention < weight * weight  # between averaged and equal tokens
    assert laws.largest_logit < 1


def test_the_gradient_of_a_pre_norm_stream_grows_like_that_of_a_stream():
    """A linear perceptron alone: ‖g_l‖²/‖g_L‖² is the ratio of the streams' powers."""
    fields = TRANSFORMER | {"activation": "linear", "weight_std": 1e-3, "residual_scale": 1.0}
    tamed, _ = predict_transformer_flow(from_fields(fields | {"depth": 4}))
    assert_allclose(tamed.delta[2:-1:2], tamed.delta[2], rtol=0.01)  # branches add nothing


@pytest.mark.parametrize(
    "fields",
    [
        TRANSFORMER | {"depth": 3},
        TRANSFORMER | {"depth": 3, "norm_placement": "post"},
        {"connection": "preactivation", "widths": (128, 160, 192, 256, 128, 128)},
        {"connection": "residual", "depth": 12, "width": 256, "norm_position": "after"}
        | {"normalization": "layer"},
    ],
    ids=str,
)
def test_the_residual_stream_as_measured(fields):
    experiment = from_fields(fields | {"device": "cpu"})
    report = gf.run(experiment)
    stream = predict(experiment, report).stream
    assert_allclose(stream.layers, report.stream.layers["layer"])
    for column in ("activation_rms", "activation_std", "activation_grad_norm"):
        assert_allclose(getattr(stream, column), report.stream.layers[column], rtol=0.1)


def has_law(experiment: gf.Experiment) -> bool:
    """Say what is implemented, by hand."""
    network = experiment.network
    if isinstance(network, gf.Transformer):
        return True
    if network.initialization in (Initialization.ZEROS, Initialization.CONSTANT):
        return False
    if isinstance(network, gf.ConvNet):
        return (
            network.connection is not Connection.RESIDUAL
            and network.downsampling in (Downsampling.NONE, Downsampling.STRIDE)
            and network.normalization is not Normalization.INSTANCE
            and network.initialization is not Initialization.LSUV
        )
    after = network.normalization is Normalization.BATCH and network.norm_position == "after"
    training = network.norm_mode == "training"
    return not (network.connection is Connection.RESIDUAL and after and training)


@given(experiments())
@settings(max_examples=60)
def test_every_experiment_has_a_prediction(experiment):
    """Never an exception, never a warning, always the report's length; no label without a law."""
    report = gf.run(from_fields({"depth": 2, "width": 2, "batch_size": 2, "device": "cpu"}))
    count = len(experiment.network.list_layers(experiment.data))
    layers = report.layers.iloc[[0] * (count - 1) + [1]].reset_index(drop=True)
    layers["layer"] = np.arange(1, count + 1)
    prediction = predict(experiment, dataclasses.replace(report, layers=layers))
    for column in (*FORWARD_COLUMNS, *BACKWARD_COLUMNS, "band", "layers"):
        assert getattr(prediction, column).shape == (count,)
    assert (prediction.standing is Standing.QUANTITATIVE) == (not prediction.reasons)
    if not has_law(experiment):
        assert prediction.standing is Standing.NONE
        assert np.isnan(prediction.delta_norm).all()
    if prediction.standing is Standing.QUANTITATIVE:
        assert min(getattr(experiment.network, "hidden_widths", (48,)), default=48) >= 32
        assert np.isfinite(prediction.delta_norm).all()
