"""What a normalization makes exact: the scale of the weights before it does not matter."""

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
    """How far one network is from each identity; 0 is exact. Over all hidden layers, the worst.

    Attributes:
        loss: |L(kW) − L(W)| / L(W).
        gradient: ‖k·∂L/∂W(kW) − ∂L/∂W(W)‖ / ‖∂L/∂W(W)‖.
        unit: |⟨w_i, ∂L/∂w_i⟩| / (‖w_i‖·‖∂L/∂w_i‖), w_i the weights of one unit: a cosine.
        layer: |⟨W, ∂L/∂W⟩| / (‖W‖·‖∂L/∂W‖), the same for the whole weight matrix.
        bias: ‖∂L/∂b‖ / ‖∂L/∂W‖.
    """

    loss: float
    gradient: float
    unit: float
    layer: float
    bias: float


def measure_identities(spec: WeightScales, normalization: Normalization) -> Identities:
    """The identities of ``normalization`` at the scale k = ``spec.scale``, in float64.

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
        found = torch.autograd.grad(
            losses.sum(), [*(one.weight for one in hidden), *(one.bias for one in hidden)]
        )
    weights = [layer.weight.detach()[0] for layer in hidden]
    pairs = list(zip(weights, found[: len(hidden)], found[len(hidden) :], strict=True))
    before, after = losses.tolist()
    return Identities(
        loss=abs(after - before) / before,
        gradient=max(_share(spec.scale * g[1] - g[0], g[0]) for _w, g, _b in pairs),
        unit=max(_cosine(w, g[0]) for w, g, _b in pairs),
        layer=max(_cosine(w.reshape(1, -1), g[0].reshape(1, -1)) for w, g, _b in pairs),
        bias=max(_share(b[0], g[0]) for _w, g, b in pairs),
    )


def _share(part: Tensor, whole: Tensor) -> float:
    return float(part.norm() / whole.norm().clamp_min(1e-300))


def _cosine(weights: Tensor, gradients: Tensor) -> float:
    """The largest |cosine| of two rows."""
    sizes = weights.norm(dim=1) * gradients.norm(dim=1)
    return float(((weights * gradients).sum(1).abs() / sizes.clamp_min(1e-300)).max())
