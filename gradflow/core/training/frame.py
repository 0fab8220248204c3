"""The distributions of a training step in short: what a film of the training shows of it.

A report of 20 layers takes half a megabyte, a frame of them 12 kB, so that every step of a short
run can be kept.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gradflow.core.histogram import (
    FloatArray,
    Histogram,
    cumulate,
    drop_zeros,
    is_point,
    read_point,
)
from gradflow.core.report import Quantity, Report

FRAMED: tuple[Quantity, ...] = ("activation", "delta", "activation_grad", "weight_grad")
"""The quantities of a frame, in the order of its arrays."""
NUMBERS = ("low", "high", "zeros", "nonfinite", "level")
GRADIENTS = FRAMED[1:]
"""Those of them whose signs are kept beside the logarithms of their sizes."""
BINS = 128
SIGNS = BINS // 2
"""The share of positive entries is that of two neighbouring bins."""
_LARGEST = float(np.finfo(np.float32).max)
_NUMBER = np.dtype("<f4")


@dataclass(frozen=True, eq=False)
class Frame:
    """The distributions of a step, each on equal bins between its own smallest and largest entry.

    Attributes:
        numbers: ``(FRAMED, NUMBERS, layers)`` in float32: ends of the bins, shares of entries that
            are exactly 0 and that are not finite, and the standard deviation of the activations,
            or log10 of the RMS of the gradients (NaN where that is 0). The ends of gradients are
            log10 of their sizes; NaN without finite entries (zeros aside).
        shades: ``(FRAMED, layers, BINS)``: 255·√(entries of the bin, relative to the fullest bin),
            rounded up, so that 0 is an empty bin. Exact zeros are in no bin.
        signs: ``(GRADIENTS, layers, SIGNS)``: 255 times the share of the entries in two bins that
            are positive.
        smallest_normal, smallest: limits of the number format, as in the report.
    """

    numbers: npt.NDArray[np.float32]
    shades: npt.NDArray[np.uint8]
    signs: npt.NDArray[np.uint8]
    smallest_normal: float
    smallest: float

    @classmethod
    def take(cls, report: Report) -> Self:
        """Take the frame of a step from its report."""
        table = report.get_table("layers")
        layers = [int(layer) for layer in table["layer"]]
        numbers = np.full((len(FRAMED), len(NUMBERS), len(layers)), np.nan)
        shades = np.zeros((len(FRAMED), len(layers), BINS), np.uint8)
        signs = np.zeros((len(GRADIENTS), len(layers), SIGNS), np.uint8)
        for i, what in enumerate(FRAMED):
            for j, layer in enumerate(layers):
                histogram = report.histograms.get((what, layer))
                if histogram is not None and histogram.total:
                    numbers[i, :4, j], shades[i, j], share = _shorten_histogram(histogram)
                    if what in GRADIENTS:
                        signs[GRADIENTS.index(what), j] = share
            numbers[i, 4] = _measure_level(table, what)
        numbers = np.clip(numbers, -_LARGEST, _LARGEST)  # NaN stays
        limits = report.smallest_normal, report.smallest
        return cls(numbers.astype(np.float32), shades, signs, *limits)

    def select(
        self, *quantities: Quantity
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Select the numbers and the shades of some quantities."""
        rows = [FRAMED.index(what) for what in quantities]
        return self.numbers[rows], self.shades[rows]

    def select_signs(self, gradient: Quantity) -> npt.NDArray[np.float64]:
        """Select the share of positive entries of each bin of a gradient: ``(layers, BINS)``."""
        shares = self.signs[GRADIENTS.index(gradient)] / 255.0
        return np.repeat(shares, BINS // SIGNS, axis=-1)

    def pack(self, *quantities: Quantity) -> bytes:
        """Pack the numbers, then the shades of some quantities, for a browser."""
        numbers, shades = self.select(*quantities)
        return numbers.astype(_NUMBER).tobytes() + shades.tobytes()

    def to_text(self) -> str:
        """Write the frame for a file, in base64."""
        limits = np.array([self.smallest_normal, self.smallest], "<f8").tobytes()
        return base64.b64encode(limits + self.pack(*FRAMED) + self.signs.tobytes()).decode()

    @classmethod
    def from_text(cls, text: str, layers: int) -> Self:
        """Read what ``to_text`` wrote.

        Raises:
            ValueError: it is no frame of so many layers.
        """
        content = base64.b64decode(text, validate=True)
        limits = np.frombuffer(content[:16], "<f8")
        count = len(FRAMED) * len(NUMBERS) * layers
        middle = 16 + count * _NUMBER.itemsize
        numbers = np.frombuffer(content[16:middle], _NUMBER).astype(np.float32)
        end = middle + len(FRAMED) * layers * BINS
        shades = np.frombuffer(content[middle:end], np.uint8)
        signs = np.frombuffer(content[end:], np.uint8)
        arranged = numbers.reshape(len(FRAMED), len(NUMBERS), layers)
        if np.isinf(numbers).any() or not (np.isfinite(limits).all() and (limits > 0).all()):
            raise ValueError("numbers that are not finite")
        if ((arranged[:, 2:4] < 0) | (arranged[:, 2:4] > 1)).any():
            raise ValueError("shares that are none")
        if (arranged[:, 0] > arranged[:, 1]).any():
            raise ValueError("bins that end below their beginning")
        return cls(
            arranged,
            shades.reshape(len(FRAMED), layers, BINS),
            signs.reshape(len(GRADIENTS), layers, SIGNS),
            *limits.tolist(),
        )


def _shorten_histogram(
    histogram: Histogram,
) -> tuple[tuple[float, float, float, float], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Find the ends of its bins, its shares beside them, the shades of its bins, and its signs."""
    total = histogram.total
    beside = histogram.zeros / total, histogram.nonfinite / total
    is_linear = histogram.scale == "linear"
    counts = drop_zeros(histogram) if is_linear else histogram.counts
    positive = counts if is_linear else histogram.signed[1]
    used = np.flatnonzero(counts)
    if not len(used):
        return (np.nan, np.nan, *beside), np.zeros(BINS, np.uint8), np.zeros(SIGNS, np.uint8)
    if is_point(histogram):
        low = high = read_point(histogram)
        amounts, own = np.zeros(BINS), np.zeros(BINS)
        amounts[0], own[0] = counts.sum(), positive.sum()
    else:
        edges = histogram.edges
        low, high = float(edges[used[0]]), float(edges[used[-1] + 1])
        # As a weighted mean: the difference of both may exceed the range of float64.
        share = np.arange(BINS + 1) / BINS
        places = low * (1 - share) + high * share
        amounts, own = (
            np.diff(np.interp(places, edges, cumulate(side))) for side in (counts, positive)
        )
    shades = np.ceil(255 * np.sqrt(amounts / amounts.max()))
    pairs, own_pairs = (side.reshape(SIGNS, -1).sum(axis=1) for side in (amounts, own))
    signs = np.divide(own_pairs, pairs, out=np.zeros(SIGNS), where=pairs > 0)
    return (low, high, *beside), shades.astype(np.uint8), np.rint(255 * signs).astype(np.uint8)


def _measure_level(table: Any, what: Quantity) -> FloatArray:
    if what == "activation":
        return np.asarray(table.get_numbers("activation_std"))
    rms = table.get_numbers(f"{what}_rms")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.isfinite(rms) & (rms > 0), np.log10(rms), np.nan)
