"""Theory's lines over a phase diagram: where gradients neither vanish nor explode, and how far."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gradflow.core.catalog import Connection
from gradflow.core.experiment import MLP, Experiment
from gradflow.core.sweep.grid import Grid
from gradflow.core.theory.fixed_points import find_fixed_point
from gradflow.core.theory.flow import predict_plain_flow
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.validity import find_obstacles

FloatArray = npt.NDArray[np.float64]
REACH = 6.0
"""Signals survive about 6 ξ layers (Schoenholz et al. 2017)."""
_MOST_POINTS = 25
"""Points of an axis at which theory is asked; between them its lines are interpolated."""
_ROUNDING = 1e-6
"""Growth that is none: a network at the critical point has no line of noise."""
_DEEP_ENOUGH = 8
"""Layers from which the fixed point is found as from many more."""
_HALVINGS = 8
"""Of the step between two points, until the critical line is known."""


class Line(NamedTuple):
    """Where theory's χ₁ is 1.

    Attributes:
        axis: 0 or 1, the axis along which it was looked for.
        values: of that axis, for each place of the other one; NaN where χ₁ is not 1 exactly once.
    """

    axis: int
    values: FloatArray


class Growth(NamedTuple):
    """depth·ln χ₁ at some points of a grid of two axes; empty if theory has no lines there.

    Attributes:
        rows: places along the first axis.
        columns: places along the second axis.
        values: ``(rows, columns)``; NaN where theory has no fixed point.
        critical: where it is 0, between these points, too; ``None`` if empty.
    """

    rows: list[int]
    columns: list[int]
    values: FloatArray
    critical: Line | None = None


def predict_growth(grid: Grid) -> Growth:
    """Predict depth·ln χ₁ over a grid of two axes: how ‖δ‖² changes over all layers.

    It is 0 on the critical line χ₁ = 1 (Poole et al. 2016), and ±``REACH`` where the depth is six
    times the depth scale ξ = 1/|ln χ₁|.
    """
    places = [_choose_places(values) for values in grid.axes.values()]
    if len(places) != 2 or not all(places):
        return Growth([], [], np.empty((0, 0)))
    across = grid.shape[1]
    cells = [[grid.experiments[i * across + j] for j in places[1]] for i in places[0]]
    values = np.array([[_predict_point(experiment) for experiment in row] for row in cells])
    return Growth(places[0], places[1], values, _find_line(grid, places, values))


def find_crossing(places: FloatArray, values: FloatArray) -> float:
    """Find where values pass 0, between two places in proportion; NaN if not exactly once."""
    known = np.isfinite(values)
    x, y = places[known], values[known]
    zeros = x[y == 0]
    (before,) = np.nonzero(y[:-1] * y[1:] < 0)
    if len(zeros) + len(before) != 1:
        return math.nan
    if len(zeros):
        return float(zeros[0])
    i = before[0]
    return float(x[i] - y[i] * (x[i + 1] - x[i]) / (y[i + 1] - y[i]))


def _find_line(grid: Grid, places: list[list[int]], values: FloatArray) -> Line:
    """Find the critical line along the axis along which it is met more often."""
    own = [np.array(v, np.float64)[p] for v, p in zip(grid.axes.values(), places, strict=True)]
    courses = values.T, values
    met = [np.array([find_crossing(own[a], course) for course in courses[a]]) for a in (0, 1)]
    axis = int(np.isfinite(met[1]).mean() >= np.isfinite(met[0]).mean())
    name, other = list(grid.axes)[axis], list(grid.axes)[1 - axis]
    if any(isinstance(value, int) for value in grid.axes[name]):
        return Line(axis, met[axis])  # between two whole numbers there is no network
    line = met[axis]
    for k in np.flatnonzero(np.isfinite(line)):
        fixed = grid.axes[other][places[1 - axis][k]]

        def predict(value: float, fixed: Any = fixed) -> float:
            return _predict_point(grid.make_experiment({name: value, other: fixed}))

        line[k] = _halve(predict, own[axis], courses[axis][k], line[k])
    return Line(axis, line)


def _halve(
    predict: Callable[[float], float], places: FloatArray, values: FloatArray, crossing: float
) -> float:
    """Find a crossing more closely: where a phase begins, growth has a kink."""
    known = np.isfinite(values)
    x, y = places[known], values[known]
    i = int(np.searchsorted(x, crossing))
    if crossing == x[i]:
        return crossing
    ends, heights = x[i - 1 : i + 1].copy(), y[i - 1 : i + 1].copy()
    for _step in range(_HALVINGS):
        middle = float(ends.mean())
        height = predict(middle)
        if not math.isfinite(height) or height == 0:
            return middle
        side = int(height * heights[0] < 0)
        ends[side], heights[side] = middle, height
    return find_crossing(ends, heights)


def _choose_places(values: Any) -> list[int]:
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    if not numbers or len(values) < 2:
        return []
    count = min(len(values), _MOST_POINTS)
    return sorted({round(place) for place in np.linspace(0, len(values) - 1, count)})


def _predict_point(experiment: Experiment | None) -> float:
    network = None if experiment is None else experiment.network
    if not isinstance(network, MLP) or network.connection is not Connection.PLAIN:
        return math.nan
    assert experiment is not None
    if not network.widths and network.depth > _DEEP_ENOUGH:
        shorter = network.model_copy(update={"depth": _DEEP_ENOUGH})
        experiment = experiment.model_copy(update={"network": shorter})
    with np.errstate(all="ignore"):
        if any(True for _obstacle in find_obstacles(experiment)):
            return math.nan
        laws = NetworkLaws(experiment)
        flow = predict_plain_flow(laws)
        chi = find_fixed_point(laws, flow.preactivation[max(laws.depth - 2, 0)]).chi
    if not chi > 0:
        return math.nan
    growth = network.depth * math.log(chi)
    return growth if abs(growth) > _ROUNDING else 0.0
