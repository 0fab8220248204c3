"""Theory's lines over a phase diagram: where gradients neither vanish nor explode, and how far."""

from __future__ import annotations

import math
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


class Growth(NamedTuple):
    """depth·ln χ₁ at some points of a grid of two axes; empty if theory has no lines there.

    Attributes:
        rows: places along the first axis.
        columns: places along the second axis.
        values: ``(rows, columns)``; NaN where theory has no fixed point.
    """

    rows: list[int]
    columns: list[int]
    values: FloatArray


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
    return Growth(places[0], places[1], values)


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
