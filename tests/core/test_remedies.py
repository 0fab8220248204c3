"""Cures: what they change, what they claim, and how they are ranked (THEORY.md)."""

from __future__ import annotations

import dataclasses
import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradflow as gf
from gradflow.core.remedies import (
    REMEDIES,
    CureOutcome,
    Situation,
    find_applicable,
    measure_unevenness,
    try_all,
)
from tests.core.strategies import experiments

SIGMOID = {
    "depth": 24,
    "width": 32,
    "activation": "sigmoid",
    "initialization": "lecun_normal",
}
TANH = {
    "depth": 24,
    "width": 32,
    "activation": "tanh",
    "initialization": "normal",
    "init_std": 1.0,
}


def build_experiment(network: dict[str, object], seed: int = 0, **rest: object) -> gf.Experiment:
    data = gf.Data(batch_size=32)
    return gf.Experiment(network=gf.MLP(**network), data=data, seed=seed, **rest)


@cache
def run_trial(name: str, seed: int = 0) -> tuple[gf.Report, dict[str, CureOutcome]]:
    spec = build_experiment({"sigmoid": SIGMOID, "tanh": TANH}[name], seed)
    before = gf.run(spec)
    return before, {outcome.code: outcome for outcome in try_all(spec, before, gf.run)}


def replace_norms(report: gf.Report, norms: list[float]) -> gf.Report:
    """``report`` with as many layers as ``norms`` and these ‖δ_l‖, the readout's last."""
    layers = pd.concat([report.layers.iloc[:1]] * len(norms), ignore_index=True)
    layers = layers.assign(layer=range(1, len(norms) + 1), delta_norm=norms, saturated=math.nan)
    return dataclasses.replace(report, layers=layers)


@pytest.mark.parametrize(
    ("norms", "decades"),
    [
        ([1e-3, 10.0, 0.1, 1e9], 4.0),
        ([2.0, 2.0, 2.0, 0.0], 0.0),  # the readout does not count
        ([5.0, 1e-200, 1e100, 1.0], 300.0),
        ([1.0, 0.0, 1.0, 1.0], math.inf),
        ([math.nan, 1.0, 1.0, 1.0], math.inf),
        ([1.0, math.inf, 1.0, 1.0], math.inf),
        ([3.0], 0.0),
    ],
)
def test_unevenness_by_hand(norms: list[float], decades: float) -> None:
    report = replace_norms(run_trial("sigmoid")[0], norms)
    assert measure_unevenness(report) == pytest.approx(decades, abs=1e-9)


def fit_factor(report: gf.Report) -> float:
    norm = report.layers["delta_norm"].to_numpy()[:-1]
    x = np.arange(len(norm)) - (len(norm) - 1) / 2
    return math.exp(-(x @ np.log(norm)) / (x @ x))


def compute_wanted_scale(report: gf.Report) -> float:
    """One over the factor, more where units are saturated."""
    return fit_factor(report) ** -(1 + report.layers["saturated"].to_numpy()[:-1].mean())


def test_what_each_cure_changes_in_a_vanishing_network() -> None:
    network = {
        **SIGMOID,
        "initialization": "kaiming_uniform",
        "fan_mode": "fan_out",
        "gain": "one",
        "bias_std": 0.05,
    }
    spec = build_experiment(network, seed=3, learning_rate=0.1)
    report = gf.run(spec)
    he = {"initialization": "kaiming_normal", "gain": "standard"}
    leaky = {"initialization": "kaiming_normal", "gain": "recommended"}
    drop = dict.fromkeys(("fan_mode", "gain"))
    changes: dict[str, dict[str, object]] = {
        "relu": {"activation": "relu"},
        "relu_he": {"activation": "relu", **he},
        "leaky_relu": {"activation": "leaky_relu", **leaky},
        "prelu": {"activation": "prelu", **leaky},
        "rrelu": {"activation": "rrelu", **leaky},
        "elu": {"activation": "elu", **he},
        "selu": {"activation": "selu", "initialization": "lecun_normal", **drop},
        "xavier": {"initialization": "xavier_normal", "gain": "standard", "fan_mode": None},
        "he": he,
        "orthogonal": {"initialization": "orthogonal", "gain": "recommended", "fan_mode": None},
        "lsuv": {"initialization": "lsuv", "bias_std": None, **drop},
        "larger_weights": {"gain": "custom", "gain_value": compute_wanted_scale(report)},
        "batch_norm": {"normalization": "batch"},
        "layer_norm": {"normalization": "layer"},
        "group_norm": {"normalization": "group", "groups": 2},
        "residual": {"connection": "residual"},
        "preactivation": {"connection": "preactivation"},
        "dense": {"connection": "dense"},
        "shallower": {"depth": 12},
    }
    applicable = find_applicable(spec, report)
    assert set(applicable) == set(changes)
    for code, change in changes.items():
        wanted = {k: v for k, v in (network | change).items() if v is not None}
        expected = gf.Experiment(**dict(spec) | {"network": gf.MLP(**wanted)})
        if code == "larger_weights":
            assert applicable[code].network.gain_value == pytest.approx(
                wanted["gain_value"], rel=1e-6
            )
            gain = {"gain_value": applicable[code].network.gain_value}
            expected = gf.Experiment(**dict(spec) | {"network": gf.MLP(**wanted | gain)})
        assert applicable[code] == expected, code


