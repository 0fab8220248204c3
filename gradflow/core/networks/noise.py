"""Random slopes of RReLU, drawn from a generator of the network's own.

All threads share PyTorch's global generator: the slopes of one user's network would depend on
the passes that other users run at the same time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def apply_random_slopes(module: nn.RReLU, x: Tensor, generator: torch.Generator) -> Tensor:
    """Apply RReLU with slopes from ``generator``, drawn as PyTorch draws from its global one."""
    out: Tensor = torch.ops.aten.rrelu_with_noise(
        x, torch.empty_like(x), module.lower, module.upper, module.training, generator
    )
    return out


def draw_random_slopes(module: nn.RReLU, x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw the slope that RReLU in training has at each entry of x; above 0 it is 1."""
    slopes = torch.empty_like(x)
    torch.ops.aten.rrelu_with_noise(x, slopes, module.lower, module.upper, True, generator)
    return slopes


class SeededRReLU(nn.RReLU):
    """RReLU with a generator that all layers of a network share."""

    generator: torch.Generator

    def forward(self, x: Tensor) -> Tensor:
        """Apply RReLU to each entry."""
        return apply_random_slopes(self, x, self.generator)


def list_noise_generators(model: nn.Module) -> list[torch.Generator]:
    """List the generators that ``model`` draws from, each once."""
    generators = [m.generator for m in model.modules() if isinstance(m, SeededRReLU)]
    return list(dict.fromkeys(generators))


def seed_noise(model: nn.Module, seed: int, device: torch.device) -> None:
    """Make every RReLU of ``model`` draw as after ``torch.manual_seed(seed)``."""
    generator = torch.Generator(device).manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.RReLU):
            module.__class__ = SeededRReLU
            assert isinstance(module, SeededRReLU)
            module.generator = generator
