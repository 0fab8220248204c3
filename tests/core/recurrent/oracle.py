"""References that share no code with GradFlow: torch's own cells, and NumPy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.recurrent.network import RecurrentNetwork

ATTRIBUTES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def make_experiment(
    cell: str = "rnn_tanh",
    *,
    data: gf.Sequences | None = None,
    loss_at: str = "last",
    dtype: str = "float64",
    seed: int = 3,
    **network: object,
) -> gf.SequenceExperiment:
    return gf.SequenceExperiment(
        network=gf.Recurrent(cell=cell, **({"hidden_size": 6} | network)),
        data=data or gf.Sequences(length=9, features=3, batch_size=5),
        loss_at=loss_at,
        dtype=dtype,
        device="cpu",
        seed=seed,
    )


@dataclass
class Trace:
    """States by layer and step, each (B, H), and the loss."""

    hidden: list[list[Tensor]] = field(default_factory=list)
    cell: list[list[Tensor]] = field(default_factory=list)
    loss: Tensor = field(default_factory=lambda: torch.zeros(()))


def trace_pass(
    spec: gf.SequenceExperiment, network: RecurrentNetwork, inputs: Tensor, targets: Tensor
) -> Trace:
    """The same pass by ``nn.RNNCell``, ``nn.LSTMCell`` and ``nn.GRUCell``."""
    trace = Trace()
    signal = list(inputs)
    for layer in range(spec.network.layers):
        cell = _make_torch_cell(spec, network, layer, signal[0].shape[1])
        state = None
        trace.hidden.append([])
        trace.cell.append([])
        for x in signal:
            state = cell(x, state)
            hidden, memory = state if isinstance(state, tuple) else (state, state)
            trace.hidden[-1].append(hidden)
            trace.cell[-1].append(memory)
        signal = trace.hidden[-1]
    counted = signal[-spec.loss_steps :]
    losses = []
    for hidden, target in zip(counted, targets[-spec.loss_steps :], strict=True):
        output = hidden @ network.readout.weight.T + network.readout.bias
        if spec.data.source == "adding":
            losses.append(((output[:, 0] - target) ** 2).mean())
        else:
            losses.append(F.cross_entropy(output, target))
    trace.loss = torch.stack(losses).mean()
    return trace


def _make_torch_cell(
    spec: gf.SequenceExperiment, network: RecurrentNetwork, layer: int, features: int
) -> nn.RNNCellBase:
    size = (features, spec.network.hidden_size)
    cell = {
        "rnn_tanh": lambda: nn.RNNCell(*size),
        "rnn_relu": lambda: nn.RNNCell(*size, nonlinearity="relu"),
        "lstm": lambda: nn.LSTMCell(*size),
        "gru": lambda: nn.GRUCell(*size),
    }[spec.network.cell]()
    for name in ATTRIBUTES:
        delattr(cell, name)
        # The very parameters, so that gradients by them can be asked for.
        object.__setattr__(cell, name, getattr(network.recurrent, f"{name}_l{layer}"))
    return cell


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def compute_gates(
    cell: str, weights: list[np.ndarray], inputs: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """Gates and states of every step of one layer, unit by unit of PyTorch's documentation."""
    w_x, w_h, b_x, b_h = weights
    h = np.zeros((inputs.shape[1], w_h.shape[1]))
    c = np.zeros_like(h)
    blocks = {"lstm": 4, "gru": 3}[cell]
    wx, wh, bx, bh = (np.split(w, blocks) for w in (w_x, w_h, b_x, b_h))
    rows = []
    for x in inputs:
        part = [x @ wx[k].T + bx[k] for k in range(blocks)]
        back = [h @ wh[k].T + bh[k] for k in range(blocks)]
        if cell == "lstm":
            i, f, g, o = (a + b for a, b in zip(part, back, strict=True))
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c = f * c + i * g
            h = o * np.tanh(c)
            row = {"input": i, "forget": f, "candidate": g, "output": o, "cell": c}
        else:
            r, z = sigmoid(part[0] + back[0]), sigmoid(part[1] + back[1])
            n = np.tanh(part[2] + r * back[2])
            h = (1 - z) * n + z * h
            row = {"reset": r, "update": z, "candidate": n}
        rows.append(row | {"hidden": h})
    return rows
