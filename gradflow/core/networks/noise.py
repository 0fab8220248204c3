"""Random slopes from a generator of the network's own.

PyTorch's global generator is shared by all threads: what one user's network draws would depend on
whose pass runs beside it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def apply_random_slopes(module: nn.RReLU, x: Tensor, generator: torch.Generator) -> Tensor:
    """RReLU of ``x`` with the numbers that the global generator in the same state would give."""
    out: Tensor = torch.ops.aten.rrelu_with_noise(
        x, torch.empty_like(x), module.lower, module.upper, module.training, generator
    )
    return out


class SeededRReLU(nn.RReLU):
    """RReLU with a generator, which all layers of a network share."""

    generator: torch.Generator

    def forward(self, x: Tensor) -> Tensor:
        """Entry by entry."""
        return apply_random_slopes(self, x, self.generator)


def list_noise_generators(model: nn.Module) -> list[torch.Generator]:
    """The generators that ``model`` draws from, each once."""
    found = [m.generator for m in model.modules() if isinstance(m, SeededRReLU)]
    return list(dict.fromkeys(found))


def seed_noise(model: nn.Module, seed: int, device: torch.device) -> None:
    """Make every RReLU of ``model`` draw as after ``torch.manual_seed(seed)``."""
    generator = torch.Generator(device).manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.RReLU):
            module.__class__ = SeededRReLU
            assert isinstance(module, SeededRReLU)
            module.generator = generator
