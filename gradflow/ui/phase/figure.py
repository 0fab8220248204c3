"""The figure of a sweep, with the names that the controls have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.sweep.curve import curve_figure
from gradflow.charts.sweep.data import Axis, SweptMeasure
from gradflow.charts.sweep.phase import phase_figure
from gradflow.charts.theme import Mode
from gradflow.core.sweep import MEASURES, Grid
from gradflow.core.sweep.table import shape_column
from gradflow.core.text import _
from gradflow.ui.naming import format_setting, name_setting

if TYPE_CHECKING:
    import pandas as pd

MOST_AXES = 2


def draw_sweep(grid: Grid, table: pd.DataFrame, measure: str, *, mode: Mode = "light") -> go.Figure:
    """Draw a measure of a sweep over one or two axes; the first runs upwards in a map."""
    row = MEASURES[measure]
    values = SweptMeasure(
        _(row.label),
        row.logarithmic,
        shape_column(grid, table, measure),
        np.logical_not(shape_column(grid, table, "precise").all(axis=-1)),
    )
    axes = [_make_axis(name, grid) for name in grid.axes]
    if len(axes) == 1:
        return curve_figure(axes[0], values, mode=mode)
    upwards, across = axes
    return phase_figure(across, upwards, values, mode=mode)


def _make_axis(name: str, grid: Grid) -> Axis:
    values = grid.axes[name]
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    names = () if numbers else tuple(format_setting(name, value) for value in values)
    return Axis(name_setting(name), values, names)
