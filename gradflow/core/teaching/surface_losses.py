"""Losses of one or two parameters as functions of points of shape ``(…, d)``.

The second argument is the number that shapes the loss; those that have none pass it over.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def shelf(points: Tensor, _shape: float) -> Tensor:
    """Two walls of slope 4, between them a shelf that is almost level, and a dent.

    4/5·[softplus(5(−3 − x)) + softplus(5(x − 3.1))] + 0.7·[1 − exp(−(x − 1.9)²/(2·0.9²))].
    Far up the walls the slope is ∓4, so that plain descent with η = 2 jumps from one to the other
    and back; on the shelf it is a thousandth of that.
    """
    x = points[..., 0]
    walls = F.softplus(5 * (-3 - x)) + F.softplus(5 * (x - 3.1))
    return 0.8 * walls - 0.7 * torch.expm1(-((x - 1.9) ** 2) / 1.62)


def bowl(points: Tensor, _shape: float) -> Tensor:
    """x²/2."""
    return points[..., 0] ** 2 / 2


def double_well(points: Tensor, _shape: float) -> Tensor:
    """x⁴/4 − x³/3 − x² + 8/3: slope (x + 1)·x·(x − 2), a shallow and a deep minimum."""
    x = points[..., 0]
    return x**4 / 4 - x**3 / 3 - x**2 + 8 / 3


def ravine(points: Tensor, condition: float) -> Tensor:
    """(x² + κy²)/2 with the condition number κ."""
    x, y = points[..., 0], points[..., 1]
    return (x**2 + condition * y**2) / 2


def plateau(points: Tensor, condition: float) -> Tensor:
    """q/(1 + q) with q = (x² + κy²)/2: level far away, a ravine at y = 0 (Geman–McClure)."""
    q = ravine(points, condition)
    return q / (1 + q)


def rosenbrock(points: Tensor, _shape: float) -> Tensor:
    """(1 − x)² + 100(y − x²)²."""
    x, y = points[..., 0], points[..., 1]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def himmelblau(points: Tensor, _shape: float) -> Tensor:
    """(x² + y − 11)² + (x + y² − 7)²."""
    x, y = points[..., 0], points[..., 1]
    return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2


def saddle(points: Tensor, _shape: float) -> Tensor:
    """x²/2 + (y² − 1)²/4: a saddle at the origin between two minima."""
    x, y = points[..., 0], points[..., 1]
    return x**2 / 2 + (y**2 - 1) ** 2 / 4


def cliff(points: Tensor, time_steps: float) -> Tensor:
    """(σ(h_T) − 0.7)² of a recurrent network with one unit, h_t = w·σ(h_{t−1}) + b, h_0 = 0.5."""
    w, b = points[..., 0], points[..., 1]
    hidden = torch.full_like(w, 0.5)
    for _t in range(int(time_steps)):
        hidden = w * torch.sigmoid(hidden) + b
    return (torch.sigmoid(hidden) - 0.7) ** 2
