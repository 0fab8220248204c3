"""Transformers against ``torch.nn.TransformerEncoderLayer``, and attention by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.codec import from_fields
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network
from gradflow.core.networks.transformer import Attention

SMALL = {
    "architecture": "transformer",
    "depth": 3,
    "width": 12,
    "heads": 3,
    "batch_size": 9,
    "weight_std": 0.3,
    "dtype": "float64",
    "device": "cpu",
}


def make_experiment(**settings: Any) -> gf.Experiment:
    return from_fields(SMALL | settings)


def make_reference(exp: gf.Experiment, model: nn.Module) -> list[nn.TransformerEncoderLayer]:
    """Make torch's own layers with the weights of ``model``."""
    spec = exp.network
    layers = []
    for index in range(1, spec.depth + 1):
        layer = nn.TransformerEncoderLayer(
            spec.width,
            spec.heads,
            4 * spec.width,
            dropout=0.0,
            activation=F.gelu,
            batch_first=True,
            norm_first=spec.norm_placement == "pre",
            dtype=torch.float64,
        )
        attention = getattr(model, f"attention{index}").branch
        perceptron = getattr(model, f"perceptron{index}").branch
        pairs = (
            (layer.self_attn.in_proj_weight, attention.qkv.weight),
            (layer.self_attn.in_proj_bias, attention.qkv.bias),
            (layer.self_attn.out_proj.weight, attention.output.weight),
            (layer.self_attn.out_proj.bias, attention.output.bias),
            (layer.linear1.weight, perceptron.inner.weight),
            (layer.linear1.bias, perceptron.inner.bias),
            (layer.linear2.weight, perceptron.output.weight),
            (layer.linear2.bias, perceptron.output.bias),
        )
        for theirs, ours in pairs:
            theirs.data.copy_(ours.data)
        layers.append(layer)
    return layers


@pytest.mark.parametrize("placement", ["pre", "post"])
def test_blocks_are_those_of_torch(placement):
    exp = make_experiment(norm_placement=placement)
    report = gf.run(exp)
    inputs, targets = draw_batch(exp.data, exp.seed)
    model = build_network(exp, inputs).double()
    x = inputs.double().reshape(9, 8, 8)
    h = x @ model.embedding.weight.T + model.embedding.bias + model.positions.weight
    stream = [h]
    for layer in make_reference(exp, model):
        h = layer(h)
        stream.append(h)
    last = F.layer_norm(h, (12,)) if placement == "pre" else h
    logits = last.mean(1) @ model.readout.weight.T + model.readout.bias
    loss = F.cross_entropy(logits, targets)
    assert report.loss == pytest.approx(loss.item(), rel=1e-10)
    gradients = torch.autograd.grad(loss, stream)
    table = report.stream.layers[::2]  # the start, and behind the perceptrons
    assert table["module"].tolist() == ["positions", *(f"perceptron{i}" for i in range(1, 4))]
    assert table["layer"].tolist() == [0, 2, 4, 6]
    assert_allclose(table["activation_grad_norm"], [g.norm().item() for g in gradients], rtol=1e-9)
    rms = [h.detach().square().mean().sqrt().item() for h in stream]
    assert_allclose(table["activation_rms"], rms, rtol=1e-10)


def test_without_norm_and_with_a_scale():
    exp = make_experiment(norm_placement="none", residual_scale=0.5, depth=1)
    inputs, _ = draw_batch(exp.data, 0)
    model = build_network(exp, inputs).double()
    h = model.positions(model.embedding(inputs.double().reshape(9, 8, 8)))
    a, p = model.attention1.branch, model.perceptron1.branch
    q, k, v = a.qkv(h).chunk(3, -1)
    heads = []
    for i in range(3):
        part = slice(4 * i, 4 * i + 4)
        scores = q[..., part] @ k[..., part].transpose(1, 2) / 4**0.5
        heads.append(scores.softmax(-1) @ v[..., part])
    h = h + 0.5 * a.output(torch.cat(heads, -1))
    h = h + 0.5 * p.output(F.gelu(p.inner(h)))
    assert_allclose(model(inputs.double()).detach(), model.readout(h).detach(), rtol=1e-10)


