"""The figure of a sweep, with the names that the controls have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.sweep.curve import curve_figure
from gradflow.charts.sweep.data import Axis, SweptMeasure, TheoryLines, draw_profile
from gradflow.charts.sweep.phase import phase_figure
from gradflow.charts.theme import Mode
from gradflow.core.sweep import MEASURES, Grid
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
    mode: Mode = "light",
) -> go.Figure:
    """Draw a measure of a sweep over one or two axes; the first runs upwards in a map."""
    row = MEASURES[measure]
    axes = [make_axis(name, grid) for name in grid.axes]
    values = SweptMeasure(
        _(row.label),
        row.logarithmic,
        shape_column(grid, table, measure),
        np.logical_not(shape_column(grid, table, "precise").all(axis=-1)),
        _draw_profiles(grid, table) if len(axes) == MOST_AXES else (),
    )
    if len(axes) == 1:
        return curve_figure(axes[0], values, mode=mode)
    upwards, across = axes
    return phase_figure(across, upwards, values, theory=theory, growing=growing, mode=mode)


def make_axis(name: str, grid: Grid) -> Axis:
    """Make the axis of a setting, with the names that its control has."""
    values = grid.axes[name]
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    names = () if numbers else tuple(format_setting(name, value) for value in values)
    return Axis(name_setting(name), values, names)


def _draw_profiles(grid: Grid, table: pd.DataFrame) -> list[list[str]]:
    """Draw the course of the gradient in every cell, with the first seed."""
    profiles = shape_column(grid, table, "profile")[..., 0]
    return [["" if p is None else draw_profile(p) for p in row] for row in profiles]
