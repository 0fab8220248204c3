"""Trying the cures: costs, order, what is left out and why."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

import gradflow as gf
from gradflow.core.codec import from_fields
from gradflow.core.remedies import (
    REMEDIES,
    Ranking,
    find_applicable,
    try_all,
)
from gradflow.core.remedies.parts import LEADERS, Part
from tests.core.test_remedies import SIGMOID, build_experiment, run_trial


def test_parameters_counted_by_hand() -> None:
    _before, outcomes = run_trial("sigmoid")
    hidden, width, features, classes = 23, 32, 64, 10

    def count_dense(sizes: list[int]) -> int:
        return sum((n + 1) * m for n, m in pairwise(sizes))

    plain = count_dense([features, *[width] * hidden, classes])
    seen = [features + width * i for i in range(hidden + 1)]
    expected = {
        "relu_he": plain,
        "prelu": plain + hidden,
        "batch_norm": plain + 2 * width * hidden,
        "layer_norm": plain + 2 * width * hidden,
        "shallower": count_dense([features, *[width] * 11, classes]),
        "preactivation": plain,
        "dense": sum((n + 1) * width for n in seen[:-1]) + (seen[-1] + 1) * classes,
    }
    for code, count in expected.items():
        assert outcomes[code].parameter_ratio == pytest.approx(count / plain), code


def test_products_counted_by_hand() -> None:
    """A dense network reads all that came before; a normalization multiplies no weights."""
    _before, outcomes = run_trial("sigmoid")
    plain = 64 * 32 + 22 * 32 * 32 + 32 * 10
    dense = sum((64 + 32 * i) * 32 for i in range(23)) + (64 + 32 * 23) * 10
    assert outcomes["dense"].arithmetic_ratio == pytest.approx(dense / plain)
    assert outcomes["batch_norm"].arithmetic_ratio == 1


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_the_flattest_of_each_part_leads_and_the_flattest_come_first(name: str) -> None:
    outcomes = list(run_trial(name)[1].values())
    helped = [o for o in outcomes if o.helped]
    best: dict[Part, float] = {}
    for outcome in sorted(helped, key=lambda o: o.unevenness):
        best.setdefault(REMEDIES[outcome.code].part, outcome.unevenness)
    assert [o.unevenness for o in outcomes[:LEADERS]] == list(best.values())[:LEADERS]
    rest = [o.unevenness for o in outcomes[LEADERS:]]
    assert rest == sorted(rest)


def test_work_and_changes_are_counted() -> None:
    outcomes = run_trial("sigmoid")[1]
    assert outcomes["relu"].cost == (0, 1)
    # Concatenation over 23 layers has some 12 times the weights, and as many products.
    assert outcomes["dense"].cost[0] == round(
        math.log2(outcomes["dense"].parameter_ratio * outcomes["dense"].arithmetic_ratio)
    )
    assert outcomes["dense"].cost[0] >= 6


def test_networks_with_lost_gradients_come_last_and_did_not_help() -> None:
    spec = build_experiment(SIGMOID, dtype="float16")
    ranking = try_all(spec, gf.run(spec), gf.run)
    lost = [math.isinf(outcome.unevenness) for outcome in ranking]
    assert lost == sorted(lost)
    assert lost[-1]
    assert not lost[0]
    assert ranking[0].helped
    assert not ranking[-1].helped
    assert "0 or not finite in some layers" in ranking[-1].remark


def test_what_cannot_be_run_is_left_out_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = build_experiment({"depth": 6, "width": 64})
    report = gf.run(spec)

    def run(changed: gf.Experiment) -> gf.Report:
        if changed.network.normalization == "batch":
            raise gf.ProbeError("no batch norm today")
        return report

    calls: list[tuple[int, int]] = []
    ranking = try_all(spec, report, run, lambda done, total: calls.append((done, total)))
    assert ranking.left_out == {"batch_norm": "no batch norm today"}
    total = len(find_applicable(spec, report))
    assert sum(not outcome.plan for outcome in ranking) == total - 1
    assert calls == [(done, total) for done in range(total + 1)]

    monkeypatch.setenv("GRADFLOW_MAX_GIB", "0.0003")  # at least 0.00016 GiB plain, 0.00049 dense
    assert "dense" not in find_applicable(spec, report)
    assert "GiB of memory" in try_all(spec, report, run).left_out["dense"]


def test_other_exceptions_are_not_swallowed() -> None:
    spec = build_experiment({"depth": 4, "width": 16})

    def run(_changed: gf.Experiment) -> gf.Report:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        try_all(spec, gf.run(spec), run)


def test_rankings_can_be_cached() -> None:
    import copy
    import pickle

    ranking = Ranking([], {"dense": "too large"})
    for copied in (pickle.loads(pickle.dumps(ranking)), copy.deepcopy(ranking)):
        assert copied.left_out == {"dense": "too large"}


@pytest.mark.parametrize("code", REMEDIES)
def test_rows_say_what_they_do(code: str) -> None:
    remedy = REMEDIES[code]
    assert remedy.code == code
    assert 0 < len(remedy.label) <= 34  # the title of a panel
    for text in (remedy.change, remedy.cost, remedy.limits):
        assert text.endswith(".")
    assert len({r.label for r in REMEDIES.values()}) == len(REMEDIES)


def test_cures_of_a_convolutional_network():
    """Xavier fades in a plain ReLU network; He, LayerNorm and shortcuts help."""
    network = gf.ConvNet(depth=17, channels=8, activation="relu")
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=32))
    ranking = try_all(experiment, gf.run(experiment), gf.run)
    helped = {outcome.code for outcome in ranking if outcome.helped}
    assert helped >= {"he", "layer_norm", "residual"}
    grows = next(outcome for outcome in ranking if outcome.code == "batch_norm")
    assert grows.factor > 1.1  # as theory says of ReLU behind it
    assert all(isinstance(outcome.experiment.network, gf.ConvNet) for outcome in ranking)
    shallower = next(outcome for outcome in ranking if outcome.code == "shallower")
    assert shallower.experiment.network.depth == 8


def test_cures_of_a_transformer():
    network = gf.Transformer(depth=4, width=16, heads=2, norm_placement="post", weight_std=0.2)
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=8))
    ranking = try_all(experiment, gf.run(experiment), gf.run)
    changed = {outcome.code: outcome.experiment.network for outcome in ranking}
    assert changed["pre_norm"] == network.model_copy(update={"norm_placement": "pre"})
    assert changed["scaled_weights"].weight_std == 0.02
    assert changed["damped_branches"].residual_scale == pytest.approx(8**-0.5)
    assert changed["shallower"].depth == 2
    assert next(o for o in ranking if o.code == "warm_up").plan == {"schedule": "warmup"}
    assert not {"relu", "xavier", "batch_norm", "residual"} & set(changed)


MENDED = {
    "raw pixels": ({"inputs": "raw", "scale": 16.0}, "standardize", {}),
    "far from 0": ({"offset": 50.0}, "standardize", {}),
    "huge targets": (
        {"targets": "numbers", "loss": "mse", "target_scale": 1e8},
        "scale_targets",
        {"targets": "numbers", "loss": "mse"},
    ),
    "softmax twice": ({"readout": "softmax"}, "logits", {}),
    "ReLU on the readout": ({"readout": "relu"}, "logits", {}),
    "tanh in a regression": (
        {"targets": "numbers", "loss": "mse", "readout": "tanh"},
        "logits",
        {"targets": "numbers", "loss": "mse"},
    ),
    "softmax of one unit": (
        {"targets": "binary", "readout": "softmax", "loss": "bce"},
        "sigmoid",
        {"targets": "binary", "readout": "sigmoid", "loss": "bce"},
    ),
    "squared error of classes": ({"loss": "mse"}, "right_loss", {}),
}


@pytest.mark.parametrize("case", MENDED)
def test_what_is_wrong_with_data_and_loss_is_mended_first(case: str) -> None:
    settings, code, mended = MENDED[case]
    small = {"depth": 3, "width": 16, "batch_size": 32}
    experiment = from_fields(small | settings)
    ranking = try_all(experiment, gf.run(experiment), gf.run)
    outcome = next(o for o in ranking[:2] if o.code == code)
    assert outcome.experiment == from_fields(small | mended)
    assert outcome.helped
    again = {o.code for o in try_all(outcome.experiment, outcome.report, gf.run)}
    assert code not in again


def test_sound_data_is_not_mended() -> None:
    experiment = build_experiment({"depth": 3, "width": 16, "readout": "log_softmax"})
    ranking = try_all(experiment, gf.run(experiment), gf.run)
    assert not any(REMEDIES[outcome.code].mends for outcome in ranking)


def test_a_rate_far_from_that_of_the_gradient_is_named() -> None:
    """η = 0.1·L/‖g‖² to the next power of ten."""
    settings = {"depth": 3, "width": 32, "activation": "relu", "initialization": "kaiming_normal"}
    experiment = build_experiment(settings, learning_rate=20.0)
    before = gf.run(experiment)
    wanted = 10 ** round(math.log10(0.1 * before.loss / before.grad_norm**2))
    ranking = try_all(experiment, before, gf.run)
    rate = next(o for o in ranking if o.code == "rate").experiment.learning_rate
    assert rate == pytest.approx(wanted)
    assert "warm_up" in {o.code for o in ranking}
    assert "rate" not in find_applicable(*_cure(experiment, learning_rate=wanted))


def _cure(experiment: gf.Experiment, **settings: object) -> tuple[gf.Experiment, gf.Report]:
    cured = experiment.model_copy(update=settings)
    return cured, gf.run(cured)
