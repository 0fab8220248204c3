"""The restricted Boltzmann machine with binary units, and contrastive divergence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

INITIAL_STD = 0.01
"""Standard deviation of the weights before training (Hinton 2010, section 8)."""
_MIN_SHARE_ON = 0.01


@dataclass(frozen=True, eq=False)
class RBM:
    """p(v, h) = exp(−E(v, h))/Z for binary v and h, with E = −aᵀv − bᵀh − hᵀWv.

    Smolensky 1986; as a layer of a stack Hinton, Osindero & Teh 2006. Inputs in [0, 1] stand for
    the probabilities that a unit is 1.

    Attributes:
        weight: W, shape ``(hidden, visible)``.
        visible: a, the biases of the visible units.
        hidden: b, the biases of the hidden units.
    """

    weight: Tensor
    visible: Tensor
    hidden: Tensor

    @classmethod
    def draw(cls, inputs: Tensor, units: int, generator: torch.Generator) -> RBM:
        """Draw an untrained machine for ``inputs``: W from N(0, 0.01²), b = 0, a = log(p/(1 − p)).

        p is how often each visible unit is on, so that the biases alone reconstruct the mean.
        """
        weight = torch.randn(units, inputs.shape[1], generator=generator) * INITIAL_STD
        visible = inputs.mean(0).clamp(_MIN_SHARE_ON, 1 - _MIN_SHARE_ON).logit()
        return cls(weight, visible, torch.zeros(units))

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """Compute E(v, h) of each row."""
        return -(v @ self.visible) - h @ self.hidden - ((h @ self.weight) * v).sum(-1)

    def free_energy(self, v: Tensor) -> Tensor:
        """Compute F(v) of each row.

        F(v) = −log Σ_h exp(−E(v, h)) = −aᵀv − Σ_j log(1 + exp(b_j + (Wv)_j)).
        """
        return -(v @ self.visible) - F.softplus(v @ self.weight.T + self.hidden).sum(-1)

    def encode(self, v: Tensor) -> Tensor:
        """Compute p(h_j = 1 | v) = σ(b_j + (Wv)_j)."""
        return torch.sigmoid(torch.addmm(self.hidden, v, self.weight.T))

    def decode(self, h: Tensor) -> Tensor:
        """Compute p(v_i = 1 | h) = σ(a_i + (Wᵀh)_i)."""
        return torch.sigmoid(torch.addmm(self.visible, h, self.weight))

    def parameters(self) -> list[Tensor]:
        """Return W, a and b."""
        return [self.weight, self.visible, self.hidden]


@dataclass(frozen=True, eq=False)
class Uniforms:
    """Random numbers from U(0, 1) for one chain of k Gibbs steps; a unit is on if below p.

    Attributes:
        hidden: one ``(batch, hidden)`` per step.
        visible: one ``(batch, visible)`` per step; ``None``: v stays the probability itself.
    """

    hidden: Sequence[Tensor]
    visible: Sequence[Tensor] | None

    @classmethod
    def draw(
        cls, rbm: RBM, batch: int, k: int, generator: torch.Generator, *, sampled: bool
    ) -> Uniforms:
        """Draw numbers for k steps with ``batch`` chains."""
        hidden, visible = rbm.weight.shape

        def draw(units: int) -> list[Tensor]:
            return list(torch.rand(k, batch, units, generator=generator))

        return cls(draw(hidden), draw(visible) if sampled else None)


def contrastive_divergence(rbm: RBM, v: Tensor, uniforms: Uniforms) -> list[Tensor]:
    """Estimate the gradient of the mean log-likelihood by W, a and b, with CD-k.

    ⟨h vᵀ⟩ over the data minus ⟨h vᵀ⟩ after k Gibbs steps that begin at the data, likewise ⟨v⟩
    and ⟨h⟩. Hidden states are sampled within the chain and probabilities in the statistics; the
    visible ones are probabilities unless ``uniforms`` has numbers for them (Hinton 2002, 2010).
    It is not the gradient of any function, and it approaches that of the log-likelihood as k
    grows if the visible units are sampled.

    Args:
        rbm: the machine.
        v: data in [0, 1], shape ``(batch, visible)``.
        uniforms: the random numbers of the chain.
    """
    start = p = rbm.encode(v)
    chain = v
    for i, numbers in enumerate(uniforms.hidden):
        chain = rbm.decode((numbers < p).to(p.dtype))
        if uniforms.visible is not None:
            chain = (uniforms.visible[i] < chain).to(p.dtype)
        p = rbm.encode(chain)
    return [
        (start.T @ v - p.T @ chain) / len(v),
        (v - chain).mean(0),
        (start - p).mean(0),
    ]
