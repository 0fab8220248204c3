"""Facts of the activation functions, against closed forms and formulas written by hand."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.core.catalog import ACTIVATIONS, Activation, Initialization
from gradflow.core.errors import InvalidExperiment
from gradflow.core.teaching.activation_facts import ShownFunctions, find_facts, sample_function

INF = math.inf
LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772
ROOT = math.sqrt(2)

# Largest |φ'| and where; infimum and supremum, with the ends that are taken; flat sides; E φ = 0.
KNOWN = {
    "linear": (1, -INF, INF, -INF, INF, "", "", True),
    "sigmoid": (1 / 4, 0, 0, 0, 1, "", "lr", False),
    "tanh": (1, 0, 0, -1, 1, "", "lr", True),
    "hardtanh": (1, -1, 1, -1, 1, "lh", "lr", True),
    "softsign": (1, 0, 0, -1, 1, "", "lr", True),
    "relu": (1, 0, INF, 0, INF, "l", "l", False),
    "relu6": (1, 0, 6, 0, 6, "lh", "lr", False),
    "leaky_relu": (1, 0, INF, -INF, INF, "", "", False),
    "prelu": (1, 0, INF, -INF, INF, "", "", False),
    "rrelu": (1, 0, INF, -INF, INF, "", "", False),
    "elu": (1, 0, INF, -1, INF, "", "l", False),
    "selu": (LAMBDA * ALPHA, 0, 0, -LAMBDA * ALPHA, INF, "", "l", True),
    # φ'' = (2 − z²)·density is 0 at √2; the minima are roots of φ', to twelve digits by bisection.
    "gelu": (
        (1 + math.erf(1)) / 2 + ROOT * math.exp(-1) / math.sqrt(2 * math.pi),
        ROOT,
        ROOT,
        -0.169971207480,
        INF,
        "l",
        "l",
        False,
    ),
    "silu": (
        1.099839320128867,
        2.399357280520,
        2.399357280520,
        -0.278464542761,
        INF,
        "l",
        "l",
        False,
    ),
    "mish": (1.088498161251728, 1.490571152, 1.490571152, -0.308843413017, INF, "l", "l", False),
    "softplus": (1, INF, INF, 0, INF, "", "l", False),
    "hardswish": (1.5, 3, 3, -3 / 8, INF, "l", "l", False),
}


@pytest.mark.parametrize("activation", Activation)
def test_facts(activation):
    slope, low_z, high_z, low, high, taken, flat, centred = KNOWN[activation]
    facts = find_facts(gf.MLP(activation=activation))
    assert_allclose(facts.peak.slope, slope, rtol=2e-9)
    assert_allclose([facts.peak.low, facts.peak.high], [low_z, high_z], atol=1e-6)
    assert_allclose([facts.low, facts.high], [low, high], atol=2e-8)
    assert (facts.low_taken, facts.high_taken) == ("l" in taken, "h" in taken)
    assert (facts.flat_left, facts.flat_right) == ("l" in flat, "r" in flat)
    assert facts.zero_centred is centred


def test_numerical_extremes_are_roots():
    """The places above that have no closed form: the derivative changes its sign there."""

    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    def silu2(z):  # σ'·(2 + z(1 − 2σ))
        s = sigmoid(z)
        return s * (1 - s) * (2 + z * (1 - 2 * s))

    def silu1(z):
        s = sigmoid(z)
        return s * (1 + z * (1 - s))

    def mish1(z):
        t = math.tanh(math.log1p(math.exp(z)))
        return t + z * sigmoid(z) * (1 - t * t)

    assert silu2(2.399357280) > 0 > silu2(2.399357281)
    assert_allclose(silu1(2.399357280520), KNOWN["silu"][0], rtol=1e-12)
    assert_allclose(mish1(1.490571152), KNOWN["mish"][0], rtol=1e-12)
    assert mish1(1.490571152) > max(mish1(1.4904), mish1(1.4907))


@pytest.mark.parametrize(("alpha", "slope", "side"), [(0.5, 1, 0), (2.0, 2, -1)])
def test_elu_with_a_parameter(alpha, slope, side):
    facts = find_facts(gf.MLP(activation="elu", elu_alpha=alpha))
    assert_allclose([facts.peak.slope, facts.low], [slope, -alpha], rtol=1e-8)
    assert (facts.peak.low, facts.peak.side) == (0, side)


def test_leaky_slope_at_its_ends():
    flat = find_facts(gf.MLP(activation="leaky_relu", negative_slope=0.0))
    assert (flat.low, flat.flat_left) == (0, True)
    straight = find_facts(gf.MLP(activation="leaky_relu", negative_slope=1.0))
    assert (straight.peak.low, straight.peak.high) == (-INF, INF)


def compute_by_hand(z: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """φ and φ' of every row, as the catalog's two formulas say."""
    erf = np.array([math.erf(v / ROOT) for v in z])
    s, on, below = 1 / (1 + np.exp(-z)), (z > 0) * 1.0, (z < 0) * 1.0
    cdf, soft, t = (1 + erf) / 2, np.log1p(np.exp(z)), np.tanh(z)
    e, tm = np.exp(z), np.tanh(np.log1p(np.exp(z)))
    mean = (1 / 8 + 1 / 3) / 2

    def leaky(a):
        return np.maximum(0, z) + a * np.minimum(0, z), on + a * below

    return {
        "linear": (z, np.ones_like(z)),
        "sigmoid": (s, s * (1 - s)),
        "tanh": (t, 1 - t**2),
        "hardtanh": (np.clip(z, -1, 1), (abs(z) < 1) * 1.0),
        "softsign": (z / (1 + abs(z)), 1 / (1 + abs(z)) ** 2),
        "relu": (np.maximum(0, z), on),
        "relu6": (np.clip(z, 0, 6), on * (z < 6)),
        "leaky_relu": leaky(0.01),
        "prelu": leaky(0.25),
        "rrelu": leaky(mean),
        "elu": (np.maximum(0, z) + np.minimum(0, e - 1), on + e * (1 - on)),
        "selu": (
            LAMBDA * (np.maximum(0, z) + np.minimum(0, ALPHA * (e - 1))),
            LAMBDA * (on + ALPHA * e * (1 - on)),
        ),
        "gelu": (z * cdf, cdf + z / math.sqrt(2 * math.pi) * np.exp(-(z**2) / 2)),
        "silu": (z * s, s * (1 + z * (1 - s))),
        "mish": (z * tm, tm + z * s * (1 - tm**2)),
        "softplus": (soft, s),
        "hardswish": (
            z * np.clip(z + 3, 0, 6) / 6,
            (2 * z + 3) / 6 * (abs(z) < 3) + (z > 3),
        ),
    }


@pytest.mark.parametrize("activation", Activation)
def test_curves_are_the_formulas(activation):
    curve = sample_function(gf.MLP(activation=activation), 8)
    value, slope = compute_by_hand(curve.z)[activation]
    assert_allclose(curve.value, value, atol=1e-12)
    drawn = ~np.isnan(curve.slope)
    assert_allclose(curve.slope[drawn], slope[drawn], atol=1e-12)
    corners = {
        "hardtanh": [-1, 1],
        "relu": [0],
        "relu6": [0, 6],
        "leaky_relu": [0],
        "prelu": [0],
        "rrelu": [0],
        "selu": [0],
        "hardswish": [-3, 3],
    }
    assert_allclose(curve.z[~drawn], corners.get(activation, []), atol=1e-8)
    assert (curve.z[0], curve.z[-1]) == (-8, 8)
    assert (curve.low_slope == 1 / 8 and abs(curve.high_slope - 1 / 3) < 1e-12) is (
        activation == "rrelu"
    )


def test_moments_of_the_table():
    """Closed forms for N(0, 1): E ReLU = 1/√2π, Var = ½ − 1/2π, E φ'² = ½; GELU's mean 1/√4π."""
    relu, gelu = (find_facts(gf.MLP(activation=a)) for a in ("relu", "gelu"))
    assert_allclose(relu.mean, 1 / math.sqrt(2 * math.pi), rtol=1e-9)
    assert_allclose(relu.variance, 0.5 - 1 / (2 * math.pi), rtol=1e-9)
    assert_allclose(relu.slope_power, 0.5, rtol=1e-9)
    assert_allclose(gelu.mean, 1 / math.sqrt(4 * math.pi), rtol=1e-9)


@pytest.mark.parametrize("activation", Activation)
def test_every_row_names_its_initialization_and_paper(activation):
    row = ACTIVATIONS[activation]
    assert Initialization(row.initialization)
    assert row.paper == "classical" or re.search(r"[A-Z]\w+.* (19|20)\d\d", row.paper)
    assert row.derivative.count("{") == row.derivative.count("}")
    others = {"linear": "lecun_normal", "selu": "lecun_normal"} | dict.fromkeys(
        ("sigmoid", "tanh", "hardtanh", "softsign", "softplus"), "xavier_normal"
    )
    assert row.initialization == others.get(activation, "kaiming_normal")  # which gate like ReLU


def test_shown_functions_from_text():
    spec = ShownFunctions(shown="leaky_relu-tanh-leaky_relu", negative_slope=0.3)
    assert spec.shown == ("leaky_relu", "tanh")
    assert [f.negative_slope for f in spec.list_functions()] == [0.3, 0.01]
    assert "negative_slope" in ShownFunctions.list_applicable(dict(spec))
    assert "elu_alpha" not in ShownFunctions.list_applicable(dict(spec))
    assert ShownFunctions(shown="").shown == ()
    with pytest.raises(InvalidExperiment, match=r'shown: "nonsense" .* softplus'):
        ShownFunctions(shown="tanh-nonsense")
    with pytest.raises(InvalidExperiment, match=r"reach: 51 .* from 1 to 50"):
        ShownFunctions(reach=51)
