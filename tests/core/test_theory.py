"""Predictions against measured networks and closed forms, and for every possible experiment."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.core.catalog import Activation
from gradflow.core.codec import from_fields
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from gradflow.core.theory import Standing, predict
from gradflow.core.theory.predict import BACKWARD_COLUMNS, FORWARD_COLUMNS
from gradflow.core.theory.structures import predict_flow
from tests.core.oracles import list_linears, trace_signals

MEASURED = ("preactivation_rms", "preactivation_std", "activation_std", "activation_rms")
SIZE = {"depth": 7, "width": 512}
INPUTS = {"dimension": 256, "correlation": 0.2}
NUMERICS = {"batch_size": 64, "device": "cpu"}
WIDE = SIZE | NUMERICS | {"source": "gaussian"} | INPUTS


def without(fields: dict[str, Any], names: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def run_and_predict(**fields: Any) -> tuple[gf.Report, Any]:
    experiment = from_fields(fields)
    report = gf.run(experiment)
    return report, predict(experiment, report)


def measure_log_ratios(
    columns: tuple[str, ...],
    seeds: int,
    standing: Standing = Standing.QUANTITATIVE,
    **fields: Any,
) -> np.ndarray:
    """Measure the mean over seeds of ln(measured/predicted), shape (columns, layers)."""
    ratios = []
    for seed in range(seeds):
        report, prediction = run_and_predict(seed=seed, **fields)
        assert prediction.standing is standing, prediction.reasons
        ratios.append([np.log(report.layers[c] / getattr(prediction, c)) for c in columns])
    return np.mean(ratios, 0)


NORMS = [{}] + [
    {"normalization": norm, "norm_position": position}
    for norm in ("batch", "layer", "rms", "group")
    for position in ("before", "after")
]
STRUCTURES = {
    "plain": {},
    "residual": {"branch_scale": 0.7},
    "preactivation": {"branch_scale": 0.7},
    "dense": {"depth": 5},
}


@pytest.mark.parametrize("connection", STRUCTURES)
@pytest.mark.parametrize("norm", NORMS, ids=lambda norm: "-".join(norm.values()) or "none")
def test_every_structure_and_norm_as_measured(connection, norm):
    """One tanh network of each kind, in which a factor of 2 % per layer would show."""
    if connection == "residual" and norm == {"normalization": "batch", "norm_position": "after"}:
        return  # no law
    fields = WIDE | STRUCTURES[connection] | norm | {"connection": connection}
    fields |= {"groups": 4} if norm.get("normalization") == "group" else {}
    error = measure_log_ratios(
        MEASURED + BACKWARD_COLUMNS, 1, gain="custom", gain_value=1.3, **fields
    )
    assert np.abs(error[:4, :-1]).max() < 0.08
    assert np.abs(error[4:]).max() < 0.16


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"bias_std": 0.3},
        {"normalization": "batch", "batch_size": 24},
        {"normalization": "layer", "norm_position": "after"},
        {"normalization": "group", "groups": 8},
        {"connection": "residual", "block_size": 1},
        {"connection": "residual", "normalization": "layer"},
        {"connection": "residual", "zero_last": True, "initialization": "lsuv"},
        {"connection": "preactivation", "block_size": 3},
        {"connection": "preactivation", "widths": (300, 300, 400, 400, 200)},
        {"connection": "dense", "depth": 5},
        {"initialization": "lsuv"},
        {"initialization": "orthogonal", "gain": "recommended", "widths": (300, 200, 400, 150)},
    ],
    ids=str,
)
def test_relu_networks_as_measured(fields):
    """Networks differ by the band; the mean of three by less."""
    fields = {"activation": "relu", "initialization": "kaiming_normal"} | fields
    base = WIDE if "widths" not in fields else without(WIDE, SIZE)
    fields = base | fields
    with np.errstate(divide="ignore", invalid="ignore"):
        error = measure_log_ratios((*MEASURED[2:], *BACKWARD_COLUMNS), 3, **fields)
    error[:2, -1] = 0  # ten units of the readout say little
    known = np.isfinite(error)
    assert known.mean() > 0.6
    assert np.abs(error[known]).max() < 0.27


@pytest.mark.parametrize("activation", Activation)
def test_every_activation_as_measured(activation):
    columns = ("activation_mean", *MEASURED, *BACKWARD_COLUMNS, "saturated")
    report, prediction = run_and_predict(activation=activation, bias_std=0.3, **WIDE)
    assert prediction.standing is Standing.QUANTITATIVE
    for column in columns[1:-1]:
        ratio = (report.layers[column] / getattr(prediction, column))[:-1]
        assert_allclose(ratio, 1, atol=0.2, err_msg=column)
    scale = prediction.activation_rms[:-1]
    error = np.abs(report.layers["activation_mean"] - prediction.activation_mean)[:-1] / scale
    assert error.max() < 0.15
    saturated = report.layers["saturated"][:-1].to_numpy()
    assert_allclose(saturated, prediction.saturated[:-1], atol=0.07)
    assert np.isnan(prediction.saturated[-1])


def test_gaussian_networks_of_other_kinds_as_measured():
    """Each sample its own norm, uniform weights, narrow inputs, other losses."""
    for fields in (
        {"source": "digits", "initialization": "kaiming_uniform"},
        {"source": "moons", "loss": "mse"},
        {"initialization": "pytorch"},
        {"initialization": "truncated_normal", "init_std": 0.1},
        {"normalization": "batch", "norm_mode": "evaluation"},
    ):
        base = WIDE if "source" not in fields else without(WIDE, INPUTS)
        error = measure_log_ratios(MEASURED + BACKWARD_COLUMNS, 2, **base | fields)
        assert np.abs(error[:, :-1]).max() < 0.15


@pytest.mark.parametrize("source", ["digits", "gaussian"])
@pytest.mark.parametrize("position", ["before", "after"])
def test_batch_norm_keeps_its_course_in_a_hundred_layers(source, position):
    """The law of one factor per layer must not drift off, whatever the spread of the samples."""
    error = measure_log_ratios(
        ("delta_norm",),
        2,
        Standing.QUALITATIVE,
        depth=100,
        width=128,
        batch_size=64,
        source=source,
        activation="relu",
        initialization="kaiming_normal",
        normalization="batch",
        norm_position=position,
    )
    assert np.abs(error).max() < 1.0  # of up to 16 natural units of growth


def test_correlation_as_measured():
    for activation, connection in (("tanh", "plain"), ("relu", "plain"), ("relu", "residual")):
        experiment = from_fields(
            WIDE | {"activation": activation, "connection": connection, "width": 1000, "depth": 6}
        )
        inputs, _ = draw_batch(experiment.data, 0)
        model = build_network(experiment, inputs)
        trace = trace_signals(experiment.network, list_linears(model), inputs)
        report = gf.run(experiment)
        cosines = []
        for a in trace.a:
            unit = (a / a.norm(dim=1, keepdim=True)).detach().double()
            cosines.append(float((unit @ unit.T).sum() - len(a)) / (len(a) * (len(a) - 1)))
        correlation = predict(experiment, report).correlation
        assert_allclose(correlation[:-1], cosines[:-1], atol=0.04)


# --- closed forms of deep networks --------------------------------------------------------------


def predict_squares(**fields: Any) -> Any:
    return predict_flow(from_fields({"width": 64, "batch_size": 32} | fields))[0]


def test_gradient_of_he_networks_is_kept():
    flow = predict_squares(activation="relu", initialization="kaiming_normal", depth=30)
    assert_allclose(flow.delta[:-1], flow.delta[-2], rtol=1e-6)
    assert_allclose(np.array(flow.activation_grad)[:-1] / flow.delta[:-1], 2, rtol=1e-6)


def test_residual_branches_double_and_alpha_tames_them():
    he = {"activation": "relu", "initialization": "kaiming_normal"}
    he |= {"depth": 21, "block_size": 1, "connection": "preactivation"}
    delta = np.array(predict_squares(**he).delta)
    assert_allclose(delta[1:-2] / delta[2:-1], 2, rtol=1e-5)
    z = [s.mean_power for s in predict_squares(**he).preactivation]
    assert_allclose(np.array(z[2:-1]) / z[1:-2], 2, rtol=1e-5)
    tamed = np.array(predict_squares(branch_scale=1 / math.sqrt(19), **he).delta)
    assert tamed[0] / (tamed[18] * 19) == pytest.approx((1 + 1 / 19) ** 18, rel=1e-5)


def test_pre_layer_norm_grows_like_the_depth():
    """‖g_l‖²/‖g_L‖² = (L+1)/(l+1) for a linear branch behind a norm."""
    flow = predict_squares(
        activation="linear",
        initialization="lecun_normal",
        normalization="rms",
        connection="preactivation",
        block_size=1,
        depth=12,
        source="gaussian",
        width=4000,
        batch_size=2,
        dimension=4000,
    )
    blocks = 10
    delta = np.array(flow.delta[1:-1])  # α = 1: ∂L/∂z of a block's last layer is the stream's
    stream = np.arange(1, blocks + 1) + 1
    assert_allclose(delta / delta[-1], stream[-1] / stream, rtol=0.02)


def test_tanh_branches_grow_slowly():
    flow = predict_squares(connection="preactivation", block_size=1, depth=30, batch_size=1)
    q, delta = flow.preactivation[0].mean_power, np.array(flow.delta)
    z = np.random.default_rng(0).standard_normal(200_000)
    for layer in range(1, 5):
        a = np.tanh(math.sqrt(q) * z)
        slope = (1 - a**2) ** 2
        assert delta[layer - 1] / delta[layer] == pytest.approx(1 + slope.mean(), rel=0.01)
        q += (a**2).mean()


def test_dense_networks_weigh_by_their_width():
    """Per unit, the gradient's mean square is n_L/n_b (He weights on everything before)."""
    flow = predict_squares(
        connection="dense", activation="relu", initialization="kaiming_normal", depth=9
    )
    per_unit = np.array(flow.activation_grad[:-1]) / 64
    seen = 64 * np.arange(2, 10)  # features and outputs up to and with layer b
    assert_allclose(per_unit / per_unit[-1], seen[-1] / seen, rtol=1e-6)


