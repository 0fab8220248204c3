"""Short training of cures: against a loop by hand, and what is said and ranked by it."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.codec import from_fields
from gradflow.core.remedies import Ranking, TrainedCure, rank_by_training, train_cure, try_all
from gradflow.core.remedies.training import STEPS, ShortRun, estimate_cost, measure_constant
from gradflow.core.training.task import make_task
from tests.core.diagnosis.test_questions import QUESTIONS

SMALL = {"depth": 4, "width": 16, "batch_size": 32, "activation": "relu", "device": "cpu"}


@cache
def rank(**settings: object) -> Ranking:
    experiment = from_fields(SMALL | settings)
    return try_all(experiment, gf.run(experiment), gf.run)


def take(code: str, ranking: Ranking) -> gf.core.remedies.CureOutcome:
    return next(outcome for outcome in ranking if outcome.code == code)


def test_losses_are_those_of_plain_sgd_with_momentum() -> None:
    outcome = take("he", rank())
    result = train_cure(outcome)
    own, scaled = result.runs[:2]
    before = outcome.report
    wanted = 0.1 * 10 ** round(math.log10(0.1 * before.loss / before.grad_norm**2))
    assert (own.rate, scaled.rate) == pytest.approx((0.01, wanted))
    task = make_task(outcome.experiment)
    parameters = list(task.model.parameters())
    velocities = [torch.zeros_like(p) for p in parameters]
    losses = []
    for _ in range(STEPS):
        x, y = next(task.batches)
        loss = F.cross_entropy(task.model(x), y)
        losses.append(loss.item())
        for p, v, g in zip(
            parameters, velocities, torch.autograd.grad(loss, parameters), strict=True
        ):
            v.mul_(0.9).add_(g)
            p.data.sub_(own.rate * v)
    assert own.first == pytest.approx(losses[0], rel=1e-5)
    assert own.last == pytest.approx(sum(losses[-8:]) / 8, rel=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"loss": "mse"},
        {"targets": "numbers", "loss": "mse"},
        {"targets": "numbers", "loss": "l1", "target_offset": 7.0},
        {"targets": "binary", "loss": "bce_with_logits"},
    ],
)
def test_no_constant_does_better(settings: dict[str, object]) -> None:
    experiment = from_fields(SMALL | settings)
    task = make_task(experiment)
    assert task.held_out is not None
    targets = task.held_out[1]
    answer = torch.zeros(1, experiment.data.outputs, requires_grad=True)
    optimizer = torch.optim.LBFGS([answer], max_iter=200, line_search_fn="strong_wolfe")

    def measure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = task.loss(answer.expand(len(targets), -1), targets)
        loss.backward()
        return loss

    optimizer.step(measure)
    assert measure_constant(experiment, targets) == pytest.approx(measure().item(), rel=2e-3)


def test_a_rate_that_is_too_large_is_named_with_one_that_is_not() -> None:
    result = train_cure(take("he", rank(learning_rate=50.0)))
    assert result.rate < 1
    assert math.isfinite(result.score)
    assert f"Diverges at your rate 50: use {result.rate:g}." in str(result.text)


def test_what_happened_is_said_of_every_seed() -> None:
    runs = [ShortRun(0.1, seed, 2.31, last, 2.3) for seed, last in enumerate((0.04, 0.05, 2.3))]
    result = TrainedCure("he", 0.1, tuple(runs))
    assert str(result.text) == "Loss 2.31 → 0.05 in 50 steps, 2 of 3 seeds."
    slower = [replace(run, rate=1.0, last=1.0) for run in runs]
    both = TrainedCure("he", 1.0, (*slower, *runs))
    assert str(both.text).endswith("seeds. At rate 0.1, not your 1.")
    broken = TrainedCure("he", 0.1, (replace(runs[0], last=math.inf),))
    assert str(broken.text) == "Diverges at rate 0.1."


def test_the_order_is_what_training_came_to() -> None:
    ranking = rank(inputs="raw", scale=16.0)
    costs = {outcome.code: outcome.cost for outcome in ranking}

    def come_to(code: str, last: float) -> TrainedCure:
        return TrainedCure(code, 0.1, (ShortRun(0.1, 0, 2.3, last, 2.3),), cost=costs[code])

    last = {"standardize": 1.0, "he": 0.5, "xavier_gain": 0.2, "batch_norm": 0.6, "selu": 2.3}
    trained = {code: come_to(code, value) for code, value in last.items()}
    order = [outcome.code for outcome in rank_by_training(ranking, trained)]
    # What mends stands before, then the best of each part, then another one for the weights.
    assert order[:4] == ["standardize", "xavier_gain", "batch_norm", "he"]
    assert order[-1] == "selu"  # it learns nothing
    assert set(order[4:-1]) == {outcome.code for outcome in ranking} - set(trained)


def test_of_cures_that_leave_about_the_same_the_cheaper_is_better() -> None:
    run = ShortRun(0.1, 0, 2.3, 0.40, 2.3)
    dear = TrainedCure("dense", 0.1, (run,), cost=(7, 1))
    cheap = TrainedCure("residual", 0.1, (replace(run, last=0.42),), cost=(0, 1))
    simple = TrainedCure("selu", 0.1, (replace(run, last=0.42),), cost=(0, 2))
    bad = TrainedCure("he", 0.1, (replace(run, last=1.2),), cost=(0, 1))
    assert sorted([bad, dear, simple, cheap], key=lambda cure: cure.rank) == [
        *(cheap, simple, dear, bad)
    ]


def test_half_formats_are_not_trained() -> None:
    result = train_cure(take("he", rank(dtype="float16")))
    assert "weights in float16 cannot be trained" in str(result.text)
    assert not result.has_learned


def test_arithmetic_is_counted() -> None:
    """6·batch·weights for a step at each of two rates."""
    outcome = take("he", rank())
    weights = 64 * 16 + 2 * 16 * 16 + 16 * 10
    looks = estimate_cost(outcome) - 2 * STEPS * 6 * 32 * weights / 1e12
    assert looks == pytest.approx(0, abs=1e-15)


ACTIVATIONS = {"relu_he", "leaky_relu", "prelu", "rrelu", "elu", "selu"}
SIZED = {"xavier", "he", "orthogonal", "lsuv", "larger_weights", "smaller_weights"} | ACTIVATIONS
SHORTCUTS = {"residual", "preactivation", "dense"}
SAME = {"relu": ACTIVATIONS, "xavier": SIZED, "he": SIZED, "residual": SHORTCUTS}
"""Cures that do what the accepted one does: an activation with its weights, weights of the right
size, a shortcut."""
BY_HAND = [name for name, q in QUESTIONS.items() if q.cures]


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("name", BY_HAND)
def test_the_accepted_cure_is_among_the_first_three(name: str) -> None:
    question = QUESTIONS[name]
    report = question.make()
    if report.experiment is None:
        first = [advice.code for advice in gf.advise(report)[:3]]
        assert all(advice.line for advice in gf.advise(report))
    else:
        experiment = gf.core.codec.from_query(report.experiment)
        first = [outcome.code for outcome in try_all(experiment, report, gf.run)[:3]]
    accepted = set(question.cures).union(*(SAME.get(code, ()) for code in question.cures))
    assert accepted & set(first), first


def test_a_healthy_model_needs_no_advice() -> None:
    assert gf.advise(gf.run(from_fields(SMALL | {"activation": "tanh", "width": 64}))) == []
