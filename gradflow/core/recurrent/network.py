"""Recurrent networks: PyTorch's own layers with drawn weights, also unrolled step by step.

The unrolled pass uses the very parameters of ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU`` and computes
what they document, so that every hidden state, cell state and gate is a tensor of the graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gradflow.core.catalog import Cell, RecurrentScale
from gradflow.core.recurrent.spec import Recurrent, SequenceExperiment


class CellStep(NamedTuple):
    """The states and gates of one layer after one time step, each ``(B, H)``.

    Attributes:
        hidden: h_t.
        cell: c_t of an LSTM, else ``None``.
        gates: activations in PyTorch's order. LSTM: i, f, g, o; GRU: r, z, n; RNN: none.
    """

    hidden: Tensor
    cell: Tensor | None = None
    gates: tuple[Tensor, ...] = ()


StepFunction = Callable[[Tensor, Tensor, CellStep], CellStep]
"""``(W_ih x_t + b_ih, W_hh h_{t-1} + b_hh, the step before) → the step``."""


def step_rnn_tanh(from_input: Tensor, from_hidden: Tensor, _before: CellStep) -> CellStep:
    """Compute h_t = tanh(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)."""
    return CellStep(torch.tanh(from_input + from_hidden))


def step_rnn_relu(from_input: Tensor, from_hidden: Tensor, _before: CellStep) -> CellStep:
    """Compute h_t = max(0, W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)."""
    return CellStep(torch.relu(from_input + from_hidden))


def step_lstm(from_input: Tensor, from_hidden: Tensor, before: CellStep) -> CellStep:
    """Compute c_t = f ⊙ c_{t−1} + i ⊙ g, h_t = o ⊙ tanh c_t; the weights' rows are i, f, g, o."""
    assert before.cell is not None
    i, f, g, o = (from_input + from_hidden).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    cell = f * before.cell + i * g
    return CellStep(o * torch.tanh(cell), cell, (i, f, g, o))


def step_gru(from_input: Tensor, from_hidden: Tensor, before: CellStep) -> CellStep:
    """Compute h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}, n = tanh(x-part + r ⊙ h-part); rows are r, z, n."""
    input_r, input_z, input_n = from_input.chunk(3, dim=1)
    hidden_r, hidden_z, hidden_n = from_hidden.chunk(3, dim=1)
    r, z = torch.sigmoid(input_r + hidden_r), torch.sigmoid(input_z + hidden_z)
    n = torch.tanh(input_n + r * hidden_n)
    return CellStep((1 - z) * n + z * before.hidden, None, (r, z, n))


STEPS: dict[Cell, StepFunction] = {
    Cell.RNN_TANH: step_rnn_tanh,
    Cell.RNN_RELU: step_rnn_relu,
    Cell.LSTM: step_lstm,
    Cell.GRU: step_gru,
}


class Watcher(Protocol):
    """An observer of the unrolled pass; it may read tensors and register hooks, nothing else."""

    def see_step(self, layer: int, time: int, step: CellStep) -> None:
        """Observe step ``time`` (from 0) of ``layer`` (from 0)."""

    def see_output(self, layer: int, first: int, hidden: Tensor) -> None:
        """Observe the hidden states ``(steps, B, H)`` of ``layer``, from step ``first`` on."""


