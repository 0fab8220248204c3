"""Gaussian moments, fixed points and phases, against closed forms and Monte Carlo."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.core.catalog import INITIALIZATIONS, Activation, Initialization
from gradflow.core.codec import from_fields
from gradflow.core.networks.build import build_network
from gradflow.core.theory import Phase
from gradflow.core.theory.fixed_points import (
    FixedPoint,
    find_fixed_point,
    find_variance_fixed_point,
)
from gradflow.core.theory.moments import find_kinks, get_activation_law
from gradflow.core.theory.structures import predict_flow
from tests.core.oracles import list_linears

Q = np.exp(np.linspace(math.log(1e-12), math.log(1e6), 19))


def get_law(activation: str, **parameters: float):
    return get_activation_law(gf.MLP(activation=activation, **parameters))


def find_point(**settings: object) -> FixedPoint:
    """Find the fixed point of an experiment's layers."""
    flow, network = predict_flow(from_fields(settings))
    return find_fixed_point(network, flow.preactivation[-2])


def arc(c: np.ndarray) -> np.ndarray:
    """E of ReLU(u₁)ReLU(u₂) at q = 1, times 2 (Cho & Saul 2009)."""
    return (np.sqrt(1 - c**2) + (math.pi - np.arccos(c)) * c) / math.pi


@pytest.mark.parametrize(("activation", "a"), [("relu", 0.0), ("leaky_relu", 0.2), ("prelu", 0.25)])
def test_moments_of_straight_pieces(activation, a):
    moments = get_law(activation, **({"negative_slope": a} if a == 0.2 else {})).compute_moments(Q)
    assert_allclose(moments.mean, (1 - a) * np.sqrt(Q / (2 * math.pi)), rtol=1e-7)
    assert_allclose(moments.power, (1 + a**2) * Q / 2, rtol=1e-7)
    assert_allclose(moments.slope, (1 + a**2) / 2, rtol=1e-7)


def test_moments_of_random_slopes():
    low, high = 1 / 8, 1 / 3
    square = (high**3 - low**3) / (3 * (high - low))
    moments = get_law("rrelu").compute_moments(Q)
    assert_allclose(moments.power, (1 + square) * Q / 2, rtol=1e-6)
    assert_allclose(moments.slope, (1 + square) / 2, rtol=1e-6)
    assert_allclose(moments.mean, (1 - (low + high) / 2) * np.sqrt(Q / (2 * math.pi)), rtol=1e-6)


def test_moments_of_clipped_and_smooth_pieces():
    """E hardtanh² and E hardtanh'² by erf; GELU by its closed form (Tsuchida et al. 2021)."""
    x = 1 / np.sqrt(2 * Q)
    inside = np.array([math.erf(v) for v in x])
    density = np.exp(-(x**2)) / np.sqrt(math.pi)
    moments = get_law("hardtanh").compute_moments(Q)
    power = Q * (inside - 2 * x * density) + 1 - inside
    assert_allclose(moments.slope, inside, rtol=1e-6)
    usable = (Q > 1e-8) & (Q < 1e3)  # elsewhere the closed form cancels
    assert_allclose(moments.power[usable], power[usable], rtol=1e-6)
    gelu = get_law("gelu").compute_moments(Q)
    root = np.sqrt(1 + 2 * Q)
    power = Q / 4 + Q / (2 * math.pi) * (np.arcsin(Q / (1 + Q)) + 2 * Q / ((1 + Q) * root))
    assert_allclose(gelu.power, power, rtol=1e-6)
    assert_allclose(gelu.mean, Q / np.sqrt(2 * math.pi * (1 + Q)), rtol=1e-6)


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("q", [1e-9, 0.4, 30.0, 1e5])
def test_moments_of_every_activation(activation, q):
    """A plain sum over 400,001 points, with the slope from finite differences."""
    if activation == "rrelu":
        return  # random: see above
    phi = get_law(activation).module
    z = torch.linspace(-9, 9, 400_001, dtype=torch.float64)
    weight = torch.exp(-(z**2) / 2)
    weight /= weight.sum()
    u = math.sqrt(q) * z
    value = phi(u)
    mean = float(weight @ value)
    step = float(u[1] - u[0])
    slope = (phi(u + step / 2) - phi(u - step / 2)) / step
    moments = get_law(activation).compute_moments(np.array([q]))
    scale = float(weight @ value**2) ** 0.5
    assert_allclose(moments.mean[0], mean, rtol=1e-5, atol=1e-9 * scale)
    assert_allclose(moments.variance[0], float(weight @ (value - mean) ** 2), rtol=1e-5)
    assert_allclose(moments.slope[0], float(weight @ slope**2), rtol=2e-4 + step / 3)