def test_zero_branches_make_an_identity_network():
    flow = predict_squares(connection="preactivation", zero_last=True, block_size=2, depth=10)
    assert_allclose(flow.delta[2:-1:2], flow.delta[0], rtol=1e-9)
    assert_allclose(flow.delta[1:-1:2], 0)
    assert [z.mean_power == 0 for z in flow.preactivation] == [False] + [False, True] * 4 + [False]


def test_saturated_tanh_explodes():
    """χ ≈ σ_w²·(4/3)/√(2πq) with q ≈ σ_w²."""
    flow = predict_squares(initialization="normal", init_std=1.0, width=400, depth=6)
    assert flow.delta[1] / flow.delta[2] == pytest.approx(
        400 * 4 / 3 / math.sqrt(2 * math.pi * 400), rel=0.07
    )


def test_representative_units_follow_the_residual_chain():
    """h' = ReLU(h + z) for a million units, drawn at random."""
    flow = predict_squares(
        connection="residual",
        activation="relu",
        initialization="kaiming_normal",
        block_size=1,
        depth=10,
        batch_size=1,
    )
    rng = np.random.default_rng(0)
    h = np.maximum(rng.standard_normal(400_000) * math.sqrt(flow.preactivation[0].mean_power), 0)
    active, path = [h > 0], [h]
    for _ in range(8):
        h = h + rng.standard_normal(len(h)) * math.sqrt(2 * (h**2).mean())
        active.append(h > 0)
        h = np.maximum(h, 0)
        path.append(h)
    predicted = [output.signal.mean_power for output in flow.after[:-1]]
    assert_allclose(predicted, [(h**2).mean() for h in path], rtol=0.03)
    g = np.ones(len(h))
    norms = [g.mean()]
    for on in reversed(active[1:]):
        g = g * on
        g = g + 2 * g.mean()
        norms.append(g.mean())
    grad = np.array(flow.activation_grad[:-1])
    assert_allclose(grad / grad[-1], norms[::-1], rtol=0.03)


