"""Groups of layers, beside what the modules of a real model say of themselves."""

from itertools import pairwise

import pytest
import torch
from torch import nn

import gradflow as gf
from gradflow.core.grouping import group_by_block, group_by_kind
from gradflow.core.report import Report


class Block(nn.Module):
    def __init__(self, width: int, shared: str = "proj") -> None:
        super().__init__()
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, width), shared: nn.Linear(width, width)})
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.proj = nn.Linear(width, width)
        self.shared = shared

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn[self.shared](torch.tanh(self.attn["qkv"](x)))
        return x + self.proj(self.mlp(x))


class Model(nn.Module):
    """Two lists of blocks, with layers before, between and behind them."""

    def __init__(self, encoder: int, decoder: int, width: int = 8) -> None:
        super().__init__()
        self.embed = nn.Linear(width, width)
        self.encoder = nn.ModuleList(Block(width) for _ in range(encoder))
        self.bridge = nn.Linear(width, width)
        self.decoder = nn.ModuleList(Block(width) for _ in range(decoder))
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        for block in self.encoder:
            x = block(x)
        x = self.bridge(x)
        for block in self.decoder:
            x = block(x)
        return self.head(x)


def probe(model: nn.Module) -> Report:
    return gf.probe(model, torch.randn(4, 8), loss=lambda output, _targets: output.square().mean())


@pytest.mark.parametrize("sizes", [(3, 2), (2, 12)])
def test_layers_are_with_the_block_that_owns_their_module(sizes: tuple[int, int]) -> None:
    model = Model(*sizes)
    report = probe(model)
    names = dict(zip(report.layers["layer"], report.layers["module"], strict=True))
    owner = {
        name: block
        for block, module in model.named_modules()
        if isinstance(module, Block)
        for name in (f"{block}.{inner}" for inner, _ in module.named_modules())
    }
    groups = group_by_block(report)
    assert [n for group in groups for n in group.layers] == report.layers["layer"].tolist()
    for group in groups:
        assert {owner.get(names[n], "") for n in group.layers} == {
            group.name if group.index else ""
        }
    numbered = [(g.place, g.index) for g in groups if g.index]
    stacks = zip(("encoder", "decoder"), sizes, strict=True)
    assert numbered == [(stack, str(i)) for stack, size in stacks for i in range(size)]
    assert [g.name for g in groups if not g.index] == ["embed", "bridge", "head"]


def test_a_kind_is_one_attribute_of_all_blocks_of_a_list() -> None:
    model = Model(3, 2)
    report = probe(model)
    modules = dict(model.named_modules())
    names = dict(zip(report.layers["layer"], report.layers["module"], strict=True))
    groups = group_by_kind(report)
    assert sorted(n for group in groups for n in group.layers) == report.layers["layer"].tolist()
    assert [g.layers[0] for g in groups] == sorted(g.layers[0] for g in groups)
    for group in groups:
        assert all(before < after for before, after in pairwise(group.layers))
        if len(group.layers) > 1:
            stack, _, kind = group.name.partition(" ")
            blocks = getattr(model, stack)
            assert len(group.layers) == len(blocks)
            for number, block in zip(group.layers, blocks, strict=True):
                path = names[number].partition(f"{stack}.")[2].partition(".")[2]
                assert block.get_submodule(path) is modules[names[number]]
                assert path.endswith(kind)
    # As short as tells them apart: there are two called proj.
    assert [g.name for g in groups if g.name.startswith("encoder")] == [
        *("encoder qkv", "encoder attn.proj", "encoder mlp.0", "encoder mlp.2", "encoder proj")
    ]


@pytest.mark.parametrize("network", [gf.ConvNet, gf.MLP])
def test_layers_of_our_residual_blocks_are_of_a_kind_by_their_place(network):
    experiment = gf.Experiment(
        network=network(depth=8, connection="residual"), data=gf.Data(batch_size=4)
    )
    report = gf.run(experiment)
    names = dict(zip(report.layers["layer"], report.layers["module"], strict=True))
    groups = {
        tuple(names[n] for n in group.layers): group.name
        for group in group_by_kind(report)
        if len(group.layers) > 1
    }
    name = "conv" if network is gf.ConvNet else "linear"
    first = tuple(f"block{n}.branch.{name}{n}" for n in (2, 4, 6))
    second = tuple(f"block{n}.branch.{name}{n + 1}" for n in (2, 4, 6))
    assert groups == {first: f"{name}.1", second: f"{name}.2"}
    plain = gf.Experiment(network=network(depth=8), data=gf.Data(batch_size=4))
    assert group_by_kind(gf.run(plain)) == ()  # which has no blocks


def test_a_block_that_runs_again_is_another_group() -> None:
    class Shared(Model):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(3):
                for block in self.encoder:
                    x = block(x)
            return self.head(x)

    groups = group_by_block(probe(Shared(2, 0)))
    assert [(g.name, len(g.layers)) for g in groups if g.index] == [
        (f"encoder.{i}", 5) for _ in range(3) for i in range(2)
    ]


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1)),
        nn.Sequential(*(nn.Linear(8, 8) for _ in range(9)), nn.Linear(8, 1)),
        nn.Linear(8, 1),
    ],
)
def test_a_model_without_blocks_of_several_layers_has_no_groups(model: nn.Module) -> None:
    report = probe(model)
    assert group_by_block(report) == group_by_kind(report) == ()
