"""The statistics of a layer's signal, and of the inputs."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gradflow.core.data import draw_batch
from gradflow.core.experiment import Data
from gradflow.core.theory.moments import FloatArray

SAMPLES, PAIRS = 32, 24
"""Representative samples (quantiles of the input norm) and pairs of samples."""


def average(values: FloatArray) -> float:
    """Average values along one axis, to the same number as ``values.mean()``.

    A prediction averages some hundred short arrays, and the method takes 5 µs whatever the length.
    """
    return float(np.add.reduce(values) / len(values))


class Signal(NamedTuple):
    """Statistics of a signal, a vector of units for each sample.

    Attributes:
        power: mean square over the units, for representative samples.
        mean: mean over the units, for the same samples.
        cosine: cosine between the vectors of two samples, for representative pairs.
    """

    power: FloatArray
    mean: FloatArray
    cosine: FloatArray

    @property
    def mean_power(self) -> float:
        """Mean square over units and samples."""
        return average(self.power)

    def compute_overlap(self, batch_size: int) -> float:
        """Compute the mean cosine of all pairs of samples, each sample with itself included."""
        return 1 + (1 - 1 / batch_size) * (average(self.cosine) - 1)

    def compute_std(self, units: int, batch_size: int) -> float:
        """Compute the standard deviation over all entries of the batch.

        The mean over finitely many units varies by chance; its variance is subtracted.
        """
        power, square = self.mean_power, average(self.mean) ** 2
        common = power * self.compute_overlap(batch_size) - square
        return math.sqrt(max(power - square - common / units, 0.0))


class LayerOutput(NamedTuple):
    """The output of a layer, behind norm and activation.

    Attributes:
        signal: the output.
        slope: ‖∂L/∂z‖² / ‖∂L/∂output‖² for the representative samples.
        saturated: share of saturated activations.
    """

    signal: Signal
    slope: FloatArray
    saturated: float


@lru_cache(maxsize=32)
def measure_powers(data: Data, seed: int) -> FloatArray:
    """Measure the mean square of each sample of the batch that an experiment draws."""
    result: FloatArray = (draw_batch(data, seed)[0].double().numpy() ** 2).mean(1)
    return result


@lru_cache(maxsize=32)
def measure_input(data: Data, seed: int) -> Signal:
    """Measure the statistics of the batch that an experiment draws."""
    x = draw_batch(data, seed)[0].double().numpy()
    power = measure_powers(data, seed)
    levels = (np.arange(SAMPLES) + 0.5) / SAMPLES
    representative = power if len(power) <= SAMPLES else np.quantile(power, levels)
    unit = x / np.sqrt(np.maximum((x**2).sum(1, keepdims=True), 1e-300))
    if len(x) == 1:
        return Signal(power, np.zeros(1), np.ones(1))
    some = unit[:128]
    cosines = (some @ some.T)[np.triu_indices(len(some), 1)]
    if len(cosines) > PAIRS:
        cosines = np.quantile(cosines, (np.arange(PAIRS) + 0.5) / PAIRS)
    exact = ((unit.sum(0) ** 2).sum() - len(x)) / (len(x) * (len(x) - 1))
    # Quantiles trim the tails; both means are put back.
    cosines = np.clip(cosines + exact - cosines.mean(), -1.0, 1.0)
    representative = representative * (power.mean() / max(representative.mean(), 1e-300))
    return Signal(representative, np.zeros_like(representative), cosines)


def add_signals(h: Signal, f: Signal, scale: float) -> Signal:
    """Add independent signals, h + scale·f, where f has mean 0."""
    f_power = scale**2 * f.power
    h_mean, f_mean = h.mean_power, average(f_power)
    total = max(h_mean + f_mean, 1e-300)
    return Signal(h.power + f_power, h.mean, (h_mean * h.cosine + f_mean * f.cosine) / total)


def scale_signal(signal: Signal, factor: float) -> Signal:
    """Multiply a signal's squares by ``factor``."""
    return Signal(factor * signal.power, math.sqrt(factor) * signal.mean, signal.cosine)