def test_attention_in_numpy():
    rng = np.random.default_rng(0)
    qkv = rng.normal(size=(2, 5, 3, 2, 4))  # batch, tokens, which, heads, width of a head
    q, k, v = (qkv[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
    scores = q @ k.transpose(0, 1, 3, 2) / 2
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    by_hand = (weights @ v).transpose(0, 2, 1, 3).reshape(2, 5, 8)
    ours = Attention(2)(torch.tensor(qkv.reshape(2, 5, 24)))
    assert_allclose(ours, by_hand, rtol=1e-12)


def test_the_readout_sees_the_mean_over_the_tokens():
    exp = make_experiment(residual_scale=0.0, norm_placement="none")
    inputs, _ = draw_batch(exp.data, 0)
    model = build_network(exp, inputs).double()
    rows = inputs.double().reshape(9, 8, 8).mean(1)
    h = rows @ model.embedding.weight.T + model.positions.weight.mean(0)
    assert_allclose(model(inputs.double()).detach(), (h @ model.readout.weight.T).detach())


def test_pre_norm_gradients_follow_their_law():
    """‖g_l‖²/‖g_L‖² = (L + 1)/(l + 1) where every branch puts out a signal of size one.

    Here each branch is a perceptron (attention averages tokens), and its output is made to have
    unit size by the standard deviation of its weights; wide, so that it is a law of averages.
    """
    width, depth = 256, 24
    torch.manual_seed(0)
    h = torch.randn(64, width, dtype=torch.float64, requires_grad=True)
    stream = [h]
    for _ in range(depth):
        w1, w2 = (torch.randn(width, width, dtype=torch.float64) / width**0.5 for _ in range(2))
        branch = (F.layer_norm(stream[-1], (width,)) @ w1) @ w2
        stream.append(stream[-1] + branch)
    out = (F.layer_norm(stream[-1], (width,)) * torch.randn(64, width).double()).sum()
    squares = [g.square().sum().item() for g in torch.autograd.grad(out, stream)]
    expected = [(depth + 1) / (level + 1) for level in range(depth + 1)]
    assert_allclose(np.array(squares) / squares[-1], expected, rtol=0.15)


def test_heads_divide_the_width():
    with pytest.raises(gf.InvalidExperiment, match="heads: 5 does not divide the width 64"):
        gf.Transformer(heads=5)


def test_the_stream_of_any_model_with_repeated_blocks():
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.linear(x).tanh()

    blocks = [Block() for _ in range(3)]
    model = nn.Sequential(nn.Linear(4, 6), *blocks, nn.Linear(6, 2)).double()
    x, y = torch.randn(5, 4).double(), torch.randint(2, (5,))
    report = gf.probe(model, x, y)
    h = model[0](x)
    stream = [h]
    for block in blocks:
        h = block(h)
        stream.append(h)
    gradients = torch.autograd.grad(F.cross_entropy(model[4](h), y), stream)
    assert report.stream.layers["module"].tolist() == ["0", "1", "2", "3"]
    assert report.stream.layers["layer"].tolist() == [0, 1, 2, 3]
    assert report.stream.rows == "block"
    norms = report.stream.layers["activation_grad_norm"]
    assert_allclose(norms, [g.norm().item() for g in gradients], rtol=1e-12)
    loaded = gf.Report.from_json(report.to_json()).stream
    assert loaded.layers.equals(report.stream.layers)
    entries = loaded.histogram("activation_grad", 0).total
    assert entries == gradients[0].numel()


@pytest.mark.parametrize("inplace", [False, True])
def test_the_start_of_the_stream_is_what_enters_the_first_block(inplace):
    """It is recorded even if the block overwrites it, but not if no module returns it."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU(inplace)
            self.linear = nn.Linear(6, 6)

        def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
            kept = x * 1
            return kept + self.linear(self.act(x))

    class Net(nn.Module):
        def __init__(self, added: float) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 2)
            self.blocks = nn.ModuleList([Block(), Block()])
            self.added = added

        def forward(self, x: Tensor) -> Tensor:
            h = self.first(x)
            for block in self.blocks:
                h = block(h + self.added if self.added else h, None)
            return self.last(h)

    x, y = torch.randn(5, 4).double(), torch.randint(2, (5,))
    model = Net(0.0).double()
    start = gf.probe(model, x, y).stream.layers.iloc[0]
    h = model.first(x)
    after = h + model.blocks[0].linear(h.relu())
    after = after + model.blocks[1].linear(after.relu())
    (expected,) = torch.autograd.grad(F.cross_entropy(model.last(after), y), h)
    assert (start["layer"], start["module"]) == (0, "first")
    assert start["activation_mean"] == pytest.approx(h.mean().item(), rel=1e-12)
    assert start["activation_grad_norm"] == pytest.approx(expected.norm().item(), rel=1e-12)
    assert gf.probe(Net(1.0).double(), x, y).stream.layers["layer"].tolist() == [1, 2]


def test_networks_without_blocks_have_no_stream():
    assert gf.run(gf.Experiment(network=gf.MLP(depth=4))).stream is None
    assert gf.run(gf.Experiment(network=gf.MLP(depth=4, connection="dense"))).stream is None
