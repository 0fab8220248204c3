"""Which layers feed which: the graph of autograd against how a network was wired."""

import random

import pytest
import torch
from torch import Tensor, nn

import gradflow as gf


class Wired(nn.Module):
    """Layers of which each reads the sum of some before it, or the inputs."""

    def __init__(self, wires: list[list[int]]) -> None:
        super().__init__()
        self.wires = wires
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in wires)
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        made: list[Tensor] = []
        for layer, sources in zip(self.layers, self.wires, strict=True):
            made.append(layer(sum((made[i] for i in sources), x) if sources else x).tanh())
        return self.last(sum(made, x))


@pytest.mark.parametrize("seed", range(6))
def test_parallel_layers_are_those_between_which_no_wire_leads(seed: int) -> None:
    draw = random.Random(seed)
    wires = [draw.sample(range(i), draw.randint(0, min(i, 2))) for i in range(9)]
    feeds: list[set[int]] = []
    for sources in wires:
        feeds.append(set(sources).union(*(feeds[i] for i in sources)))
    expected = {(i + 1, j + 1) for j in range(9) for i in range(j) if i not in feeds[j]}
    report = gf.probe(Wired(wires), torch.randn(8, 4), torch.arange(8) % 3)
    assert set(report.facts.parallel) == expected
    assert gf.Report.from_json(report.to_json()).facts.parallel == report.facts.parallel


def test_a_recurrent_module_feeds_the_readout_by_its_state_too() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.rnn = nn.Embedding(9, 8), nn.LSTM(8, 8, 2, batch_first=True)
            self.last = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.rnn(self.table(x))[1][0][-1])

    report = gf.probe(Reader(), torch.randint(9, (4, 5)), torch.arange(4) % 3)
    assert report.facts.parallel == ()
