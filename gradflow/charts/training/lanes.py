"""The recorded steps of a training, in the form in which figures take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gradflow.charts.flow.data import Gradient
from gradflow.charts.training.data import QUANTITIES, Lane
from gradflow.charts.training.film import FilmLane

if TYPE_CHECKING:
    from gradflow.core.training.series import StepSeries


def make_lane(
    letter: str, name: str, series: StepSeries, planned: int, threshold: float = float("nan")
) -> Lane:
    """Make what figures draw of the numbers of all steps.

    Args:
        letter: of the run.
        name: of the run, in plain text.
        series: its steps.
        planned: steps of the whole run.
        threshold: of clipping by norm.
    """
    table = series.table()
    return Lane(
        letter=letter,
        name=name,
        planned=planned,
        steps=table["step"].to_numpy(np.float64),
        numbers={str(name): column.to_numpy(np.float64) for name, column in table.items()},
        modules=series.modules,
        layers={column: series.matrix(column) for column in QUANTITIES},
        threshold=threshold,
    )


def make_film_lane(letter: str, name: str, series: StepSeries, gradient: Gradient) -> FilmLane:
    """Make what figures draw of the steps whose distributions are kept."""
    records, frames = [record for record, _ in series.frames], [f for _, f in series.frames]
    numbers = np.zeros((2, 5, 0, len(series.modules)))
    shades = np.zeros((2, 0, len(series.modules), 1), np.uint8)
    signs = np.zeros((0, len(series.modules), 1))
    if frames:
        rows = [frame.select("activation", gradient) for frame in frames]
        numbers = np.stack([n for n, _ in rows], axis=2)
        shades = np.stack([s for _, s in rows], axis=1)
        signs = np.stack([frame.select_signs(gradient) for frame in frames])
    low, high, zeros, nonfinite, level = numbers.astype(np.float64).swapaxes(0, 1)
    return FilmLane(
        letter=letter,
        name=name,
        gradient=gradient,
        steps=np.array([record.step for record in records], np.float64),
        low=low,
        high=high,
        shades=shades,
        signs=signs,
        zeros=zeros,
        nonfinite=nonfinite,
        level=level[1],
        smallest_normal=frames[0].smallest_normal if frames else 0.0,
        smallest=frames[0].smallest if frames else 0.0,
    )
