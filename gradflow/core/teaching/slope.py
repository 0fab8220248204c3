"""Values and derivatives of the catalog's activations at given points."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.experiment import MLP


@cache
def make_module(activation: Activation, dtype: torch.dtype = torch.float64) -> nn.Module:
    """Make the activation with its usual parameters; a random slope (RReLU) is its mean."""
    built = ACTIVATIONS[activation].module(MLP(activation=activation)).to(dtype).eval()
    return built.requires_grad_(False)


def evaluate_with_slope(activation: Activation, z: Tensor) -> tuple[Tensor, Tensor]:
    """Evaluate f(z), and f'(z) by autograd, entry by entry.

    Args:
        activation: f.
        z: any values, infinite ones included, shape ``(n,)``.

    Returns:
        f(z) and f'(z) in the shape and dtype of ``z``.
    """
    z = z.detach().requires_grad_()
    value = make_module(activation, z.dtype)(z)
    (slope,) = torch.autograd.grad(value, z, torch.ones_like(value))
    return value.detach(), slope
