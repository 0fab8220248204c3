"""References that share no code with GradFlow: plain functions of torch, and NumPy.

``trace_signals`` runs the network of a spec, written with functions instead of modules, and keeps
its intermediate tensors for ``torch.autograd.grad``. ``backpropagate`` is a forward and a backward
pass by hand, in float64 NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gradflow as gf
from gradflow.core.catalog import Normalization
from gradflow.core.spec import list_options

PHI: dict[str, Callable[[Tensor, gf.MLP], Tensor]] = {
    "linear": lambda z, spec: z,
    "sigmoid": lambda z, spec: 1 / (1 + torch.exp(-z)),
    "tanh": lambda z, spec: torch.tanh(z),
    "hardtanh": lambda z, spec: z.clamp(-1, 1),
    "softsign": lambda z, spec: z / (1 + z.abs()),
    "relu": lambda z, spec: z * (z > 0),
    "relu6": lambda z, spec: z.clamp(0, 6),
    "leaky_relu": lambda z, spec: torch.where(z > 0, z, spec.negative_slope * z),
    "prelu": lambda z, spec: torch.where(z > 0, z, 0.25 * z),
    "rrelu": lambda z, spec: F.rrelu(z, 1 / 8, 1 / 3, training=True),
    "elu": lambda z, spec: torch.where(z > 0, z, spec.elu_alpha * (z.clamp_max(0).exp() - 1)),
    "selu": lambda z, spec: (
        1.0507009873554805 * torch.where(z > 0, z, 1.6732632423543772 * (z.clamp_max(0).exp() - 1))
    ),
    "gelu": lambda z, spec: z * (1 + torch.erf(z / 2**0.5)) / 2,
    "silu": lambda z, spec: z / (1 + torch.exp(-z)),
    "mish": lambda z, spec: z * torch.tanh(torch.log1p(z.exp())),
    "softplus": lambda z, spec: torch.log1p(z.exp()),
    "hardswish": lambda z, spec: z * (z + 3).clamp(0, 6) / 6,
}


def _standardize(z: Tensor, dim: int) -> Tensor:
    centred = z - z.mean(dim, keepdim=True)
    return centred / (centred.square().mean(dim, keepdim=True) + 1e-5).sqrt()


def _normalize(z: Tensor, spec: gf.MLP) -> Tensor:
    match str(spec.normalization), str(spec.norm_mode):
        case "batch", "training":
            return _standardize(z, 0)
        case "batch", "evaluation":
            return z / (1 + 1e-5) ** 0.5
        case "layer", _:
            return _standardize(z, 1)
        case "rms", _:
            eps = torch.finfo(z.dtype).eps
            return z / (z.square().mean(1, keepdim=True) + eps).sqrt()
        case "group", _:
            return _standardize(z.unflatten(1, (spec.groups, -1)), 2).flatten(1)
    return z


NORMALIZATIONS = list_options(Normalization, "mlp")
"""The normalizations of a fully connected network."""


def list_linears(model: nn.Module) -> list[nn.Linear]:
    """List the weight layers of an MLP from the input side."""
    return [module for module in model.modules() if isinstance(module, nn.Linear)]


@dataclass
class Trace:
    """Pre-activations and activations of every layer; the last of both is the output."""

    z: list[Tensor] = field(default_factory=list)
    a: list[Tensor] = field(default_factory=list)


def trace_signals(spec: gf.MLP, layers: Sequence[nn.Linear], x: Tensor) -> Trace:
    """Run the network of ``spec`` with the weights of ``layers``."""
    trace = Trace()
    first = spec.norm_position == "before"

    def linear(h: Tensor) -> Tensor:
        layer = layers[len(trace.z)]
        trace.z.append(h @ layer.weight.T + layer.bias)
        return trace.z[-1]

    def before(z: Tensor) -> Tensor:
        return _normalize(z, spec) if first else z

    def after(z: Tensor) -> Tensor:
        a = PHI[spec.activation](z, spec)
        trace.a.append(a if first else _normalize(a, spec))
        return trace.a[-1]

    hidden = len(layers) - 1
    blocks = [
        range(start, min(start + spec.block_size, hidden))
        for start in range(1, hidden, spec.block_size)
    ]
    if spec.connection == "plain":
        for _ in range(hidden):
            x = after(before(linear(x)))
    elif spec.connection == "dense":
        for _ in range(hidden):
            x = torch.cat([x, after(before(linear(x)))], dim=1)
    elif hidden and spec.connection == "residual":
        x = after(before(linear(x)))
        for block in blocks:
            f = x
            for index in block:
                f = before(linear(f))
                f = after(f if index != block[-1] else _pad(x, f) + spec.branch_scale * f)
            x = f
    elif hidden:
        x = linear(x)
        for block in blocks:
            f = x
            for _ in block:
                f = linear(after(before(f)))
            x = _pad(x, f) + spec.branch_scale * f
        x = after(before(x))
    trace.a.append(linear(x))
    return trace


def _pad(h: Tensor, f: Tensor) -> Tensor:
    more = f.shape[1] - h.shape[1]
    return h[:, : f.shape[1]] if more <= 0 else torch.cat([h, h.new_zeros(len(h), more)], 1)


def compute_loss(name: str, outputs: Tensor, targets: Tensor) -> Tensor:
    """Compute a loss from its formula."""
    if name == "mse":
        return (outputs - torch.eye(outputs.shape[1])[targets].to(outputs)).square().mean()
    log_probability = outputs - outputs.logsumexp(1, keepdim=True)
    return -log_probability[torch.arange(len(targets)), targets].mean()


Array = np.ndarray[Any, np.dtype[np.float64]]


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


NUMPY_PHI: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * _sigmoid(-z)),
}


def backpropagate(
    weights: Sequence[Array],
    biases: Sequence[Array],
    x: Array,
    labels: Array,
    activation: str,
    loss: str = "cross_entropy",
    norm_axis: int | None = None,
) -> dict[str, list[Array]]:
    """Apply the four equations of backpropagation to a plain network.

    ``norm_axis``: 0 batch norm, 1 layer norm before the activation, whose backward pass is
    dz = (du − mean du − u·mean(u·du)) / sqrt(var z + eps).
    """
    phi, slope = NUMPY_PHI[activation]
    a, inputs, z, u, deviation = x, [], [], [], []
    for w, b in zip(weights, biases, strict=True):
        inputs.append(a)
        z.append(a @ w.T + b)
        if norm_axis is None:
            u.append(z[-1])
        else:
            deviation.append(np.sqrt(z[-1].var(norm_axis, keepdims=True) + 1e-5))
            u.append((z[-1] - z[-1].mean(norm_axis, keepdims=True)) / deviation[-1])
        a = phi(u[-1])
    outputs, onehot = z[-1], np.eye(len(biases[-1]))[labels]
    if loss == "mse":
        value = ((outputs - onehot) ** 2).mean()
        delta = 2 * (outputs - onehot) / outputs.size
    else:
        shifted = np.exp(outputs - outputs.max(1, keepdims=True))
        probability = shifted / shifted.sum(1, keepdims=True)
        value = -np.log((probability * onehot).sum(1)).mean()
        delta = (probability - onehot) / len(x)
    deltas, grads, weight_grads, bias_grads = [delta], [delta], [], []
    for layer in reversed(range(len(weights))):
        weight_grads.insert(0, deltas[0].T @ inputs[layer])
        bias_grads.insert(0, deltas[0].sum(0))
        if layer:
            g = deltas[0] @ weights[layer]
            delta = g * slope(u[layer - 1])
            if norm_axis is not None:
                unit = u[layer - 1]
                delta = (
                    delta
                    - delta.mean(norm_axis, keepdims=True)
                    - unit * (unit * delta).mean(norm_axis, keepdims=True)
                ) / deviation[layer - 1]
            grads.insert(0, g)
            deltas.insert(0, delta)
    return {
        "loss": [np.array(value)],
        "delta_norm": deltas,
        "activation_grad_norm": grads,
        "weight_grad_norm": weight_grads,
        "bias_grad_norm": bias_grads,
    }
