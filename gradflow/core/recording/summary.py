"""What is kept of one tensor, and how the two summarizers that produce it are called."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from gradflow.core.histogram import Histogram, Specials

Interval = tuple[float, float]


@dataclass(slots=True)
class Summary:
    """Statistics of one tensor, over all its entries, accumulated in float64.

    With non-finite entries the moments follow IEEE rules (a sum with NaN is NaN); ``histogram``
    counts them apart. ``saturated`` is a share, ``dead_units`` a number of units; both are NaN
    where they do not apply.
    """

    size: int
    mean: float
    std: float
    rms: float
    low: float
    high: float
    specials: Specials
    histogram: Histogram
    saturated: float = math.nan
    dead_units: float = math.nan

    @property
    def zero_share(self) -> float:
        """Share of exact zeros."""
        return self.specials.zeros / self.size

    @property
    def nonfinite(self) -> int:
        """Number of NaN and infinite entries."""
        return self.specials.nan + self.specials.posinf + self.specials.neginf

    @property
    def norm(self) -> float:
        """Frobenius norm."""
        return self.rms * math.sqrt(self.size)

    @property
    def max_abs(self) -> float:
        """Largest absolute value."""
        return max(abs(self.low), abs(self.high)) if self.low == self.low else math.nan


@dataclass(frozen=True)
class Response:
    """What to count in the output of an activation function (see ``ActivationChoice``)."""

    unsaturated: Interval | None = None
    alive: Interval | None = None


class Summarizer(Protocol):
    """Turns tensors into summaries, at once or later; a ticket names a summary to come."""

    def signal(self, x: Tensor, response: Response | None = None) -> int:
        """Enqueue a forward signal or a weight: linear histogram, saturation, dead units."""

    def gradient(self, x: Tensor) -> int:
        """Enqueue a gradient: log histogram; it is divided by the loss scale first."""

    def collect(self) -> list[Summary]:
        """All summaries, indexed by ticket."""
