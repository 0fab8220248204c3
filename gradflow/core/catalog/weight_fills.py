"""Functions that fill a weight, one for each initialization.

They fill ``weight`` in place from ``generator``: (out, in), or (out, in, height, width) of a
convolution, whose fans are in·height·width and out·height·width. They use nothing but torch,
because ``to_code`` prints their source into the exported script.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def zeros(weight: Tensor, generator: torch.Generator) -> None:
    """Set W = 0."""
    nn.init.zeros_(weight)


def constant(weight: Tensor, generator: torch.Generator, value: float) -> None:
    """Set W = value."""
    nn.init.constant_(weight, value)


def normal(weight: Tensor, generator: torch.Generator, std: float) -> None:
    """Draw W ~ N(0, std²)."""
    nn.init.normal_(weight, 0.0, std, generator=generator)


def uniform(weight: Tensor, generator: torch.Generator, limit: float) -> None:
    """Draw W ~ U(−limit, limit), variance limit²/3."""
    nn.init.uniform_(weight, -limit, limit, generator=generator)


def truncated_normal(weight: Tensor, generator: torch.Generator, std: float) -> None:
    """Draw W ~ N(0, std²) conditioned on |W| ≤ 2 std (the variance is then .774 std²)."""
    nn.init.trunc_normal_(weight, 0.0, std, -2 * std, 2 * std, generator=generator)


def lecun_normal(weight: Tensor, generator: torch.Generator) -> None:
    """Draw W ~ N(0, 1/fan_in) (LeCun et al. 1998)."""
    nn.init.normal_(weight, 0.0, 1 / math.sqrt(weight[0].numel()), generator=generator)


def lecun_uniform(weight: Tensor, generator: torch.Generator) -> None:
    """Draw W ~ U(−r, r) with r = √(3/fan_in), variance 1/fan_in."""
    limit = math.sqrt(3 / weight[0].numel())
    nn.init.uniform_(weight, -limit, limit, generator=generator)


def xavier_normal(weight: Tensor, generator: torch.Generator, gain: float) -> None:
    """Draw W ~ N(0, gain²·2/(fan_in + fan_out)) (Glorot & Bengio 2010)."""
    nn.init.xavier_normal_(weight, gain, generator=generator)


def xavier_uniform(weight: Tensor, generator: torch.Generator, gain: float) -> None:
    """Draw W ~ U(−r, r) with r = gain·√(6/(fan_in + fan_out))."""
    nn.init.xavier_uniform_(weight, gain, generator=generator)


def kaiming_normal(weight: Tensor, generator: torch.Generator, gain: float, mode: str) -> None:
    """Draw W ~ N(0, gain²/fan) (He et al. 2015)."""
    fan = weight[0].numel() if mode == "fan_in" else weight[:, 0].numel()
    nn.init.normal_(weight, 0.0, gain / math.sqrt(fan), generator=generator)


def kaiming_uniform(weight: Tensor, generator: torch.Generator, gain: float, mode: str) -> None:
    """Draw W ~ U(−r, r) with r = gain·√(3/fan)."""
    fan = weight[0].numel() if mode == "fan_in" else weight[:, 0].numel()
    limit = gain * math.sqrt(3 / fan)
    nn.init.uniform_(weight, -limit, limit, generator=generator)


def orthogonal(weight: Tensor, generator: torch.Generator, gain: float) -> None:
    """Draw orthonormal rows or columns, times gain (Saxe et al. 2014)."""
    nn.init.orthogonal_(weight, gain, generator=generator)


def pytorch(weight: Tensor, generator: torch.Generator) -> None:
    """Draw W ~ U(−1/√fan_in, 1/√fan_in), variance 1/(3·fan_in), as ``nn.Linear`` does."""
    nn.init.kaiming_uniform_(weight, math.sqrt(5), generator=generator)