def test_what_only_an_exploding_network_is_offered() -> None:
    before, outcomes = run_trial("tanh")
    spec = build_experiment(TANH)
    offered = {code: outcome.experiment for code, outcome in outcomes.items()}
    assert before.layers["saturated"][:-1].mean() > 0.5
    std = compute_wanted_scale(before)
    assert offered["smaller_weights"].network.init_std == pytest.approx(std, rel=1e-6)
    assert offered["clipping"] == gf.Experiment(**dict(spec) | {"clip_norm": 1.0})
    by_four = TANH | {"initialization": "xavier_normal", "gain": "custom", "gain_value": 4.0}
    del by_four["init_std"]
    assert offered["xavier_gain"].network == gf.MLP(**by_four)
    assert "larger_weights" not in offered
    assert not {"clipping", "smaller_weights"} & set(run_trial("sigmoid")[1])


def test_widths_are_halved_with_both_ends_kept() -> None:
    widths = (75, 70, 65, 60, 55, 50, 45, 40, 35, 30)
    spec = build_experiment({"widths": widths})
    assert find_applicable(spec, gf.run(spec))["shallower"].network.widths == (75, 60, 45, 30)


def test_connections_keep_the_blocks_that_were_set() -> None:
    blocks = {"block_size": 3, "branch_scale": 0.5}
    spec = build_experiment({"depth": 8, "width": 16, "connection": "residual", **blocks})
    applicable = find_applicable(spec, gf.run(spec))
    assert "residual" not in applicable
    switched = gf.MLP(depth=8, width=16, connection="preactivation", **blocks)
    assert applicable["preactivation"].network == switched
    assert applicable["dense"].network == gf.MLP(depth=8, width=16, connection="dense")


def test_batch_norm_in_evaluation_mode_is_cured_by_training_mode() -> None:
    base = {"depth": 5, "width": 16, "normalization": "batch"}
    spec = build_experiment({**base, "norm_mode": "evaluation"})
    assert find_applicable(spec, gf.run(spec))["batch_norm"].network == gf.MLP(**base)
    trained = build_experiment(base)
    assert "batch_norm" not in find_applicable(trained, gf.run(trained))


@pytest.mark.parametrize(
    "network",
    [
        {"activation": "relu", "initialization": "kaiming_uniform"},
        {"activation": "relu", "initialization": "kaiming_normal", "gain": "recommended"},
    ],
)
def test_weights_of_the_right_size_are_not_offered_again(network: dict[str, object]) -> None:
    spec = build_experiment({"depth": 5, "width": 16, **network})
    applicable = find_applicable(spec, gf.run(spec))
    assert not {"he", "relu", "relu_he"} & set(applicable)
    assert {"xavier", "leaky_relu"} <= set(applicable)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_network_of_zeros_is_cured_by_weights_if_it_has_a_hidden_layer(depth: int) -> None:
    spec = build_experiment({"depth": depth, "width": 16, "initialization": "zeros"})
    outcomes = {o.code: o for o in try_all(spec, gf.run(spec), gf.run)}
    assert {"adam"} <= set(outcomes)  # for every network
    assert ("xavier" in outcomes) == (depth == 2)
    if depth == 2:
        assert outcomes["xavier"].helped
        assert outcomes["xavier"].unevenness == 0


NORMS = st.floats(1e-150, 1e150) | st.sampled_from([0.0, math.inf, math.nan])


@settings(max_examples=40)
@given(spec=experiments(), data=st.data())
def test_applicable_gives_valid_different_experiments(
    spec: gf.Experiment, data: st.DataObject
) -> None:
    depth = len(spec.network.list_layers(spec.data))
    norms = data.draw(st.lists(NORMS, min_size=depth, max_size=depth))
    applicable = find_applicable(spec, replace_norms(run_trial("sigmoid")[0], norms))
    for changed in applicable.values():
        assert changed != spec
        # Validated anew, from its own values.
        parts = dict(changed)
        network = type(changed.network)(**parts.pop("network").model_dump(exclude_defaults=True))
        assert gf.Experiment(network=network, **parts) == changed
        assert changed.seed == spec.seed
        assert (changed.data.source, changed.data.batch_size) == (
            spec.data.source,
            spec.data.batch_size,
        )
    assert len(set(applicable.values())) == len(applicable)
    assert set(applicable) <= set(REMEDIES)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_saves_a_deep_sigmoid_network_and_what_does_not(seed: int) -> None:
    before, outcomes = run_trial("sigmoid", seed)
    assert measure_unevenness(before) > 12
    for code in ("relu_he", "leaky_relu", "selu", "batch_norm", "preactivation", "dense"):
        assert outcomes[code].helped, code
        assert outcomes[code].unevenness < 1.5, code
    for code in ("layer_norm", "xavier", "he", "orthogonal", "lsuv", "residual"):
        assert not outcomes[code].helped, code
        assert outcomes[code].unevenness > 5, code
    # Batch norm: E[φ'²]/Var φ = 1.034; layer norm and LSUV: E[φ'²]/E[φ²] = .153; φ' ≤ 1/4.
    assert outcomes["batch_norm"].factor == pytest.approx(math.sqrt(1.034), abs=0.02)
    assert outcomes["layer_norm"].factor == pytest.approx(math.sqrt(0.153), rel=0.15)
    assert outcomes["lsuv"].factor == pytest.approx(math.sqrt(0.153), rel=0.15)
    assert outcomes["xavier"].factor < 0.26
    # ReLU with σ_w² = 1 halves the squared gradient: better than a sigmoid, no cure.
    assert outcomes["relu"].factor == pytest.approx(math.sqrt(0.5), rel=0.15)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_tames_large_weights(seed: int) -> None:
    before, outcomes = run_trial("tanh", seed)
    assert fit_factor(before) > 1.5
    assert outcomes["smaller_weights"].helped
    assert outcomes["xavier"].helped
    assert not outcomes["xavier_gain"].helped  # the factor 4 that a text gives for tanh
    assert outcomes["xavier_gain"].factor > 1.3
    assert outcomes["relu"].remark.startswith("It makes things worse: the gradient grows")
    clipped = outcomes["clipping"]
    assert not clipped.helped
    assert clipped.unevenness == measure_unevenness(before)
    assert "lr·1 = 0.01" in clipped.remark
    assert "the profile over the layers stays as it is" in clipped.remark


