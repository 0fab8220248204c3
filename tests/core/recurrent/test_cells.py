"""The unrolled pass is torch.nn's; weights are drawn as the settings say."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

import gradflow as gf
from gradflow.core.catalog import Cell
from gradflow.core.recurrent.network import build_recurrent, spectral_radius
from gradflow.core.recurrent.record import compute_sequence_loss, prepare_pass
from tests.core.recurrent.oracle import make_experiment


@pytest.mark.parametrize("cell", Cell)
@pytest.mark.parametrize("loss_at", ["last", "every"])
def test_outputs_and_gradients_are_those_of_torch_nn(cell, loss_at):
    spec = make_experiment(cell, loss_at=loss_at, layers=2, hidden_size=7)
    network, inputs, targets = prepare_pass(spec)
    make = {"lstm": nn.LSTM, "gru": nn.GRU}.get(str(cell), nn.RNN)
    extra = {"nonlinearity": cell.removeprefix("rnn_")} if make is nn.RNN else {}
    reference = make(3, 7, 2, **extra).double()
    reference.load_state_dict(network.recurrent.state_dict())
    hidden = reference(inputs)[0]
    hidden = hidden if loss_at == "every" else hidden[-1:]
    expected = hidden @ network.readout.weight.T + network.readout.bias
    outputs = network.unroll(inputs)
    torch.testing.assert_close(outputs, expected, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(network(inputs), expected, rtol=1e-13, atol=1e-14)
    gradients = torch.autograd.grad(
        compute_sequence_loss(spec, outputs, targets), list(network.recurrent.parameters())
    )
    by_torch = torch.autograd.grad(
        compute_sequence_loss(spec, expected, targets), list(reference.parameters())
    )
    for mine, theirs in zip(gradients, by_torch, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-15)


def _take_blocks(network: gf.Recurrent, seed: int = 0) -> list[torch.Tensor]:
    spec = gf.SequenceExperiment(network=network, seed=seed)
    weight = build_recurrent(spec).recurrent.weight_hh_l0.detach().double()
    return list(weight.chunk(weight.shape[0] // weight.shape[1]))


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru"])
def test_orthogonal_blocks(cell):
    for block in _take_blocks(
        gf.Recurrent(cell=cell, hidden_size=20, recurrent_init="orthogonal", recurrent_gain=0.7)
    ):
        np.testing.assert_allclose(block @ block.T, 0.49 * np.eye(20), atol=1e-6)


def test_identity_and_its_gain():
    (block,) = _take_blocks(
        gf.Recurrent(hidden_size=5, recurrent_init="identity", recurrent_gain=0.5)
    )
    np.testing.assert_array_equal(block, 0.5 * np.eye(5))


def test_gaussian_spread_and_radius():
    """Circular law: ρ → g; Marchenko–Pastur: s_max → 2g."""
    (block,) = _take_blocks(
        gf.Recurrent(hidden_size=300, recurrent_init="gaussian", recurrent_gain=0.9)
    )
    assert block.std().item() * 300**0.5 == pytest.approx(0.9, rel=0.02)
    assert np.abs(np.linalg.eigvals(block.numpy())).max() == pytest.approx(0.9, rel=0.1)
    assert np.linalg.svd(block.numpy())[1][0] == pytest.approx(1.8, rel=0.05)


def test_pytorch_default():
    spec = gf.SequenceExperiment(network=gf.Recurrent(cell="lstm", hidden_size=64))
    network = build_recurrent(spec)
    for parameter in network.recurrent.parameters():
        assert parameter.abs().max() <= 1 / 8
        assert parameter.std().item() == pytest.approx(1 / 8 / math.sqrt(3), rel=0.1)


@pytest.mark.parametrize("init", ["pytorch", "gaussian", "orthogonal", "identity"])
def test_the_spectral_radius_is_the_one_asked_for(init):
    network = gf.Recurrent(
        cell="gru",
        hidden_size=12,
        recurrent_init=init,
        recurrent_scale="spectral_radius",
        spectral_radius=1.3,
    )
    for block in _take_blocks(network):
        assert np.abs(np.linalg.eigvals(block.numpy())).max() == pytest.approx(1.3, rel=1e-5)
        assert spectral_radius(block) == pytest.approx(1.3, rel=1e-5)


def test_biases_are_zero_but_for_the_forget_gate():
    spec = gf.SequenceExperiment(
        network=gf.Recurrent(
            cell="lstm", layers=2, hidden_size=4, recurrent_init="orthogonal", forget_bias=3.0
        )
    )
    recurrent = build_recurrent(spec).recurrent
    for layer in range(2):
        both = getattr(recurrent, f"bias_ih_l{layer}") + getattr(recurrent, f"bias_hh_l{layer}")
        np.testing.assert_array_equal(both.detach(), np.repeat([0.0, 3.0, 0.0, 0.0], 4))


def test_drawing_leaves_the_random_state_alone_and_repeats():
    spec = make_experiment("lstm")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = build_recurrent(spec), build_recurrent(spec)
    assert torch.equal(before, torch.get_rng_state())
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
