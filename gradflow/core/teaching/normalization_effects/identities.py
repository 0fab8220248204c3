"""Identities that a normalization makes exact: the scale of the weights before it is no matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradflow.core.catalog import Normalization
from gradflow.core.teaching.normalization_effects.scales import WeightScales
from gradflow.core.teaching.normalization_effects.stack import Copies


@dataclass(frozen=True)
class Identities:
    """The distance of a network from each identity, 0 if exact; the worst of all hidden layers.

    Attributes:
        loss: |L(kW) − L(W)| / L(W).
        gradient: ‖k·∂L/∂W(kW) − ∂L/∂W(W)‖ / ‖∂L/∂W(W)‖.
        unit: |⟨w_i, ∂L/∂w_i⟩| / (‖w_i‖·‖∂L/∂w_i‖), w_i the weights of one unit: a cosine.
        layer: |⟨W, ∂L/∂W⟩| / (‖W‖·‖∂L/∂W‖), the cosine for the whole weight matrix.
        bias: ‖∂L/∂b‖ / ‖∂L/∂W‖.
    """

    loss: float
    gradient: float
    unit: float
    layer: float
    bias: float


def measure_identities(spec: WeightScales, normalization: Normalization) -> Identities:
    """Measure the identities of ``normalization`` at the scale k = ``spec.scale``, in float64.

    A norm before φ divides the scale of W out again: with ε = 0, L(kW) = L(W). Differentiate by
    W: ∂L/∂W(kW) = (1/k)·∂L/∂W(W). Differentiate by k at 1: ⟨W, ∂L/∂W⟩ = 0, for batch norm even
    for each unit, since each is divided by its own deviation. Batch norm subtracts the mean over
    the batch, so that the bias before it has the gradient 0 (Ioffe & Szegedy 2015).
    """
    with torch.enable_grad():
        copies = Copies(
            spec.make_experiment(normalization), np.array([1.0, spec.scale]), epsilon=spec.epsilon
        )
        losses = copies.compute_losses(copies.forward(copies.inputs)[-1], copies.targets)
        hidden = copies.layers[:-1]
        leaves = [*(layer.weight for layer in hidden), *(layer.bias for layer in hidden)]
        gradients = torch.autograd.grad(losses.sum(), leaves)
    weights = [layer.weight.detach()[0] for layer in hidden]
    by_weight, by_bias = gradients[: len(hidden)], gradients[len(hidden) :]
    layers = list(zip(weights, by_weight, by_bias, strict=True))
    before, after = losses.tolist()
    return Identities(
        loss=abs(after - before) / before,
        gradient=max(_divide_norms(spec.scale * g[1] - g[0], g[0]) for _w, g, _b in layers),
        unit=max(_find_largest_cosine(w, g[0]) for w, g, _b in layers),
        layer=max(
            _find_largest_cosine(w.reshape(1, -1), g[0].reshape(1, -1)) for w, g, _b in layers
        ),
        bias=max(_divide_norms(b[0], g[0]) for _w, g, b in layers),
    )


def _divide_norms(part: Tensor, whole: Tensor) -> float:
    return float(part.norm() / whole.norm().clamp_min(1e-300))


def _find_largest_cosine(weights: Tensor, gradients: Tensor) -> float:
    """Find the largest |cosine| between a row of weights and its row of gradients."""
    sizes = weights.norm(dim=1) * gradients.norm(dim=1)
    return float(((weights * gradients).sum(1).abs() / sizes.clamp_min(1e-300)).max())
