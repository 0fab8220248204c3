"""The figure of a sweep, with the names that the controls have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.sweep.curve import curve_figure
from gradflow.charts.sweep.data import Axis, Mark, SweptMeasure, TheoryLines, draw_profile
from gradflow.charts.sweep.phase import phase_figure
from gradflow.charts.theme import Mode
from gradflow.core.sweep import MEASURES, Fate, Grid
from gradflow.core.sweep.measures import FATES
from gradflow.core.sweep.table import shape_column
from gradflow.core.text import _
from gradflow.ui.naming import format_setting, name_setting

if TYPE_CHECKING:
    import pandas as pd

MOST_AXES = 2


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
        marked = replace(values, marks=_list_marks(grid, table, is_table=False))
        return curve_figure(axes[0], marked, mode=mode)
    is_table = any(axis.kind == "category" and axis.names for axis in axes)
    values = replace(
        values,
        marks=[*_list_marks(grid, table, is_table), _mark_chosen(grid, chosen)],
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


def _list_marks(grid: Grid, table: pd.DataFrame, is_table: bool) -> list[Mark]:
    """List the signs over cells; where no line can be drawn, those that are healthy have one."""
    fates = shape_column(grid, table, "verdict")
    doubtful = np.logical_not(shape_column(grid, table, "precise").all(axis=-1))
    zero = (fates == Fate.ZERO).any(axis=-1)
    healthy = (fates == Fate.HEALTHY).all(axis=-1) & is_table
    return [
        Mark(_("the gradient keeps its size"), "circle", healthy & ~doubtful),
        Mark(_("the gradient is exactly 0"), "square", zero & ~doubtful),
        Mark(_("rounding, underflow or overflow has spoilt this"), "x", doubtful),
        Mark(_("not possible"), "line-ew", (fates == Fate.IMPOSSIBLE).any(axis=-1)),
    ]


def _mark_chosen(grid: Grid, cells: Sequence[int]) -> Mark:
    where = np.isin(np.arange(math.prod(grid.shape)), cells).reshape(grid.shape)
    return Mark(_("chosen"), "diamond", where, explained=False)  # words over the map name them


def _write_remarks(grid: Grid, table: pd.DataFrame) -> list[list[str]]:
    """Write what became of the gradient in every cell, with the first seed, or what forbids it."""
    fates, problems = (shape_column(grid, table, name)[..., 0] for name in ("verdict", "problem"))
    return [
        [problem or (_(FATES[fate]) if fate else "") for fate, problem in zip(*row, strict=True)]
        for row in zip(fates, problems, strict=True)
    ]


def _draw_profiles(grid: Grid, table: pd.DataFrame) -> list[list[str]]:
    """Draw the course of the gradient in every cell, with the first seed."""
    profiles = shape_column(grid, table, "profile")[..., 0]
    return [["" if p is None else draw_profile(p) for p in row] for row in profiles]