# --- anchor, band, standing ----------------------------------------------------------------------


def test_the_anchor_is_the_readout():
    fields = {"depth": 6, "width": 64}
    report, prediction = run_and_predict(**fields)
    assert prediction.delta_norm[-1] == report.layers["delta_norm"].iloc[-1]
    other, scaled = run_and_predict(loss="mse", **fields)
    factor = other.layers["delta_norm"].iloc[-1] / report.layers["delta_norm"].iloc[-1]
    # A squared error follows the outputs, which makes some per cent.
    assert_allclose(scaled.delta_norm, prediction.delta_norm * factor, rtol=0.2)
    assert scaled.delta_norm[0] > 1.02 * prediction.delta_norm[0] * factor
    assert_allclose(scaled.activation_rms, prediction.activation_rms)


def test_band():
    _, prediction = run_and_predict(widths=(100, 200, 400))
    inverse = np.array([1 / 100 + 1 / 200 + 1 / 400, 1 / 200 + 1 / 400, 1 / 400, 0])
    assert_allclose(prediction.band**2, np.exp(np.sqrt(5 * inverse)))


@pytest.mark.parametrize(
    ("fields", "standing", "words"),
    [
        ({}, "quantitative", ""),
        ({"initialization": "zeros"}, "none", "zero weights"),
        ({"initialization": "constant"}, "none", "copies"),
        ({"normalization": "batch", "batch_size": 3}, "none", "over 3 values"),
        ({"normalization": "group", "groups": 64}, "none", "over 2 values"),
        (
            {"normalization": "batch", "norm_position": "after", "connection": "residual"},
            "none",
            "residual",
        ),
        ({"normalization": "batch", "batch_size": 6}, "qualitative", "only 6 values"),
        ({"normalization": "group", "groups": 16}, "qualitative", "only 8 values"),
        ({"normalization": "batch", "source": "moons"}, "qualitative", "about 2"),
        (
            {"connection": "residual", "activation": "hardswish", "source": "moons"},
            "qualitative",
            "differ in size",
        ),
        ({"width": 32}, "qualitative", "wide layers"),
        ({"activation": "relu", "width": 40}, "qualitative", "64"),
        ({"activation": "relu", "depth": 190}, "qualitative", "so deep"),
        (
            {"activation": "gelu", "initialization": "kaiming_normal", "depth": 30},
            "qualitative",
            "unstable",
        ),
        ({"activation": "sigmoid", "dtype": "float16"}, "qualitative", "float16"),
        (
            {"activation": "linear", "initialization": "normal", "init_std": 10.0, "depth": 40},
            "qualitative",
            "overflow",
        ),
        (
            {"normalization": "batch", "source": "gaussian", "correlation": 1.0},
            "qualitative",
            "equal",
        ),
    ],
    ids=str,
)
def test_standing(fields, standing, words):
    _, prediction = run_and_predict(**{"width": 128, "depth": 8, "batch_size": 64} | fields)
    assert prediction.standing == standing
    assert bool(prediction.reasons) == (standing != "quantitative")
    assert any(words in str(reason) for reason in prediction.reasons) or not words
    if standing == "none":
        for column in (*FORWARD_COLUMNS, *BACKWARD_COLUMNS, "band"):
            assert np.isnan(getattr(prediction, column)).all()
        assert prediction.phase is None
        assert math.isnan(prediction.chi)