def test_moments_without_signal_and_beyond_the_table():
    for activation in ("tanh", "sigmoid", "relu"):
        nothing = get_law(activation).compute_moments(np.zeros(1))
        assert nothing.variance[0] == 0
    assert get_law("sigmoid").compute_moments(np.zeros(1)).mean[0] == 0.5
    assert get_law("tanh").compute_moments(np.zeros(1)).slope[0] == 1
    assert_allclose(
        get_law("relu").compute_moments(np.array([1e-40, 1e60])).power, [5e-41, 5e59], rtol=1e-6
    )
    assert_allclose(get_law("tanh").compute_moments(np.array([1e40])).power, 1, rtol=1e-2)
    slope = get_law("tanh").compute_moments(np.array([1e10])).slope
    assert_allclose(slope, 4 / 3 / math.sqrt(2 * math.pi * 1e10), rtol=1e-4)


def test_kinks_are_found():
    expected = {
        "relu": [0],
        "hardtanh": [-1, 1],
        "relu6": [0, 6],
        "hardswish": [-3, 3],
        "selu": [0],
    }
    expected |= {smooth: [] for smooth in ("tanh", "gelu", "softsign", "linear")}
    for activation, kinks in expected.items():
        assert_allclose(find_kinks(get_law(activation).module), kinks, atol=1e-8)
    assert_allclose(find_kinks(get_law("elu", elu_alpha=2.0).module), [0], atol=1e-8)


def test_saturation_is_the_normal_distribution_at_the_cut():
    def tail(x: float) -> float:
        return math.erfc(x / math.sqrt(2)) / 2

    q = np.array([0.5, 2.0, 50.0])
    cuts = {
        "tanh": (math.atanh(0.97), 2),
        "sigmoid": (math.log(0.985 / 0.015), 2),
        "hardtanh": (1.0, 2),
        "relu6": (6.0, 1),
        "elu": (-math.log(0.0591), 1),
        "softsign": (1 / 0.0591**0.5 - 1, 2),
    }
    for activation, (cut, sides) in cuts.items():
        expected = np.mean([sides * tail(cut / math.sqrt(v)) for v in q])
        assert get_law(activation).compute_saturated_share(q) == pytest.approx(expected, rel=1e-5)
    assert math.isnan(get_law("relu").compute_saturated_share(q))


def test_correlation_of_two_outputs():
    c = np.array([-0.9, -0.3, 0.0, 0.4, 0.95, 0.999, 1.0])
    assert_allclose(get_law("relu").compute_cosine(3.0, c), arc(c), atol=1e-3)
    q = 2.0  # GELU has no simple form; erf is not in the catalog; so sample
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 400_000))
    for correlation in (-0.5, 0.6):
        other = correlation * first + math.sqrt(1 - correlation**2) * second
        for activation in ("tanh", "sigmoid", "gelu", "hardtanh"):
            phi = get_law(activation).module
            a, b = (phi(torch.from_numpy(math.sqrt(q) * v)).numpy() for v in (first, other))
            expected = (a * b).mean() / math.sqrt((a**2).mean() * (b**2).mean())
            cosine = get_law(activation).compute_cosine(q, np.array([correlation]))[0]
            assert cosine == pytest.approx(expected, abs=5e-3)


def test_random_slopes_part_equal_samples():
    low, high = 1 / 8, 1 / 3
    mean, square = (low + high) / 2, (high**3 - low**3) / (3 * (high - low))
    assert_allclose(
        get_law("rrelu").compute_cosine(1.0, np.ones(1)), (1 + mean**2) / (1 + square), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("bias", "critical"), [(0.01, 1.424), (0.05, 1.761), (0.1, 1.986), (0.3, 2.505)]
)
def test_critical_points_of_tanh(bias, critical):
    tanh = get_law("tanh")
    chi = []
    for gain in (critical - 0.003, critical + 0.003):
        q = find_variance_fixed_point(tanh, gain, bias, 1.0)
        assert gain * tanh.compute_moments(np.array([q])).power[0] + bias == pytest.approx(q)
        chi.append(gain * tanh.compute_moments(np.array([q])).slope[0])
    assert chi[0] < 1 < chi[1]


