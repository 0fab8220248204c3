"""The scatter of the statistics of small batches, and the error it makes in the output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from gradflow.core.errors import InvalidExperiment
from gradflow.core.histogram import FloatArray
from gradflow.core.spec import Spec
from gradflow.core.text import N_, Text

SIZES = tuple(2**i for i in range(1, 10))
POSITIONS = (1, 4, 16)
GROUP_CHANNELS = (2, 4, 8, 16, 32, 64)
_ENTRIES_DRAWN, _FEWEST_SETS = 2**18, 128
"""Statistics are measured over so many entries, in at least so many sets."""


class Law(StrEnum):
    """Codes of the distributions."""

    GAUSSIAN = "gaussian"
    RELU = "relu"
    LAPLACE = "laplace"


@dataclass(frozen=True, kw_only=True)
class LawRow:
    """A row of ``LAWS``, a distribution scaled to mean 0 and variance 1.

    Attributes:
        label: its name.
        kurtosis: κ = E x⁴; 3 for a Gaussian.
    """

    label: str
    kurtosis: float


_RELU_MEAN, _RELU_STD = math.sqrt(0.5 / math.pi), math.sqrt(0.5 - 0.5 / math.pi)
_RELU_KURTOSIS = (
    1.5 - 4 * _RELU_MEAN * math.sqrt(2 / math.pi) + 3 * _RELU_MEAN**2 - 3 * _RELU_MEAN**4
) / _RELU_STD**4
LAWS: dict[Law, LawRow] = {
    Law.GAUSSIAN: LawRow(label=N_("Gaussian"), kurtosis=3.0),
    Law.RELU: LawRow(label=N_("After ReLU"), kurtosis=_RELU_KURTOSIS),
    Law.LAPLACE: LawRow(label=N_("Heavy tails (Laplace)"), kurtosis=6.0),
}


class SmallBatches(Spec):
    """Independent entries of mean 0 and variance 1, normalized in batches and in groups."""

    law: Law = Field(Law.GAUSSIAN, title="Entries", description="Scaled to mean 0, variance 1.")
    batch_size: int = Field(
        8, ge=2, le=512, title="Batch size N", description="Where the formulas take their numbers."
    )
    positions: int = Field(
        1, ge=1, le=16, title="Positions H·W", description="Pixels per channel; 1: fully connected."
    )
    group_channels: int = Field(
        8, ge=2, le=64, title="Channels per group C/G", description="Of group norm."
    )
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other entries.")

    @field_validator("batch_size")
    @classmethod
    def _check_batch_size(cls, value: int) -> int:
        if value not in SIZES:
            allowed = Text("one of {sizes}", sizes=", ".join(map(str, SIZES)))
            raise InvalidExperiment.for_value("batch_size", value, allowed)
        return value

    @classmethod
    def applies(cls, name: str, values: Any) -> bool:  # noqa: ARG003 - the base class's signature
        """Whether a field has an effect, which all of them have."""
        return True


@dataclass(frozen=True, eq=False)
class Spread:
    """The statistics of sets of m entries; one entry per m.

    Attributes:
        mean: standard deviation of their mean.
        variance: standard deviation of their (biased) variance.
        error: root mean square of x̂ − x, where x̂ is normalized by the set's own mean and
            variance, and x, of mean 0 and variance 1, by those of the distribution.
    """

    mean: FloatArray
    variance: FloatArray
    error: FloatArray


@dataclass(frozen=True, eq=False)
class Spreads:
    """Batch norm and group norm at the batch sizes ``SIZES``, as measured and by theory."""

    batch: Spread
    batch_theory: Spread
    group: Spread
    group_theory: Spread


def measure_spreads(spec: SmallBatches) -> Spreads:
    """Measure the spread over many batches of every size.

    Batch norm averages over N·H·W entries. Group norm averages over (C/G)·H·W entries of each
    sample, whatever N is.
    """
    random = np.random.default_rng(spec.seed)
    batch = np.array(SIZES) * spec.positions
    group = np.full(len(SIZES), spec.group_channels * spec.positions)
    return Spreads(
        batch=measure_spread(spec.law, batch, random),
        batch_theory=predict_spread(spec.law, batch),
        group=measure_spread(spec.law, group, random),
        group_theory=predict_spread(spec.law, group),
    )


def draw_entries(law: Law, shape: tuple[int, int], random: np.random.Generator) -> FloatArray:
    """Draw independent entries of mean 0 and variance 1."""
    match law:
        case Law.GAUSSIAN:
            return random.standard_normal(shape)
        case Law.RELU:
            positive = np.maximum(random.standard_normal(shape), 0)
            return np.asarray((positive - _RELU_MEAN) / _RELU_STD)
        case Law.LAPLACE:
            return random.laplace(0, math.sqrt(0.5), shape)


def measure_spread(law: Law, entries: npt.NDArray[np.int64], random: np.random.Generator) -> Spread:
    """Measure the spread over many sets of so many entries each."""
    rows = []
    for m in entries.tolist():
        x = draw_entries(law, (max(_FEWEST_SETS, _ENTRIES_DRAWN // m), m), random)
        mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
        # Equal entries (zeros after ReLU) have variance 0, and become 0 whatever ε is.
        normalized = (x - mean) / np.sqrt(np.where(variance > 0, variance, 1))
        rows.append((mean.std(), variance.std(), math.sqrt(np.mean((normalized - x) ** 2))))
    return Spread(*np.array(rows).T)


def predict_spread(law: Law, entries: npt.NDArray[np.int64]) -> Spread:
    """Predict the spread of sets of m ≥ 2 entries of mean 0, variance 1 and kurtosis κ.

    Mean: 1/√m. Biased variance: (1 − 1/m)·√(κ/m − (m−3)/(m(m−1))). Error: within a set x̂ has
    mean square 1, and the mean of x̂·x is the set's standard deviation s; so the error is
    √(2 − 2 E s), for a Gaussian with E s = √(2/m)·Γ(m/2)/Γ((m−1)/2). Other laws: to first order
    in 1/m, √((κ + 3)/(4m)).
    """
    m = entries.astype(np.float64)
    kurtosis = LAWS[law].kurtosis
    variance = (1 - 1 / m) * np.sqrt(kurtosis / m - (m - 3) / (m * (m - 1)))
    if law is Law.GAUSSIAN:
        error = np.array(
            [math.sqrt(2 - 2 * _compute_gaussian_deviation(n)) for n in entries.tolist()]
        )
    else:
        error = np.sqrt((kurtosis + 3) / (4 * m))
    return Spread(1 / np.sqrt(m), variance, error)


def _compute_gaussian_deviation(entries: int) -> float:
    """Compute E s, the mean standard deviation of m Gaussian entries."""
    ratio = math.exp(math.lgamma(entries / 2) - math.lgamma((entries - 1) / 2))
    return math.sqrt(2 / entries) * ratio
