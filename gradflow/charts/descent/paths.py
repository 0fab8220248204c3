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

DRAWN_REACH = 3.0
"""Paths are drawn up to this many half windows from the centre; further out nobody sees them."""
MOST_FRAMES = 120
"""Most frames of an animation."""


@dataclass(frozen=True, eq=False)
class DescentPath:
    """One trajectory.

    Attributes:
        name: name of the optimizer.
        style_index: index of the optimizer among all, which fixes colour, dash and symbol.
        points: x_n, shape ``(n + 1, d)``; the last may be infinite or NaN.
        loss, gradient_norm, clipped_norm: one value per point.
        ending: why the end of the path cannot be seen; empty if it can.
    """

    name: str
    style_index: int
    points: FloatArray
    loss: FloatArray
    gradient_norm: FloatArray
    clipped_norm: FloatArray
    ending: str = ""


@dataclass(frozen=True, eq=False)
class Ground:
    """The loss that is descended on.

    Attributes:
        axes: names of the coordinates.
        coordinates: the grid along each axis, low to high.
        heights: the loss on the grid; in two dimensions the second coordinate comes first.
        marks: named points, as ``(name, help, point)``.
    """

    axes: tuple[str, ...]
    coordinates: tuple[FloatArray, ...]
    heights: FloatArray
    marks: Sequence[tuple[str, str, tuple[float, ...]]] = ()

    @property
    def is_flat(self) -> bool:
        """Whether the loss has two coordinates and is drawn as seen from above."""
        return len(self.axes) == 2


def choose_style(index: int, mode: Mode) -> Style:
    """Choose the style of an optimizer by its index; after the last comes the first again."""
    styles = (*list_styles(mode), Style(PALETTES[mode].theory, "longdashdot", "star"))
    return styles[index % len(styles)]


def find_window(ground: Ground) -> list[tuple[float, float]]:
    """Find the ranges that a plane figure shows: both coordinates, or the only one and the loss."""
    spans = [(float(axis[0]), float(axis[-1])) for axis in ground.coordinates]
    if ground.is_flat:
        return spans
    low, high = float(np.nanmin(ground.heights)), float(np.nanmax(ground.heights))
    room = 0.06 * (high - low)
    return [*spans, (low - 2 * room, high + room)]


def project_path(path: DescentPath, ground: Ground) -> FloatArray:
    """Place the points of a path in the plane of the figure, shape ``(n + 1, 2)``.

    A point far outside is moved back along the step that led to it, to the border of the drawn
    area, so that the step keeps its direction; later ones are NaN until the path comes back.
    """
    raw = path.points if ground.is_flat else np.column_stack([path.points[:, 0], path.loss])
    spans = np.array(find_window(ground))
    centre, half = spans.mean(axis=1), (spans[:, 1] - spans[:, 0]) / 2
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (raw - centre) / half
    near = (np.abs(scaled) <= DRAWN_REACH).all(axis=1)
    drawn = np.where(near[:, None], scaled, math.nan)
    for i in np.flatnonzero(~near[1:] & near[:-1]) + 1:
        drawn[i] = _find_border_point(scaled[i - 1], scaled[i], DRAWN_REACH)
    positions: FloatArray = drawn * half + centre
    return positions


def _find_border_point(inside: FloatArray, outside: FloatArray, border: float) -> FloatArray:
    """Find where the straight line from a near point to a far one reaches the border."""
    if np.isnan(outside).any():
        return np.full(2, math.nan)
    # An infinite coordinate gives the direction alone.
    direction = np.where(np.isinf(outside).any() & np.isfinite(outside), 0.0, outside - inside)
    direction = np.where(np.isinf(direction), np.sign(direction), direction)
    moves = direction != 0
    reach = (border * np.sign(direction[moves]) - inside[moves]) / direction[moves]
    border_point: FloatArray = inside + float(reach.min()) * direction
    return border_point


def find_last_seen(positions: FloatArray, ground: Ground) -> FloatArray:
    """Find where a drawn path is last seen, shape ``(2,)``; NaN if it never is.

    That is its last position, or the point at which it left the window.
    """
    spans = np.array(find_window(ground))
    centre, half = spans.mean(axis=1), (spans[:, 1] - spans[:, 0]) / 2
    scaled = (positions - centre) / half
    inside = np.flatnonzero((np.abs(scaled) <= 1 + 1e-9).all(axis=1))
    if not len(inside):
        return np.full(2, math.nan)
    last = inside[-1]
    end = scaled[last]
    if last + 1 < len(scaled) and np.isfinite(scaled[last + 1]).all():
        end = _find_border_point(end, scaled[last + 1], 1.0)
    position: FloatArray = end * half + centre
    return position


def choose_frame_steps(paths: Sequence[DescentPath], most: int = MOST_FRAMES) -> list[int]:
    """Choose at most ``most`` steps for an animation, evenly spaced from the first to the last."""
    last = max((len(path.loss) for path in paths), default=1) - 1
    count = min(last + 1, most)
    return sorted({round(step) for step in np.linspace(0, last, count).tolist()})


def join_with_gaps(parts: Sequence[FloatArray]) -> FloatArray:
    """Join lines to one, with NaN between them; shape ``(n, 2)``."""
    gap = np.full((1, 2), math.nan)
    pieces = [piece for part in parts for piece in (part, gap)]
    return np.concatenate(pieces) if pieces else gap


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
