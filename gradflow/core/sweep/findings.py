"""What a whole sweep has found: shares of fates, where the gradient is kept, theory's error."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from gradflow.core.sweep.critical import Growth, find_crossing
from gradflow.core.sweep.grid import Grid
from gradflow.core.sweep.measures import Fate
from gradflow.core.sweep.table import shape_column

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
_FEWEST_DRAWS = 3


class Band(NamedTuple):
    """Where along an axis the gradient keeps its size.

    Attributes:
        places: of the values at which it does.
        total: of all values.
    """

    places: list[int]
    total: int

    @property
    def is_whole(self) -> bool:
        """Whether it does everywhere."""
        return len(self.places) == self.total

    @property
    def is_connected(self) -> bool:
        """Whether it does at one stretch of values."""
        return bool(self.places) and self.places[-1] - self.places[0] == len(self.places) - 1


class Distance(NamedTuple):
    """How far the measured critical line is from theory's, along an axis.

    Attributes:
        axis: the setting along which it is measured, in its unit.
        lines: values of the other axis at which both lines are there.
        median: over these.
        largest: of these.
    """

    axis: str
    lines: int
    median: float
    largest: float


def count_fates(table: pd.DataFrame) -> dict[Fate, int]:
    """Count the networks that ran by what became of their gradient, the commonest fate first."""
    counts = Counter(table["verdict"].tolist())
    counts.pop(Fate.IMPOSSIBLE, None)
    return {Fate(fate): count for fate, count in counts.most_common()}


def find_kept(grid: Grid, table: pd.DataFrame) -> BoolArray:
    """Find the points, ``grid.shape``, at which the gradient keeps its size under every seed.

    Where the number format has spoilt it, it does not count as kept.
    """
    healthy = (shape_column(grid, table, "verdict") == Fate.HEALTHY).all(axis=-1)
    kept: BoolArray = healthy & _find_precise(grid, table)
    return kept


def find_band(kept: BoolArray) -> Band:
    """Find where along one line of points the gradient is kept."""
    return Band(np.flatnonzero(kept).tolist(), len(kept))


def choose_lines(grid: Grid, table: pd.DataFrame, axis: int) -> tuple[int, int] | None:
    """Choose the first and the last value of an axis at which there is something to judge."""
    fates = shape_column(grid, table, "verdict")
    judged = ~np.isin(fates.astype(str), [Fate.UNKNOWN, Fate.IMPOSSIBLE, "None"])
    others = tuple(i for i in range(judged.ndim) if i != axis)
    places = np.flatnonzero(judged.any(axis=others))
    return (int(places[0]), int(places[-1])) if len(places) else None


def find_extremes(grid: Grid, table: pd.DataFrame) -> list[tuple[int, float]]:
    """Find the points with the largest and the smallest gradient at the first layer, and these.

    The number format has not spoilt it there; none where it has everywhere.
    """
    first = _take_median(shape_column(grid, table, "first_gradient"))
    known = np.isfinite(first) & _find_precise(grid, table)
    if not known.any():
        return []
    cells = (
        int(np.argmax(np.where(known, first, -math.inf))),
        int(np.argmin(np.where(known, first, math.inf))),
    )
    return [(cell, float(first.flat[cell])) for cell in cells]


def compare_with_theory(grid: Grid, table: pd.DataFrame, growth: Growth) -> Distance | None:
    """Compare where the measured factor per layer is 1 with where theory's χ₁ is.

    Along the axis of theory's line at each value of the other one; ``None`` where both lines never
    are.
    """
    if growth.critical is None:
        return None
    factor = _take_median(shape_column(grid, table, "factor"))
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = np.where(_find_precise(grid, table), np.log(factor), np.nan)
    axis, line = growth.critical
    name, values = list(grid.axes.items())[axis]
    courses = measured[growth.rows] if axis else measured[:, growth.columns].T
    places = np.array(values, np.float64)
    gaps = np.abs(np.array([find_crossing(places, course) for course in courses]) - line)
    gaps = gaps[np.isfinite(gaps)]
    if not len(gaps):
        return None
    return Distance(name, len(gaps), float(np.median(gaps)), float(gaps.max()))


def measure_scatter(draws: Sequence[float] | FloatArray) -> float:
    """Measure by what factor draws of one law differ: 10 to the standard deviation of log₁₀.

    Draws that are 0 or not finite are left out; NaN with fewer than three others.
    """
    values = np.asarray(draws, np.float64)
    values = values[np.isfinite(values) & (values > 0)]
    if len(values) < _FEWEST_DRAWS:
        return math.nan
    return float(10 ** np.log10(values).std(ddof=1))


def _find_precise(grid: Grid, table: pd.DataFrame) -> BoolArray:
    return np.array(shape_column(grid, table, "precise").astype(bool).all(axis=-1))


def _take_median(values: FloatArray) -> FloatArray:
    """Take the median over the seeds, NaN left out; NaN where all are."""
    flat = pd.DataFrame(values.reshape(-1, values.shape[-1]))
    median: FloatArray = flat.median(axis=1).to_numpy().reshape(values.shape[:-1])
    return median