class RecurrentNetwork(nn.Module):
    """Recurrent layers and a readout of the last ``loss_steps`` hidden states of the last one."""

    def __init__(self, spec: Recurrent, features: int, outputs: int, loss_steps: int) -> None:
        super().__init__()
        self.recurrent = spec.row.module(features, spec.hidden_size, spec.layers)
        self.readout = nn.Linear(spec.hidden_size, outputs)
        self._cell_step = STEPS[spec.cell]
        self._has_cell = spec.row.has_cell
        self._loss_steps = loss_steps

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute ``(loss_steps, B, outputs)`` of inputs ``(T, B, features)`` by torch.nn."""
        hidden = self.recurrent(inputs)[0]
        outputs: Tensor = self.readout(hidden[-self._loss_steps :])
        return outputs

    def unroll(self, inputs: Tensor, watcher: Watcher | None = None) -> Tensor:
        """Compute ``forward`` step by step; ``watcher`` sees all states and gates."""
        for layer in range(self.recurrent.num_layers):
            last = layer == self.recurrent.num_layers - 1
            inputs = self._unroll_layer(
                inputs, layer, self._loss_steps if last else len(inputs), watcher
            )
        outputs: Tensor = self.readout(inputs)
        return outputs

    def list_weights(self, layer: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """List ``weight_ih, weight_hh, bias_ih, bias_hh`` of one layer."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ih, hh, bias_ih, bias_hh = (getattr(self.recurrent, f"{n}_l{layer}") for n in names)
        return ih, hh, bias_ih, bias_hh

    def _unroll_layer(
        self, inputs: Tensor, layer: int, kept: int, watcher: Watcher | None
    ) -> Tensor:
        """Compute the hidden states of the last ``kept`` steps of one layer."""
        weight_ih, weight_hh, bias_ih, bias_hh = self.list_weights(layer)
        from_input = F.linear(inputs, weight_ih, bias_ih)  # of all steps in one product
        zero = from_input.new_zeros(inputs.shape[1], self.recurrent.hidden_size)
        step = CellStep(zero, zero if self._has_cell else None)
        hidden = []
        for time, projected in enumerate(from_input.unbind(0)):
            from_hidden = F.linear(step.hidden, weight_hh, bias_hh)
            step = self._cell_step(projected, from_hidden, step)
            hidden.append(step.hidden)
            if watcher is not None:
                watcher.see_step(layer, time, step)
        stacked = torch.stack(hidden[-kept:])
        if watcher is not None:
            watcher.see_output(layer, len(hidden) - kept, stacked)
        return stacked


def build_recurrent(experiment: SequenceExperiment) -> RecurrentNetwork:
    """Build the network of ``experiment`` with weights drawn from its seed (CPU, float32)."""
    spec, data = experiment.network, experiment.data
    # Without storage the constructors' own random weights cost nothing and change no state.
    with torch.device("meta"):
        network = RecurrentNetwork(spec, data.inputs, data.row.outputs, experiment.loss_steps)
    network.to_empty(device="cpu")
    draw_recurrent_weights(network, spec, torch.Generator().manual_seed(experiment.seed))
    return network


@torch.no_grad()
def draw_recurrent_weights(
    network: RecurrentNetwork, spec: Recurrent, generator: torch.Generator
) -> None:
    """Draw all parameters as the settings of ``Recurrent`` say."""
    limit = 1 / math.sqrt(spec.hidden_size)
    for name, parameter in network.named_parameters():
        if "weight_hh" in name:
            for block in parameter.chunk(spec.row.blocks):
                spec.init.function(block, generator)
                block.mul_(_find_scale(block, spec))
        elif "weight" in name or spec.init.pytorch_bias:
            nn.init.uniform_(parameter, -limit, limit, generator=generator)
        else:
            nn.init.zeros_(parameter)
    if "forget_bias" in spec.row.parameters:
        forget = [gate.code for gate in spec.row.gates].index("forget")
        for name, parameter in network.recurrent.named_parameters():
            if name.startswith("bias"):
                parameter.chunk(spec.row.blocks)[forget].add_(spec.forget_bias / 2)


def spectral_radius(matrix: Tensor) -> float:
    """Compute the largest |eigenvalue|."""
    return float(torch.linalg.eigvals(matrix.double()).abs().amax())


def _find_scale(block: Tensor, spec: Recurrent) -> float:
    if spec.recurrent_scale is RecurrentScale.GAIN:
        return spec.recurrent_gain
    radius = spectral_radius(block)
    return spec.spectral_radius / radius if radius else 1.0
