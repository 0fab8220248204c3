"""Trajectories and losses as the descent charts take them, and how they lie in a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import PALETTES, Mode, Style, list_styles
from gradflow.core.numbers import format_number


@dataclass(frozen=True, eq=False)
class DescentPath:
    """One trajectory.

    Attributes:
        name: name of the optimizer.
        style_index: index of the optimizer among all, which fixes colour, dash and symbol.
        points: x_n, shape ``(n + 1, d)``; the last may be infinite or NaN.
        loss, gradient_norm, clipped_norm: one value per point.
    """

    name: str
    style_index: int
    points: FloatArray
    loss: FloatArray
    gradient_norm: FloatArray
    clipped_norm: FloatArray


@dataclass(frozen=True, eq=False)
class Ground:
    """The loss that is descended on.

    Attributes:
        axes: names of the coordinates.
        coordinates: the grid along each axis, low to high.
        heights: the loss on the grid; in two dimensions the second coordinate comes first.
    """

    axes: tuple[str, ...]
    coordinates: tuple[FloatArray, ...]
    heights: FloatArray

    @property
    def is_flat(self) -> bool:
        """Whether the loss has two coordinates and is drawn as seen from above."""
        return len(self.axes) == 2


def choose_style(index: int, mode: Mode) -> Style:
    """Choose the style of an optimizer by its index; after the last comes the first again."""
    styles = (*list_styles(mode), Style(PALETTES[mode].theory, "longdashdot", "star"))
    return styles[index % len(styles)]


def find_window(ground: Ground) -> list[tuple[float, float]]:
    """Find the range of each coordinate."""
    return [(float(axis[0]), float(axis[-1])) for axis in ground.coordinates]


def make_step_hover(path: DescentPath, axes: Sequence[str]) -> dict[str, Any]:
    """Make the hover over the points of a path: step, coordinates, loss and gradient."""
    columns = (np.arange(len(path.loss)), *path.points.T, path.loss, path.gradient_norm)
    names = ("n =", *axes, "L", "|g|")
    rows = [f"{name} %{{customdata[{i}]}}" for i, name in enumerate(names)]
    return {
        "customdata": [
            [_round_or_name(value) for value in row] for row in zip(*columns, strict=True)
        ],
        "hovertemplate": f"<b>{path.name}</b>, {'<br>'.join(rows)}<extra></extra>",
    }


def _round_or_name(value: float) -> float | str:
    """Round to four digits; write infinity and NaN, which JSON does not have, as text."""
    return float(f"{value:.4g}") if math.isfinite(value) else format_number(value)
