"""The statistics kept of each tensor, and the protocol of the two summarizers that compute them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gradflow.core.histogram import Histogram
from gradflow.core.units import Units

Interval = tuple[float, float]
FloatArray = npt.NDArray[np.float64]
Entries = TypeVar("Entries", Tensor, npt.NDArray[Any])

FIELDS = (
    *("size", "mean", "std", "rms", "low", "high"),
    *("zeros", "subnormal", "nan", "posinf", "neginf"),
    *("saturated", "dead_units", "similarity"),
)
FULL_PRECISION = (torch.float32, torch.float64)
"""Formats in which statistics are computed; others are converted first."""
_MOST_ROWS, _FEWEST_SAMPLES = 256, 16
"""Rows over which a unit's mean is taken, about: a fixed cost beside that of a layer."""
NONE = -1
"""The ticket of a tensor that was not recorded."""


@dataclass(frozen=True, eq=False)
class Summaries:
    """Statistics of all recorded tensors, over all entries of each, accumulated in float64.

    ``numbers`` has a row per ticket, a column per name in ``FIELDS``, and a last row of NaN for
    ``NONE``. With non-finite entries the moments follow IEEE rules (a sum with NaN is NaN);
    histograms count them apart. ``saturated`` is a share, ``dead_units`` a number of units,
    ``similarity`` the mean cosine between two samples; NaN where they do not apply. ``units`` are
    the first units of some tensors, by ticket.
    """

    numbers: FloatArray
    histograms: Sequence[Histogram]
    units: Mapping[int, Units] = field(default_factory=dict)

    def get_column(self, name: str, tickets: Sequence[int]) -> FloatArray:
        """Get a field of some tickets, or compute what follows from the fields.

        ``norm`` is the Frobenius norm, ``max_abs`` the largest absolute value, ``zero`` the share
        of exact zeros, ``nonfinite`` the number of NaN and infinite entries.
        """
        rows = np.asarray(tickets, np.intp)

        def read_field(name: str) -> FloatArray:
            values: FloatArray = self.numbers[rows, FIELDS.index(name)]
            return values

        match name:
            case "norm":
                with np.errstate(over="ignore"):
                    return read_field("rms") * np.sqrt(read_field("size"))
            case "max_abs":
                return np.maximum(abs(read_field("low")), abs(read_field("high")))
            case "zero":
                return read_field("zeros") / read_field("size")
            case "nonfinite":
                return read_field("nan") + read_field("posinf") + read_field("neginf")
        return read_field(name)


@dataclass(frozen=True)
class Response:
    """Intervals that tell saturated entries and dead units of an activation (``ActivationChoice``).

    A unit is one output of the layer, at all positions at which it is applied: an entry along the
    last axis, or behind a convolution (``channels``) along the second one.
    """

    unsaturated: Interval | None = None
    alive: Interval | None = None
    channels: bool = False


class Summarizer(Protocol):
    """Turns tensors into summaries, at once or later; a ticket names a summary to come.

    Attributes:
        loss_scale: gradients are divided by it; it can be set until the first one comes.
    """

    loss_scale: float

    def add_signal(
        self,
        x: Tensor,
        response: Response | None = None,
        *,
        samples: bool = True,
        axis: int = 0,
        units: bool = False,
        channels: bool = False,
    ) -> int:
        """Summarize a forward signal or a weight: linear histogram, saturation, dead units.

        ``samples``: ``axis`` of ``x`` runs over samples, whose similarity is measured.
        ``units``: whether single units are recorded, and ``channels``: whether these are those of
        a convolution.
        """

    def add_gradient(self, x: Tensor) -> int:
        """Summarize a gradient, divided by the loss scale first: log histogram."""

    def collect(self) -> Summaries:
        """Collect all summaries."""


def view_units(x: Entries, *, channels: bool) -> Entries:
    """View entries as ``(rows, units)``, of images as ``(samples, units, positions)``."""
    if x.ndim == 2:
        return x
    if channels and x.ndim > 2:
        return x.reshape(*x.shape[:2], -1)
    return x.reshape(-1, x.shape[-1]) if x.ndim > 1 else x.reshape(-1, 1)


def choose_steps(rows: int, positions: int) -> tuple[int, int]:
    """Choose the steps over rows and positions by which single units are looked at.

    They are 1 up to ``_MOST_ROWS`` entries of a unit; of more, that many stand for all.
    """
    step = min(-(-rows * positions // _MOST_ROWS), -(-rows // _FEWEST_SAMPLES))
    used = -(-rows // step)
    return step, -(-used * positions // _MOST_ROWS)


def to_full_precision(x: Tensor) -> Tensor:
    """Convert float16 and bfloat16 to float32, which holds all their values exactly."""
    return x if x.dtype in FULL_PRECISION else x.float()


def view_as_real(x: Tensor) -> Tensor:
    """View complex numbers as their real and imaginary parts; other tensors stay as they are."""
    return torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
