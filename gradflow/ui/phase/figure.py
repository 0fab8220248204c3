"""The figure of a sweep, with the names that the controls have."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray
from gradflow.charts.sweep.curve import curve_figure
from gradflow.charts.sweep.data import (
    Axis,
    Mark,
    SweptMeasure,
    TheoryLines,
    compute_quantile,
    draw_profile,
)
from gradflow.charts.sweep.phase import phase_figure
from gradflow.charts.theme import Mode
from gradflow.core.decay import NOTICEABLE_CHANGE
from gradflow.core.diagnosis.fate import GENTLE_CHANGE
from gradflow.core.numbers import format_number
from gradflow.core.sweep import MEASURES, Fate, Grid
from gradflow.core.sweep.measures import FATES
from gradflow.core.sweep.table import shape_column
from gradflow.core.text import _
from gradflow.ui.naming import format_setting, name_setting

if TYPE_CHECKING:
    import pandas as pd

MOST_AXES = 2
OF_GRADIENT = ("first_gradient", "factor", "largest_change")
"""Measures of the gradient: theory's lines and most signs speak of these."""


def draw_sweep(
    grid: Grid,
    table: pd.DataFrame,
    measure: str,
    *,
    theory: TheoryLines | None = None,
    growing: bool = False,
    chosen: Sequence[int] = (),
    mode: Mode = "light",
) -> go.Figure:
    """Draw a measure of a sweep over one or two axes; the first runs upwards in a map.

    See ``phase_figure``; the cells ``chosen`` of a map are marked.
    """
    row = MEASURES[measure]
    axes = [make_axis(name, grid) for name in grid.axes]
    values = SweptMeasure(
        _(row.label),
        row.logarithmic,
        shape_column(grid, table, measure),
    )
    if len(axes) == 1:
        marked = replace(values, marks=_list_marks(grid, table, measure, is_table=False))
        return curve_figure(axes[0], marked, mode=mode)
    is_table = any(axis.kind == "category" and axis.names for axis in axes)
    marks = _list_marks(grid, table, measure, is_table=is_table)
    values = replace(
        values,
        marks=[*marks, _mark_chosen(grid, chosen)],
        profiles=_draw_profiles(grid, table),
        remarks=_write_remarks(grid, table),
    )
    upwards, across = axes
    return phase_figure(across, upwards, values, theory=theory, growing=growing, mode=mode)


def make_axis(name: str, grid: Grid) -> Axis:
    """Make the axis of a setting, with the names that its control has."""
    values = grid.axes[name]
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    names = () if numbers else tuple(format_setting(name, value) for value in values)
    return Axis(name_setting(name), values, names)


def _list_marks(grid: Grid, table: pd.DataFrame, measure: str, *, is_table: bool) -> list[Mark]:
    """List the signs over cells; those of the gradient only where it is what is drawn.

    Where no line can be drawn, cells that are healthy have a sign.
    """
    fates = shape_column(grid, table, "verdict")
    impossible = Mark(_("not possible"), "line-ew", (fates == Fate.IMPOSSIBLE).any(axis=-1))
    if measure not in OF_GRADIENT:
        return [impossible]
    doubtful = np.logical_not(shape_column(grid, table, "precise").all(axis=-1))
    zero = (fates == Fate.ZERO).any(axis=-1)
    healthy = (fates == Fate.HEALTHY).all(axis=-1) & is_table
    return [
        Mark(
            _("keeps its size, within a factor {factor}").format(
                factor=format_number(NOTICEABLE_CHANGE)
            ),
            "circle",
            healthy & ~doubtful,
        ),
        Mark(_("the gradient is exactly 0"), "square", zero & ~doubtful),
        Mark(_("rounding, underflow or overflow has spoilt this"), "x", doubtful),
        impossible,
    ]


def _mark_chosen(grid: Grid, cells: Sequence[int]) -> Mark:
    where = np.isin(np.arange(math.prod(grid.shape)), cells).reshape(grid.shape)
    return Mark(_("chosen"), "diamond", where, explained=False)  # words over the map name them


def _write_remarks(grid: Grid, table: pd.DataFrame) -> list[list[str]]:
    """Write what became of the gradient in every cell, or what forbids it."""
    columns = [shape_column(grid, table, name) for name in ("verdict", "problem", "largest_change")]
    fates, problems, changes = (column.reshape(-1, grid.seeds) for column in columns)
    remarks = np.array(
        [
            problem[0] or _write_fates(fate.tolist(), change)
            for fate, problem, change in zip(fates, problems, changes, strict=True)
        ],
        dtype=object,
    )
    lines: list[list[str]] = remarks.reshape(grid.shape).tolist()
    return lines


def _write_fates(fates: list[str | None], changes: FloatArray) -> str:
    """Write the commonest fate of a cell's networks, and of how many if it is not that of all."""
    known = Counter(filter(None, fates))
    if not known:
        return ""
    ((fate, count),) = known.most_common(1)
    change = compute_quantile(changes[[own == fate for own in fates]], 0.5)
    text = _(FATES[fate])
    if fate == Fate.HEALTHY and change < GENTLE_CHANGE:
        text = _("The gradient keeps its size, within a factor {change}.")
    elif fate == Fate.HEALTHY:
        text = _(
            "The gradient changes by a factor {change} in all; within {limit} it counts as keeping "
            "its size."
        )
    text = text.format(change=format_number(float(change)), limit=format_number(NOTICEABLE_CHANGE))
    if count == known.total():
        return text
    return _("{text} ({count} of {total} seeds)").format(
        text=text, count=count, total=known.total()
    )


def _draw_profiles(grid: Grid, table: pd.DataFrame) -> list[list[str]]:
    """Draw the course of the gradient in every cell, with the first seed, over its range."""
    profiles = shape_column(grid, table, "profile")[..., 0]
    return [["" if p is None else _write_profile(p) for p in row] for row in profiles]


def _write_profile(logs: Sequence[float]) -> str:
    known = np.asarray(logs, np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return ""
    low, high = (format_number(10 ** float(end), 2) for end in (known.min(), known.max()))
    text = _("RMS gradient, first layer to last:<br>{bars}<br>{low} (lowest) to {high} (highest)")
    return text.format(bars=draw_profile(logs), low=low, high=high)
