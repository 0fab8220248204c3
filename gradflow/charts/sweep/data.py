"""What figures of sweeps are drawn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import Palette
from gradflow.core.numbers import format_number

_EVEN = 0.02
"""How far the steps of an even axis may differ, as a share."""
_MOST_TICKS = 8
_MANY_NAMES = 12
_SMALL = 12
"""Size of names in pixels where there are many, so that each has its line."""


@dataclass(frozen=True)
class Axis:
    """One setting that a sweep varies.

    Attributes:
        label: its name for people.
        values: numbers, or names of options.
        names: what to call each value, where numbers are not enough.
    """

    label: str
    values: Sequence[Any]
    names: Sequence[str] = ()

    @property
    def kind(self) -> str:
        """``linear`` or ``log`` for numbers in even steps, else ``category``."""
        if self.names or len(self.values) < 2 or not all(map(_is_number, self.values)):
            return "category"
        values = np.array(self.values, np.float64)
        if _is_even(values):
            return "linear"
        return "log" if (values > 0).all() and _is_even(np.log(values)) else "category"

    @property
    def places(self) -> FloatArray:
        """Where the values stand: the numbers themselves, or 0, 1, 2 … for categories."""
        if self.kind == "category":
            return np.arange(len(self.values), dtype=np.float64)
        return np.array(self.values, np.float64)

    def locate(self, values: FloatArray) -> FloatArray:
        """Find where numbers between the values stand."""
        if self.kind != "category":
            return values
        order = np.argsort(self.values)
        known = np.array(self.values, np.float64)[order]
        places: FloatArray = np.interp(values, known, self.places[order])
        return places

    @property
    def range(self) -> list[float]:
        """From the outer edge of the first cell to that of the last, as Plotly takes it."""
        places = np.log10(self.places) if self.kind == "log" else self.places
        half = (places.max() - places.min()) / (2 * max(len(places) - 1, 1)) or 0.5
        return [float(places.min() - half), float(places.max() + half)]

    def list_names(self) -> list[str]:
        """List the values as people read them."""
        if self.names:
            return list(self.names)
        return [format_number(float(v)) if _is_number(v) else str(v) for v in self.values]


@dataclass(frozen=True, eq=False)
class Mark:
    """A sign over the cells of a map.

    Attributes:
        name: what it says of them.
        symbol: Plotly's name of the sign.
        where: ``(first axis, second axis)``.
        explained: whether it stands in the legend.
    """

    name: str
    symbol: str
    where: npt.NDArray[np.bool_]
    explained: bool = True


def make_axis(axis: Axis) -> dict[str, Any]:
    """Make Plotly's axis of a setting."""
    # Without a range Plotly would make room for the signs in the outer cells.
    title = {"text": axis.label}
    common: dict[str, Any] = {"title": title, "type": axis.kind, "range": axis.range}
    if axis.kind == "linear":
        return common
    if axis.kind == "log":
        ticks = _list_round_numbers(float(min(axis.values)), float(max(axis.values)))
        return {**common, "tickvals": ticks, "ticktext": list(map(format_number, ticks))}
    step = math.ceil(len(axis.values) / 24)
    names = axis.list_names()
    ticks = list(range(0, len(names), step))
    # Names take the room that they need; numbers of layers can be left out.
    common |= {"type": "linear", "automargin": bool(axis.names)}
    if len(axis.names) > _MANY_NAMES:
        common["tickfont"] = {"size": _SMALL}
    return {**common, "tickvals": ticks, "ticktext": names[::step]}


