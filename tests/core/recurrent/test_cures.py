"""Cures of the way back through time: what they change, their order, and what training shows."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gradflow.core.recurrent.cure_table import TIME_REMEDIES
from gradflow.core.recurrent.cures import (
    TimeCure,
    find_time_part,
    try_time_cures,
)
from gradflow.core.recurrent.record import through_time
from gradflow.core.recurrent.settings import TIME_PRESETS, TimePass
from gradflow.core.recurrent.trial import (
    GUESS,
    TRIAL_STEPS,
    UNKNOWN_TIME_RANK,
    TrainedTimeCure,
    build_trial,
    train_time_cure,
)
from gradflow.core.remedies.parts import LEADERS
from gradflow.core.training.task import make_task

SMALL = {"hidden_size": 16, "batch_size": 8, "length": 60}


@cache
def cure(**settings: object) -> list[TimeCure]:
    return try_time_cures(TimePass(**SMALL | settings), lambda spec: through_time(spec.experiment))


@pytest.mark.parametrize("name", ["vanishing", "exploding", "lstm"])
def test_the_first_that_help_change_different_parts(name: str) -> None:
    preset = TIME_PRESETS[name].settings
    outcomes = cure(**dict(preset) | SMALL)
    leaders = [outcome for outcome in outcomes[:LEADERS] if outcome.helped]
    assert leaders
    assert len({find_time_part(outcome) for outcome in leaders}) == len(leaders)
    rest = [outcome.decades for outcome in outcomes[len(leaders) :]]
    assert rest == sorted(rest)
    changing = [outcome for outcome in outcomes if not outcome.plan]
    assert all(outcome.spec.experiment != preset.experiment for outcome in changing)


def test_forget_gates_hand_on_what_their_bias_says() -> None:
    """With b = ln T the gates start at T/(T + 1), whose T-th power is 1/e in the limit."""
    bias = next(o for o in cure(cell="lstm") if o.code == "forget_bias")
    assert bias.spec.forget_bias == pytest.approx(math.log(60), abs=0.05)
    kept = (1 / (1 + math.exp(-bias.spec.forget_bias))) ** 60
    assert kept == pytest.approx(1 / math.e, rel=0.1)
    assert bias.helped
    assert bias.cost == (0, 1)


def test_the_measured_factor_is_divided_by() -> None:
    outcomes = cure(recurrent_init="orthogonal", recurrent_gain=0.5, cell="rnn_relu")
    scaled = next(outcome for outcome in outcomes if outcome.code == "scale")
    before = through_time(
        TimePass(
            **SMALL | {"recurrent_init": "orthogonal", "cell": "rnn_relu", "recurrent_gain": 0.5}
        ).experiment
    )
    norms = before.column("hidden_grad_norm")
    factor = (norms[0] / norms[-1]) ** (1 / (len(norms) - 1))
    assert scaled.spec.recurrent_gain == pytest.approx(0.5 / factor, rel=0.01)


def test_work_is_counted_in_blocks_of_the_recurrent_matrix() -> None:
    for code, ratio in {"lstm": 4.0, "gru": 3.0, "orthogonal": 1.0, "shorter": 15 / 60}.items():
        outcome = next(o for o in cure() if o.code == code)
        assert outcome.work_ratio == pytest.approx(ratio), code


def test_a_trial_is_training_of_the_copy_task_by_hand() -> None:
    outcome = next(o for o in cure() if o.code == "orthogonal")
    result = train_time_cure(outcome, TimePass(**SMALL))
    task = make_task(build_trial(outcome.spec))
    parameters = list(task.model.parameters())
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    losses = []
    for _ in range(TRIAL_STEPS):
        inputs, targets = next(task.batches)
        assert inputs.shape[0] == 20
        # The symbol at the first step is the answer at the last.
        assert torch.equal(inputs[0].argmax(1), targets[-1])
        loss = F.cross_entropy(task.model(inputs)[-1], targets[-1])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    assert result.first == pytest.approx(losses[0], rel=1e-5)
    by_hand = sum(losses[-8:]) / 8 < GUESS / 2
    assert result.has_learned == by_hand


@pytest.mark.parametrize("code", ["clip", "adam"])
def test_what_changes_only_the_training_is_tried_alone(code: str) -> None:
    """Clipping without Adam, and Adam without clipping, on the network as it is."""
    spec = TimePass(**dict(TIME_PRESETS["exploding"].settings) | SMALL)
    outcome = next(
        o for o in try_time_cures(spec, lambda s: through_time(s.experiment)) if o.code == code
    )
    assert outcome.spec == spec
    result = train_time_cure(outcome, spec)
    task = make_task(build_trial(spec))
    parameters = list(task.model.parameters())
    optimizer = (
        torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
        if code == "clip"
        else torch.optim.Adam(parameters, lr=0.01)
    )
    losses = []
    for _ in range(TRIAL_STEPS):
        inputs, targets = next(task.batches)
        loss = F.cross_entropy(task.model(inputs)[-1], targets[-1])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        if code == "clip":
            nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    assert result.first == pytest.approx(losses[0], rel=1e-5)
    assert result.has_learned == (sum(losses[-8:]) / 8 < GUESS / 2)


def test_a_gradient_that_fades_is_not_clipped() -> None:
    codes = {outcome.code for outcome in cure()}
    assert "adam" in codes
    assert "clip" not in codes


def test_what_was_learned_decides_and_then_the_cost() -> None:
    known = TrainedTimeCure("lstm", (2, 3), 2.2, 0.01)
    cheap = replace(known, code="orthogonal", cost=(0, 1), last=0.012)
    stuck = replace(cheap, code="radius", last=2.0)
    broken = replace(cheap, code="scale", last=math.inf)
    ordered = sorted([stuck, known, broken, cheap], key=lambda trained: trained.rank)
    assert ordered[:2] == [cheap, known]
    assert cheap.rank < UNKNOWN_TIME_RANK < stuck.rank
    assert str(cheap.text) == "Loss 2.2 → 0.012 in 200 steps: it remembers."
    assert str(broken.text) == "Diverges within 200 steps."


def test_what_changes_only_the_sequences_is_not_trained() -> None:
    outcome = next(o for o in cure() if o.code == "shorter")
    result = train_time_cure(outcome, TimePass(**SMALL))
    assert "not the network" in str(result.text)
    assert result.rank == UNKNOWN_TIME_RANK


def test_every_cure_is_described() -> None:
    for remedy in TIME_REMEDIES.values():
        assert all((remedy.label, remedy.change, remedy.cost, remedy.limits))
