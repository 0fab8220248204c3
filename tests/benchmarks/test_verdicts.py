"""Networks that are trained as one learn what each would learn alone."""

import copy

import pytest
import torch
from torch import nn

from benchmarks import trained_networks
from benchmarks.drawn_networks import DrawnNetwork, draw_networks, make_chain
from benchmarks.trained_networks import load_task, train_network
from benchmarks.verdicts import count_outcomes, judge_network, name_outcome
from gradflow.core.verdict import Severity

TASK = load_task("digits")


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_stacked_members_are_trained_as_one_network(
    optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    network = DrawnNetwork("chain", make_chain(3, activation=nn.Tanh))
    rates = {"sgd": [0.03], "adam": [0.003]}
    monkeypatch.setattr(trained_networks, "RATES", rates)
    monkeypatch.setattr(trained_networks, "COARSE_RATES", rates)
    alone = DrawnNetwork("chain", copy.deepcopy(network.model), stackable=False)
    both = [getattr(train_network(n, TASK, 60), optimizer) for n in (network, alone)]
    assert both[0] == pytest.approx(both[1], abs=0.02)  # the order of sums differs
    assert both[0] > 0.5


def test_outcomes_are_counted_by_what_was_said() -> None:
    calls = [Severity.GOOD, Severity.BAD, Severity.GOOD]
    counts = count_outcomes(calls, map(name_outcome, (0.95, 0.1, 0.6)))
    assert counts[Severity.GOOD] == {"trains": 1, "partly": 1}
    assert counts[Severity.BAD] == {"fails": 1}


def test_the_same_seed_draws_the_same_networks() -> None:
    first, again, other = (draw_networks(16, seed) for seed in (3, 3, 4))
    assert [n.name for n in first] == [n.name for n in again] != [n.name for n in other]
    found = [judge_network(n, TASK) for n in first]
    assert found == [judge_network(n, TASK) for n in again]
