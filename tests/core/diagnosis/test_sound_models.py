"""Models that train are never called bad: like is compared with like."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.verdict import Severity
from tests.core.diagnosis.models import IMAGE_MODELS, Decoder

SOUND = {Severity.GOOD, Severity.NOTE}


def list_grave(report: gf.Report) -> list[str]:
    return [f"{f.verdict}: {f.text}" for f in gf.findings(report) if f.severity not in SOUND]


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_image_models_are_sound(name: str) -> None:
    torch.manual_seed(0)
    model = IMAGE_MODELS[name]()
    report = gf.probe(model, torch.randn(16, 3, 32, 32), torch.arange(16))
    assert list_grave(report) == []


@pytest.mark.parametrize("blocks", [1, 2, 8])
def test_decoders_are_sound(blocks: int) -> None:
    torch.manual_seed(0)
    tokens = torch.randint(200, (8, 16))
    report = gf.probe(Decoder(blocks), tokens, tokens.roll(-1, 1).flatten())
    assert list_grave(report) == []


def test_a_trained_residual_network_is_sound() -> None:
    torch.manual_seed(0)
    model = IMAGE_MODELS["ResNet-18"]()
    x, y = torch.randn(32, 3, 16, 16), torch.arange(32) % 8
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(25):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    report = gf.probe(model, x, y)
    assert report.loss < 0.1
    assert list_grave(report) == []


def test_projections_side_by_side_are_not_compared() -> None:
    """Query and key get a thousandth of what the value gets; all three read the same tensor."""
    torch.manual_seed(0)

    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.gate = nn.Linear(20, 20), nn.Linear(20, 20)
            self.value, self.last = nn.Linear(20, 20), nn.Linear(20, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x).tanh()
            return self.last(1e-4 * self.gate(x) + self.value(x))

    report = gf.probe(Gated(), torch.randn(32, 20), torch.arange(32) % 10)
    assert report.facts.readers == (1, 2, 2, 4)
    assert list_grave(report) == []


class Towers(nn.Module):
    """Two embeddings, or two towers of layers, whose outputs are added; one counts for little."""

    def __init__(self, *, deep: bool) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(50, 20), nn.Embedding(8, 20)
        self.one, self.other = (
            nn.Sequential(*(nn.Linear(20, 20) for _ in range(3 * deep))) for _ in range(2)
        )
        self.last = nn.Linear(20, 50)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        places = self.other(self.places(torch.arange(8)))
        return self.last(self.one(self.words(tokens)) + 1e-5 * places).flatten(0, 1)


@pytest.mark.parametrize("deep", [False, True], ids=["embeddings", "towers"])
def test_layers_of_which_neither_feeds_the_other_are_no_course(*, deep: bool) -> None:
    """The second gets a hundred thousandth of the gradient, and may: nothing passes through it."""
    torch.manual_seed(0)
    tokens = torch.randint(50, (16, 8))
    report = gf.probe(Towers(deep=deep), tokens, tokens.flatten())
    assert list_grave(report) == []
    # The same numbers would be bad if one of them fed the other.
    chain = replace(report, facts=replace(report.facts, parallel=()))
    assert list_grave(chain) != []