def _list_round_numbers(low: float, high: float) -> list[float]:
    """List 1, 2 and 5 times the powers of ten within a range; of many decades the powers alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(powers) < _MOST_TICKS / 2 else (1,)
    numbers = [float(f"{factor}e{power}") for power in powers for factor in factors]
    return [n for n in numbers if low <= n <= high] or [low, high]


def make_sign(mark: Mark, palette: Palette) -> dict[str, Any]:
    """Make the trace of a mark, without its places."""
    look = {"size": 7, "color": palette.page, "line": {"width": 1.3, "color": palette.ink}}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": mark.name,
        "showlegend": mark.explained,
        "hoverinfo": "skip",
        "marker": {"symbol": mark.symbol, **look},
    }


@dataclass(frozen=True, eq=False)
class SweptMeasure:
    """A measure over a grid.

    Attributes:
        label: the measure's name for people.
        logarithmic: whether it is drawn by its logarithm.
        values: over the seeds, ``(first axis, second axis, seeds)``, or ``(axis, seeds)``; NaN
            where nothing is known.
        marks: what stands out in the map.
        profiles: the course of the gradient over the layers in every cell, as lines of text.
        remarks: what else there is to say of every cell; empty of one that has not been measured.
    """

    label: str
    logarithmic: bool
    values: FloatArray
    marks: Sequence[Mark] = ()
    profiles: Sequence[Sequence[str]] = ()
    remarks: Sequence[Sequence[str]] = ()

    @property
    def median(self) -> FloatArray:
        """The median over the seeds; NaN where no seed is known."""
        return compute_quantile(self.values, 0.5)


def compute_quantile(values: FloatArray, share: float) -> FloatArray:
    """Compute a quantile over the last axis, NaN left out; NaN where all are."""
    known = ~np.isnan(values).all(axis=-1)
    result = np.full(values.shape[:-1], np.nan)
    with np.errstate(invalid="ignore"):  # between two infinite numbers
        result[known] = np.nanquantile(values[known], share, axis=-1, method="nearest")
    return result


@dataclass(frozen=True, eq=False)
class TheoryLines:
    """What theory draws over a map: a line, and level lines of a field.

    Attributes:
        critical: places of the line on the axis to the right and on the one upwards.
        name: what the line is called.
        x: places of the field on the axis that runs to the right.
        y: places on the axis that runs upwards.
        values: ``(y, x)``; NaN where theory says nothing.
        levels: where the lines are, and what each is called.
    """

    critical: tuple[FloatArray, FloatArray]
    name: str
    x: FloatArray
    y: FloatArray
    values: FloatArray
    levels: Mapping[float, str]


_BARS = "▁▂▃▄▅▆▇█"
_MOST_BARS = 20


def draw_profile(logs: Sequence[float]) -> str:
    """Draw numbers, log₁₀ of a gradient by layer, as a line of bars; a gap where one is not finite.

    All that differ by less than a factor 10 are of the same height or the next.
    """
    values = np.array(logs, np.float64)
    if len(values) > _MOST_BARS:
        values = values[np.linspace(0, len(values) - 1, _MOST_BARS).round().astype(int)]
    finite = values[np.isfinite(values)]
    if not len(finite):
        return " " * len(values)
    low, span = finite.min(), max(float(finite.max() - finite.min()), len(_BARS) - 1.0)
    steps = np.where(np.isfinite(values), (values - low) / span * (len(_BARS) - 1), -1)
    return "".join(" " if step < 0 else _BARS[round(float(step))] for step in steps)


def fill_gaps(values: FloatArray, along: tuple[bool, bool] = (True, True)) -> FloatArray:
    """Give gaps of a map, NaN, the value of the nearest cell that has one.

    Args:
        values: ``(rows, columns)``.
        along: whether cells of other rows, and of other columns, are neighbours. Those of another
            category are not: they say nothing of this one.
    """
    known, missing = np.argwhere(~np.isnan(values)), np.argwhere(np.isnan(values))
    if not len(known) or not len(missing):
        return values
    steps = np.abs(missing[:, None, :] - known[None, :, :])
    barred = (steps[..., np.logical_not(along)] > 0).any(axis=-1)
    away = np.where(barred, np.inf, steps.sum(axis=-1))
    nearest, found = away.argmin(axis=1), np.isfinite(away.min(axis=1))
    filled = values.copy()
    filled[tuple(missing[found].T)] = values[tuple(known[nearest[found]].T)]
    return filled


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_even(values: FloatArray) -> bool:
    steps = np.diff(values)
    return bool((np.abs(steps - steps.mean()) <= _EVEN * np.abs(steps.mean())).all())