def test_settings_that_move_the_measurement_move_the_prediction():
    base = {
        "width": 96,
        "depth": 5,
        "connection": "preactivation",
        "activation": "elu",
        "normalization": "group",
        "initialization": "kaiming_normal",
        "source": "gaussian",
    }
    changes = (
        *({"depth": 6}, {"width": 104}, {"connection": "plain"}, {"block_size": 1}),
        *({"branch_scale": 0.5}, {"zero_last": True}, {"activation": "tanh"}, {"elu_alpha": 2.0}),
        *({"initialization": "orthogonal"}, {"gain": "one"}, {"bias_std": 0.5}, {"groups": 4}),
        *({"normalization": "rms"}, {"norm_position": "after"}, {"scale": 3.0}, {"loss": "mse"}),
        *({"correlation": 0.5}, {"dimension": 20}, {"batch_size": 32}, {"seed": 3}),
    )

    def predict_columns(**fields: Any) -> np.ndarray:
        prediction = run_and_predict(**base | fields)[1]
        return np.array([getattr(prediction, c)[:5] for c in (*FORWARD_COLUMNS, *BACKWARD_COLUMNS)])

    before = predict_columns()
    for change in changes:
        after = predict_columns(**change)
        assert not np.allclose(before, after, rtol=1e-9, equal_nan=True), change
