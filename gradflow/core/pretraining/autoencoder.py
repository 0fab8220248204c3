"""The autoencoder with tied weights, as a layer of a stack."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gradflow.core.catalog import Activation

PHI: dict[str, Callable[[Tensor], Tensor]] = {
    Activation.SIGMOID: torch.sigmoid,
    Activation.TANH: torch.tanh,
    Activation.RELU: torch.relu,
}
SLOPE: dict[str, Callable[[Tensor], Tensor]] = {
    Activation.SIGMOID: lambda a: a * (1 - a),
    Activation.TANH: lambda a: 1 - a * a,
    Activation.RELU: lambda a: (a > 0).to(a.dtype),
}
"""φ'(z) as a function of a = φ(z)."""


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """h = φ(Wx + b) and x̂ = ψ(Wᵀh + a); Bengio, Lamblin, Popovici & Larochelle 2006.

    If inputs lie in [0, 1], ψ is the sigmoid and the loss the cross-entropy
    −Σ x log x̂ + (1 − x) log(1 − x̂); else ψ is the identity and the loss ½ Σ (x̂ − x)². Sums run
    over the inputs, and the mean over the batch is taken.

    Attributes:
        weight: W, shape ``(hidden, visible)``.
        visible: a, the biases of the reconstruction.
        hidden: b, the biases of the hidden units.
        activation: φ.
        bounded: whether inputs lie in [0, 1].
    """

    weight: Tensor
    visible: Tensor
    hidden: Tensor
    activation: str
    bounded: bool

    @classmethod
    def draw(
        cls,
        inputs: Tensor,
        units: int,
        generator: torch.Generator,
        activation: str,
        *,
        bounded: bool,
    ) -> Autoencoder:
        """Draw an untrained autoencoder: W from N(0, 2/(visible + hidden)), biases 0."""
        size = inputs.shape[1]
        weight = torch.randn(units, size, generator=generator) * math.sqrt(2 / (units + size))
        return cls(weight, torch.zeros(size), torch.zeros(units), activation, bounded)

    def encode(self, x: Tensor) -> Tensor:
        """Compute h of each row."""
        return PHI[self.activation](torch.addmm(self.hidden, x, self.weight.T))

    def decode(self, h: Tensor) -> Tensor:
        """Compute x̂ of each row."""
        out = torch.addmm(self.visible, h, self.weight)
        return torch.sigmoid(out) if self.bounded else out

    def parameters(self) -> list[Tensor]:
        """Return W, a and b."""
        return [self.weight, self.visible, self.hidden]

    def compute_gradient(self, x: Tensor) -> list[Tensor]:
        """Compute the gradient of the loss by W, a and b.

        Both pairs of ψ and loss give ∂L/∂(Wᵀh + a) = (x̂ − x)/batch.
        """
        h = self.encode(x)
        error = (self.decode(h) - x) / len(x)
        delta = error @ self.weight.T * SLOPE[self.activation](h)
        return [delta.T @ x + h.T @ error, error.sum(0), delta.sum(0)]