def test_remarks_say_what_was_measured() -> None:
    before, outcomes = run_trial("sigmoid")
    remark = outcomes["layer_norm"].remark
    norm = outcomes["layer_norm"].report.layers["delta_norm"].to_numpy()[:-1]
    decades = np.log10(norm.max() / norm.min())
    assert remark.startswith("It helps too little: the gradient shrinks by a factor 0.3")
    assert f"{decades:.1f} decades between" in remark
    assert f"{measure_unevenness(before):.2g} decades before" in remark
    assert "but 0.15 for a sigmoid" in remark
    assert outcomes["batch_norm"].remark.startswith("It helps: the gradient roughly keeps")
    assert outcomes["orthogonal"].remark.startswith("It does not help here")
    scale = f"{1 / fit_factor(before):.3g}"
    assert f"multiplied by {scale}, one over the factor" in outcomes["larger_weights"].remark


def test_under_a_normalization_the_size_of_weights_is_said_to_cancel() -> None:
    network = {"depth": 40, "width": 16, "activation": "relu", "normalization": "batch"}
    spec = build_experiment(network)
    outcomes = {o.code: o for o in try_all(spec, gf.run(spec), gf.run)}
    for code in ("smaller_weights", "he"):
        assert "normalization after each weight layer undoes" in outcomes[code].remark
        assert not outcomes[code].helped


def test_a_steady_gradient_needs_no_cure() -> None:
    spec = build_experiment(
        {
            "depth": 12,
            "width": 64,
            "activation": "relu",
            "initialization": "orthogonal",
            "gain": "recommended",
        }
    )
    outcomes = try_all(spec, gf.run(spec), gf.run)
    assert not any(outcome.helped for outcome in outcomes)
    leaky = next(o for o in outcomes if o.code == "leaky_relu")
    assert leaky.remark.startswith("There was little to cure")


SCALED = {
    "normal": {"init_std": 0.1},
    "truncated_normal": {"init_std": 0.1},
    "uniform": {"init_limit": 0.1},
    "constant": {"init_value": -0.1},
    "lecun_normal": {},
    "lecun_uniform": {},
    "xavier_normal": {},
    "xavier_uniform": {},
    "kaiming_normal": {},
    "kaiming_uniform": {},
    "orthogonal": {},
    "pytorch": {},
}


@pytest.mark.parametrize("method", SCALED)
def test_scaled_weights_are_the_same_weights_times_a_factor(method: str) -> None:
    spec = build_experiment({"depth": 4, "width": 64, "initialization": method, **SCALED[method]})
    changed = REMEDIES["larger_weights"].apply(Situation(spec, 0.4, 0.0))
    assert changed is not None
    before, after = (gf.run(e).layers["weight_norm"].to_numpy() for e in (spec, changed))
    assert after / before == pytest.approx(2.5, rel=0.05)


@pytest.mark.parametrize(("factor", "scale"), [(0.0, 10.0), (1e-9, 10.0), (math.inf, 0.1)])
def test_scaling_is_bounded(factor: float, scale: float) -> None:
    spec = build_experiment({"initialization": "normal", "init_std": 0.2})
    code = "larger_weights" if factor < 1 else "smaller_weights"
    changed = REMEDIES[code].apply(Situation(spec, factor, 0.0))
    assert changed is not None
    assert changed.network.init_std == pytest.approx(0.2 * scale)


@pytest.mark.parametrize("method", ["zeros", "lsuv"])
def test_weights_without_a_size_are_not_scaled(method: str) -> None:
    spec = build_experiment({"depth": 4, "width": 16, "initialization": method})
    assert REMEDIES["larger_weights"].apply(Situation(spec, 0.5, 0.0)) is None