def test_fixed_points_at_the_ends():
    assert find_variance_fixed_point(get_law("tanh"), 0.9, 0.0, 1.0) == 0
    assert find_variance_fixed_point(get_law("relu"), 2.5, 0.0, 1.0) == math.inf
    # With this gain every q is a fixed point.
    assert find_variance_fixed_point(get_law("relu"), 2.0, 0.0, 0.7) == 0.7
    assert find_variance_fixed_point(get_law("relu"), 1.0, 0.3, 9.0) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("settings", "chi"),
    [
        ({"activation": "relu", "initialization": "kaiming_normal"}, 1.0),
        ({"activation": "relu", "initialization": "lecun_normal"}, 0.5),
        (
            {"activation": "leaky_relu", "negative_slope": 0.5, "initialization": "kaiming_normal"},
            1.25,
        ),
        ({"activation": "tanh"}, 1.0),
        ({"activation": "tanh", "initialization": "pytorch"}, 1 / 3),
        ({"activation": "linear", "gain": "custom", "gain_value": 1.5}, 2.25),
    ],
)
def test_chi_and_phase(settings, chi):
    point = find_point(depth=8, width=128, **settings)
    assert point.chi == pytest.approx(chi, rel=1e-2)
    if chi == 1:
        assert point.phase is Phase.CRITICAL
        assert point.depth_scale > 200
    else:
        assert point.phase is (Phase.CHAOTIC if chi > 1 else Phase.ORDERED)
        assert point.depth_scale == pytest.approx(1 / abs(math.log(chi)), rel=2e-2)


@pytest.mark.parametrize(
    ("normalization", "activation", "chi"),
    [
        ("batch", "relu", math.pi / (math.pi - 1)),
        ("batch", "tanh", 1.178),
        ("batch", "sigmoid", 1.034),
        ("batch", "selu", 1.072),
        ("batch", "elu", 1.079),
        ("batch", "gelu", 1.319),
        ("batch", "silu", 1.212),
        ("layer", "relu", 1.0),
        ("layer", "tanh", 1.178),
        ("layer", "gelu", 1.072),
        ("rms", "sigmoid", 0.153),
    ],
)
def test_chi_behind_a_normalization(normalization, activation, chi):
    point = find_point(
        depth=4,
        width=4096,
        source="gaussian",
        batch_size=1000,
        dimension=500,
        normalization=normalization,
        activation=activation,
        initialization="lecun_normal",
    )
    assert point.chi == pytest.approx(chi, rel=6e-3)


@pytest.mark.parametrize("batch", [16, 40])
@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_batch_norm_over_few_samples(activation, batch):
    point = find_point(
        depth=12,
        width=256,
        normalization="batch",
        activation=activation,
        source="gaussian",
        dimension=512,
        batch_size=batch,
    )
    c = -1 / (batch - 1)
    zeroth, first = 1 - math.acos(c) / math.pi, float(arc(np.array(c)))
    exact = {
        "linear": (batch - 2) / (batch - 3),
        "relu": ((batch - 1 + zeroth) / (1 - first) - 1) / (batch - 3),
    }
    assert point.chi == pytest.approx(exact[activation], rel=3e-3)


def test_tanh_at_criticality_decays_as_a_power():
    flow, _ = predict_flow(
        from_fields({"depth": 200, "width": 64, "initialization": "lecun_normal"})
    )
    assert flow.preactivation[190].mean_power == pytest.approx(1 / (2 * 191), rel=0.05)


@pytest.mark.parametrize("initialization", Initialization)
def test_variance_of_the_weights(initialization):
    """Against the weights as they are drawn, in a wide, a narrow and a square layer."""
    row = INITIALIZATIONS[initialization]
    fields = {"initialization": initialization, "widths": (900, 300, 300)}
    parameters = {"init_std": 0.3, "init_limit": 0.3, "fan_mode": "fan_out"}
    fields |= {name: value for name, value in parameters.items() if name in row.parameters}
    if "gain" in row.parameters:
        fields |= {"gain": "custom", "gain_value": 1.7}
    # On inputs of zeros LSUV keeps its orthogonal start.
    experiment = from_fields(fields)
    if row.variance is None:
        assert initialization == "constant"
        return
    for layer in list_linears(build_network(experiment, torch.zeros(2, 64))):
        weight = layer.weight.detach().double()
        expected = row.variance(experiment.network, layer.in_features, layer.out_features)
        error = 6 / math.sqrt(weight.numel())
        assert float((weight**2).mean()) == pytest.approx(expected, rel=error, abs=1e-12)
