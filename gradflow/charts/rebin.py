"""From the histograms of a report, each on its own bins, to rows that a whole band shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.core.histogram import Histogram, IntArray


@dataclass(frozen=True)
class Grid:
    """Rows of equal height along a drawn axis.

    The drawn coordinate is the value itself (``linear``), log10 of it (``log10``), or, for signed
    values over decades (``symlog``), sign(v)·log10(1 + |v|/threshold).
    """

    kind: Literal["linear", "log10", "symlog"]
    low: float
    step: float
    rows: int
    threshold: float = 1.0

    @property
    def edges(self) -> FloatArray:
        """Drawn coordinates of the row edges, ``rows + 1`` of them."""
        return self.low + self.step * np.arange(self.rows + 1, dtype=np.float64)

    @property
    def high(self) -> float:
        """Upper end of the last row."""
        return self.low + self.step * self.rows

    def to_axis(self, value: float) -> float:
        """Where a value lies on the axis (for ``log10`` the value is a logarithm already)."""
        if self.kind != "symlog":
            return value
        return float(np.sign(value) * np.log10(1 + abs(value) / self.threshold))

    def from_axis(self, drawn: FloatArray) -> FloatArray:
        """Inverse of :meth:`to_axis`."""
        if self.kind != "symlog":
            return drawn
        with np.errstate(over="ignore"):
            size = self.threshold * np.expm1(np.abs(drawn) * np.log(10.0))
        return np.asarray(np.sign(drawn) * size)

    @classmethod
    def cover(
        cls,
        low: float,
        high: float,
        rows: int,
        kind: Literal["linear", "log10", "symlog"] = "linear",
        threshold: float = 1.0,
    ) -> Grid:
        """About ``rows`` rows over ``low`` … ``high`` (drawn), 0 in the middle of a row.

        Else exact zeros, and signals that shrink to nothing, would straddle two rows. One more
        row at either end keeps round bounds such as 1 on the axis.
        """
        step = (high - low) / rows
        first, last = round(low / step) - 1, round(high / step) + 1
        return cls(kind, (first - 0.5) * step, step, last - first + 1, threshold)


@dataclass(frozen=True, eq=False)
class Rebinned:
    """One histogram on the rows of a grid; everything is a share of all entries of the tensor.

    ``rows.sum() + below + above + zeros·[log] + nonfinite`` is 1. In a linear histogram the exact
    zeros are in their row, and ``spread`` is the largest row without them.
    """

    rows: FloatArray
    below: float
    above: float
    zeros: float
    nonfinite: float
    spread: float


def rebin(histogram: Histogram, grid: Grid) -> Rebinned:
    """Shares of ``histogram`` per row, by exact overlap of bins (uniform inside a bin) and rows."""
    total = histogram.total
    if not total:
        return Rebinned(np.zeros(grid.rows), 0.0, 0.0, 0.0, 0.0, 0.0)
    counts = histogram.counts.astype(np.float64)
    zeros = histogram.zeros if histogram.scale == "linear" else 0
    edges = grid.from_axis(grid.edges)
    if is_point(histogram):
        rows, below, above = _points(point(histogram), counts[0] - zeros, edges)
    else:
        if zeros:
            counts = without_zeros(histogram).astype(np.float64)
        cumulated = np.concatenate([[0.0], np.cumsum(counts)])
        inside = np.interp(edges, histogram.edges, cumulated)
        rows, below, above = np.diff(inside), inside[0], cumulated[-1] - inside[-1]
    spread = float(rows.max(initial=0.0))
    if zeros:
        zero_rows, zero_below, zero_above = _points(0.0, zeros, edges)
        rows, below, above = rows + zero_rows, below + zero_below, above + zero_above
    return Rebinned(
        rows / total,
        float(below / total),
        float(above / total),
        histogram.zeros / total,
        histogram.nonfinite / total,
        spread / total,
    )


def without_zeros(histogram: Histogram) -> IntArray:
    """Counts of a linear histogram without the exact zeros, which are in one of its bins."""
    counts = histogram.counts.copy()
    if not histogram.zeros or not len(counts):
        return counts
    at = int(np.searchsorted(histogram.edges, 0.0, side="right")) - 1
    at = min(max(at, 0), len(counts) - 1)
    # Next to an edge, rounding may have put the zeros on either side of it.
    first = max(at - 1, 0)
    at = first + int(np.argmax(counts[first : at + 2]))
    counts[at] = max(int(counts[at]) - histogram.zeros, 0)
    return counts


def _points(value: float, amount: float, edges: FloatArray) -> tuple[FloatArray, float, float]:
    """``amount`` entries that all equal ``value``: rows, below, above."""
    rows = np.zeros(len(edges) - 1)
    row = int(np.searchsorted(edges, value, side="right")) - 1
    if row < 0:
        return rows, amount, 0.0
    if row >= len(rows):
        return rows, 0.0, amount
    rows[row] = amount
    return rows, 0.0, 0.0


def is_point(histogram: Histogram) -> bool:
    """Whether all finite entries are equal: a linear histogram has one bin around them then."""
    return histogram.scale == "linear" and len(histogram.counts) == 1


def point(histogram: Histogram) -> float:
    """The value of all entries of a histogram that :func:`is_point`."""
    return float(histogram.edges[0] / 2 + histogram.edges[-1] / 2)


def extremes(histogram: Histogram) -> tuple[float, float]:
    """Smallest and largest finite entry (to the bin, on a log grid); NaN if there is none."""
    if is_point(histogram):
        return point(histogram), point(histogram)
    used = np.flatnonzero(histogram.counts)
    if not len(used):
        return np.nan, np.nan
    return float(histogram.edges[used[0]]), float(histogram.edges[used[-1] + 1])


def quantiles(histogram: Histogram, shares: tuple[float, ...]) -> Iterator[float]:
    """Values below which the given shares of the binned entries lie; NaN if none is binned."""
    cumulated = np.concatenate([[0.0], np.cumsum(histogram.counts)])
    if is_point(histogram):
        yield from (point(histogram) for _share in shares)
    elif not cumulated[-1]:
        yield from (np.nan for _share in shares)
    else:
        yield from map(
            float, np.interp(cumulated[-1] * np.array(shares), cumulated, histogram.edges)
        )
