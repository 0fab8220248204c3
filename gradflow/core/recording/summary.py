"""What is kept of each tensor, and how the two summarizers that produce it are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from gradflow.core.histogram import Histogram

Interval = tuple[float, float]
FloatArray = npt.NDArray[np.float64]

FIELDS = (
    "size", "mean", "std", "rms", "low", "high", "zeros", "subnormal", "nan", "posinf", "neginf",
    "saturated", "dead_units", "similarity",
)  # fmt: skip
NONE = -1
"""The ticket of a tensor that was not recorded."""


@dataclass(frozen=True, eq=False)
class Summaries:
    """Statistics of all recorded tensors, over all entries of each, accumulated in float64.

    ``numbers`` has a row per ticket, a column per name in ``FIELDS``, and a last row of NaN for
    ``NONE``. With non-finite entries the moments follow IEEE rules (a sum with NaN is NaN);
    histograms count them apart. ``saturated`` is a share, ``dead_units`` a number of units,
    ``similarity`` the mean cosine between two samples; NaN where they do not apply.
    """

    numbers: FloatArray
    histograms: Sequence[Histogram]

    def column(self, name: str, tickets: Sequence[int]) -> FloatArray:
        """A field of some tickets, or what follows from the fields.

        ``norm`` is the Frobenius norm, ``max_abs`` the largest absolute value, ``zero`` the share
        of exact zeros, ``nonfinite`` the number of NaN and infinite entries.
        """
        rows = np.asarray(tickets, np.intp)

        def field(name: str) -> FloatArray:
            found: FloatArray = self.numbers[rows, FIELDS.index(name)]
            return found

        match name:
            case "norm":
                with np.errstate(over="ignore"):
                    return field("rms") * np.sqrt(field("size"))
            case "max_abs":
                return np.maximum(abs(field("low")), abs(field("high")))
            case "zero":
                return field("zeros") / field("size")
            case "nonfinite":
                return field("nan") + field("posinf") + field("neginf")
        return field(name)


@dataclass(frozen=True)
class Response:
    """What to count in the output of an activation function (see ``ActivationChoice``).

    A unit is an entry along the last axis, or along the second one, the ``channels``, behind a
    convolution: one output of the layer, at all positions at which it is applied.
    """

    unsaturated: Interval | None = None
    alive: Interval | None = None
    channels: bool = False


class Summarizer(Protocol):
    """Turns tensors into summaries, at once or later; a ticket names a summary to come."""

    def signal(self, x: Tensor, response: Response | None = None, *, samples: bool = True) -> int:
        """Enqueue a forward signal or a weight: linear histogram, saturation, dead units.

        ``samples``: the first axis of ``x`` runs over samples, whose similarity is measured.
        """

    def gradient(self, x: Tensor) -> int:
        """Enqueue a gradient: log histogram; it is divided by the loss scale first."""

    def collect(self) -> Summaries:
        """All summaries."""
