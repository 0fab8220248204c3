"""Trajectories as charts get them: plain arrays, looks that belong to a rule, what can be drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import PALETTES, Mode, Style, format_number, list_styles

REACH = 3.0
"""Paths are drawn up to so many half windows from the centre; further out nobody sees them."""
FRAMES = 120
"""At most so many pictures make an animation."""


@dataclass(frozen=True, eq=False)
class DescentPath:
    """One trajectory.

    Attributes:
        name: what the rule is called.
        place: its place among all rules, which gives it its colour, dash and symbol.
        points: x_n, shape ``(n + 1, d)``; the last may be infinite or NaN.
        loss, gradient_norm, clipped_norm: one value per point.
        ending: what became of it if it is not where it can be seen, else empty.
    """

    name: str
    place: int
    points: FloatArray
    loss: FloatArray
    gradient_norm: FloatArray
    clipped_norm: FloatArray
    ending: str = ""


@dataclass(frozen=True, eq=False)
class Ground:
    """The loss that is descended on.

    Attributes:
        axes: what the coordinates are called.
        coordinates: grid along each, low to high.
        heights: the loss on the grid; in two dimensions the second coordinate comes first.
        marks: named points, as ``(name, help, point)``.
    """

    axes: tuple[str, ...]
    coordinates: tuple[FloatArray, ...]
    heights: FloatArray
    marks: Sequence[tuple[str, str, tuple[float, ...]]] = ()

    @property
    def flat(self) -> bool:
        """Whether it has two coordinates, seen from above."""
        return len(self.axes) == 2


def look(place: int, mode: Mode) -> Style:
    """The look of a rule; as many as there are, and then again from the first."""
    all_looks = (*list_styles(mode), Style(PALETTES[mode].theory, "longdashdot", "star"))
    return all_looks[place % len(all_looks)]


def window(ground: Ground) -> list[tuple[float, float]]:
    """What the plane of the figure shows: both coordinates, or the only one and the loss."""
    spans = [(float(axis[0]), float(axis[-1])) for axis in ground.coordinates]
    if ground.flat:
        return spans
    low, high = float(np.nanmin(ground.heights)), float(np.nanmax(ground.heights))
    room = 0.06 * (high - low)
    return [*spans, (low - 2 * room, high + room)]


def planar(path: DescentPath, ground: Ground) -> FloatArray:
    """Where the points lie in the plane of the figure, shape ``(n + 1, 2)``; NaN if nowhere.

    A point far outside is moved along the step that led to it until it is at the border of what
    is drawn, so that the step keeps its direction; later ones are NaN until the path is back.
    """
    raw = path.points if ground.flat else np.column_stack([path.points[:, 0], path.loss])
    spans = np.array(window(ground))
    centre, half = spans.mean(axis=1), (spans[:, 1] - spans[:, 0]) / 2
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (raw - centre) / half
    near = (np.abs(scaled) <= REACH).all(axis=1)
    drawn = np.where(near[:, None], scaled, math.nan)
    for i in np.flatnonzero(~near[1:] & near[:-1]) + 1:
        drawn[i] = _towards(scaled[i - 1], scaled[i], REACH)
    placed: FloatArray = drawn * half + centre
    return placed


def _towards(inside: FloatArray, outside: FloatArray, border: float) -> FloatArray:
    """Where the straight line from a near point to a far one reaches the border."""
    if np.isnan(outside).any():
        return np.full(2, math.nan)
    # An infinite coordinate gives the direction alone.
    direction = np.where(np.isinf(outside).any() & np.isfinite(outside), 0.0, outside - inside)
    direction = np.where(np.isinf(direction), np.sign(direction), direction)
    moves = direction != 0
    reach = (border * np.sign(direction[moves]) - inside[moves]) / direction[moves]
    along: FloatArray = inside + float(reach.min()) * direction
    return along


def last_seen(places: FloatArray, ground: Ground) -> FloatArray:
    """The last of some drawn places, or where the line to it left the window, shape ``(2,)``."""
    spans = np.array(window(ground))
    centre, half = spans.mean(axis=1), (spans[:, 1] - spans[:, 0]) / 2
    scaled = (places - centre) / half
    inside = np.flatnonzero((np.abs(scaled) <= 1 + 1e-9).all(axis=1))
    if not len(inside):
        return np.full(2, math.nan)
    last = inside[-1]
    at = scaled[last]
    if last + 1 < len(scaled) and np.isfinite(scaled[last + 1]).all():
        at = _towards(at, scaled[last + 1], 1.0)
    seen: FloatArray = at * half + centre
    return seen


def frame_steps(paths: Sequence[DescentPath], most: int = FRAMES) -> list[int]:
    """The steps that an animation shows: the first, the last, at most so many, evenly spaced."""
    last = max((len(path.loss) for path in paths), default=1) - 1
    count = min(last + 1, most)
    return sorted({round(step) for step in np.linspace(0, last, count).tolist()})


def gaps(parts: Sequence[FloatArray]) -> FloatArray:
    """Several lines as one, with NaN between them; shape ``(n, 2)``."""
    nothing = np.full((1, 2), math.nan)
    joined = [piece for part in parts for piece in (part, nothing)]
    return np.concatenate(joined) if joined else nothing


def step_hover(path: DescentPath, axes: Sequence[str]) -> dict[str, Any]:
    """Hover over a point of a path: its step, place, loss and gradient."""
    columns = (np.arange(len(path.loss)), *path.points.T, path.loss, path.gradient_norm)
    names = ("n =", *axes, "L", "|g|")
    rows = [f"{name} %{{customdata[{i}]}}" for i, name in enumerate(names)]
    return {
        "customdata": [[_short(value) for value in row] for row in zip(*columns, strict=True)],
        "hovertemplate": f"<b>{path.name}</b>, {'<br>'.join(rows)}<extra></extra>",
    }


def _short(value: float) -> float | str:
    """A number to four digits; what JSON has no number for, in words."""
    return float(f"{value:.4g}") if math.isfinite(value) else format_number(value)
