"""Transformers whose blocks have no shortcut are told so, and nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.verdict import Finding
from tests.core.diagnosis.models import IMAGE_MODELS, Decoder


class Block(nn.Module):
    def __init__(self, *, shortcuts: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.shortcuts = shortcuts

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        h = self.attention(h, h, h, need_weights=False)[0]
        x = x + h if self.shortcuts else h
        h = self.mlp(self.norm2(x))
        return x + h if self.shortcuts else h


class Stack(nn.Module):
    """Blocks, with shortcuts inside of them, around them in the loop, or none."""

    def __init__(self, blocks: int, *, inside: bool = False, around: bool = False) -> None:
        super().__init__()
        self.table = nn.Embedding(30, 16)
        self.blocks = nn.ModuleList(Block(shortcuts=inside) for _ in range(blocks))
        self.last, self.around = nn.Linear(16, 30), around

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.table(tokens)
        for block in self.blocks:
            x = x + block(x) if self.around else block(x)
        return self.last(x).flatten(0, 1)


def probe_tokens(model: nn.Module, words: int = 30) -> gf.Report:
    torch.manual_seed(0)
    tokens = torch.randint(words, (8, 12))
    return gf.probe(model, tokens, tokens.roll(-1, 1).flatten(), loss=F.cross_entropy)


def list_remarks(report: gf.Report) -> list[Finding]:
    return [f for f in report.findings if "have no shortcut" in str(f.text)]


@pytest.mark.parametrize("blocks", [4, 8])
def test_a_transformer_without_shortcuts_is_told_so(blocks: int) -> None:
    report = probe_tokens(Stack(blocks))
    assert report.facts.unbridged == tuple(f"blocks.{i}" for i in range(blocks))
    (remark,) = list_remarks(report)
    assert f"{blocks} blocks with attention, blocks.0 to blocks.{blocks - 1}," in str(remark.text)
    assert "x = x + self.attention(" in gf.advise(report)[0].line
    said = " ".join(str(f.text) for f in report.findings)
    assert "branch" not in said
    assert "block 1 (blocks.0)" in said
    again = gf.Report.from_json(report.to_json())
    assert [f.text for f in again.findings] == [f.text for f in report.findings]


def make_plain() -> nn.Module:
    """Plain blocks without attention, all of one shape."""
    return nn.Sequential(
        nn.Embedding(30, 16),
        *(nn.Sequential(nn.Linear(16, 16), nn.LayerNorm(16), nn.GELU()) for _ in range(8)),
        nn.Linear(16, 30),
        nn.Flatten(0, 1),
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: Stack(8, inside=True),
        lambda: Stack(8, around=True),
        lambda: Stack(3),
        lambda: Decoder(8, words=30),
        make_plain,
    ],
    ids=["inside", "around", "few", "llama", "plain"],
)
def test_language_models_with_shortcuts_are_not(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    assert list_remarks(probe_tokens(make())) == []


@pytest.mark.parametrize("norm_first", [False, True])
def test_encoders_of_pytorch_are_not(*, norm_first: bool) -> None:
    layer = nn.TransformerEncoderLayer(16, 2, 32, 0.1, batch_first=True, norm_first=norm_first)
    model = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
    report = gf.probe(model, torch.randn(4, 6, 16), torch.randn(4, 6, 16))
    assert len(report.facts.attending) == 6
    assert report.facts.unbridged == ()


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_image_models_are_not(name: str) -> None:
    report = gf.probe(IMAGE_MODELS[name](), torch.randn(8, 3, 32, 32), torch.arange(8))
    assert list_remarks(report) == []
    assert report.facts.attending == ()
