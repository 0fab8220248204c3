"""Histograms of a report, each on bins of its own, on rows that a whole band shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.core.histogram import Histogram, cumulate, drop_zeros, is_point, read_point


@dataclass(frozen=True)
class Grid:
    """Rows of equal height along an axis.

    The coordinate of a value v is v itself (``linear``), log10 of it (``log10``), or, for signed
    values over decades (``symlog``), sign(v)·log10(1 + |v|/threshold).
    """

    kind: Literal["linear", "log10", "symlog"]
    low: float
    step: float
    rows: int
    threshold: float = 1.0

    @cached_property  # every histogram of a band asks for them
    def edges(self) -> FloatArray:
        """Coordinates of the row edges, ``rows + 1`` of them."""
        return self.low + self.step * np.arange(self.rows + 1, dtype=np.float64)

    @property
    def high(self) -> float:
        """Upper end of the last row."""
        return self.low + self.step * self.rows

    def to_axis(self, value: float) -> float:
        """Convert a value to its coordinate (for ``log10`` the value is a logarithm already)."""
        if self.kind != "symlog":
            return value
        return float(np.sign(value) * np.log10(1 + abs(value) / self.threshold))

    def from_axis(self, coordinates: FloatArray) -> FloatArray:
        """Convert coordinates to values, the inverse of :meth:`to_axis`."""
        if self.kind != "symlog":
            return coordinates
        with np.errstate(over="ignore"):
            size = self.threshold * np.expm1(np.abs(coordinates) * np.log(10.0))
        return np.asarray(np.sign(coordinates) * size)

    @classmethod
    def cover(
        cls,
        low: float,
        high: float,
        rows: int,
        kind: Literal["linear", "log10", "symlog"] = "linear",
        threshold: float = 1.0,
    ) -> Grid:
        """Cover the coordinates ``low`` … ``high`` by about ``rows`` rows, 0 in the middle of one.

        On the edge of a row, exact zeros and signals that shrink to nothing would straddle two.
        One more row at either end keeps round bounds, 1 for instance, on the axis.
        """
        step = (high - low) / rows
        first, last = round(low / step) - 1, round(high / step) + 1
        return cls(kind, (first - 0.5) * step, step, last - first + 1, threshold)


@dataclass(frozen=True, eq=False)
class RowShares:
    """One histogram on the rows of a grid, in shares of all entries of the tensor.

    ``rows.sum() + below + above + zeros·[log] + nonfinite`` is 1. In a linear histogram the exact
    zeros are in their row, and ``spread`` is the largest row without them.
    """

    rows: FloatArray
    below: float
    above: float
    zeros: float
    nonfinite: float
    spread: float


def rebin(histogram: Histogram, grid: Grid) -> RowShares:
    """Compute the shares per row by exact overlap of bins (uniform inside a bin) and rows."""
    total = histogram.total
    if not total:
        return RowShares(np.zeros(grid.rows), 0.0, 0.0, 0.0, 0.0, 0.0)
    counts = histogram.counts
    zeros = histogram.zeros if histogram.scale == "linear" else 0
    edges = grid.from_axis(grid.edges)
    if is_point(histogram):
        rows, below, above = _place_equal_entries(read_point(histogram), counts[0] - zeros, edges)
    else:
        if zeros:
            counts = drop_zeros(histogram)
        cumulated = cumulate(counts)
        inside = np.interp(edges, histogram.edges, cumulated)
        rows, below, above = inside[1:] - inside[:-1], inside[0], cumulated[-1] - inside[-1]
    spread = float(rows.max(initial=0.0))
    if zeros:
        zero_rows, zero_below, zero_above = _place_equal_entries(0.0, zeros, edges)
        rows, below, above = rows + zero_rows, below + zero_below, above + zero_above
    return RowShares(
        rows / total,
        float(below / total),
        float(above / total),
        histogram.zeros / total,
        histogram.nonfinite / total,
        spread / total,
    )


def _place_equal_entries(
    value: float, amount: float, edges: FloatArray
) -> tuple[FloatArray, float, float]:
    """Place ``amount`` entries that all equal ``value``: in the rows, below, above."""
    rows = np.zeros(len(edges) - 1)
    row = int(np.searchsorted(edges, value, side="right")) - 1
    if row < 0:
        return rows, amount, 0.0
    if row >= len(rows):
        return rows, 0.0, amount
    rows[row] = amount
    return rows, 0.0, 0.0


def find_histogram_extremes(histogram: Histogram) -> tuple[float, float]:
    """Find smallest and largest finite entry (to the bin, on a log grid); NaN without any."""
    if is_point(histogram):
        return read_point(histogram), read_point(histogram)
    counts, edges = histogram.counts, histogram.edges
    if len(counts) and counts[0] and counts[-1]:  # always so in a linear one that was recorded
        return float(edges[0]), float(edges[-1])
    used = counts.nonzero()[0]
    if not len(used):
        return np.nan, np.nan
    return float(edges[used[0]]), float(edges[used[-1] + 1])


def compute_quantiles(histogram: Histogram, shares: tuple[float, ...]) -> Iterator[float]:
    """Compute the values below which ``shares`` of the binned entries lie; NaN without any."""
    cumulated = cumulate(histogram.counts)
    if is_point(histogram):
        yield from (read_point(histogram) for _share in shares)
    elif not cumulated[-1]:
        yield from (np.nan for _share in shares)
    else:
        yield from map(
            float, np.interp(cumulated[-1] * np.array(shares), cumulated, histogram.edges)
        )
