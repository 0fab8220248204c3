"""A measure of many networks as a map over two settings."""

from __future__ import annotations

import html
import math
import textwrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, empty_figure, make_legend
from gradflow.charts.sweep.data import (
    Axis,
    SweptMeasure,
    TheoryLines,
    fill_gaps,
    make_axis,
    make_sign,
)
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode
from gradflow.core.numbers import format_number, format_power
from gradflow.core.text import _

_RARE_SHARE = 0.02
"""Share of the values at either end that have the outermost shade."""
_MOST_TICKS = 8
_HEIGHT = 560
_LINE_LENGTH = 48
"""Characters of a line in a hover."""


def phase_figure(
    x: Axis,
    y: Axis,
    measure: SweptMeasure,
    *,
    theory: TheoryLines | None = None,
    growing: bool = False,
    mode: Mode = "light",
) -> go.Figure:
    """Draw the median over the seeds as a heatmap, and the line where it is 1.

    A cell can be chosen: its ``customdata`` is its number, the x axis running fastest.

    Args:
        x: the setting that runs to the right.
        y: the setting that runs upwards.
        measure: what is drawn; its values are ``(y, x, seeds)``.
        theory: lines over the map; they take the place of the line where the measure is 1.
        growing: whether the map is not whole yet; cells that are missing look like their
            neighbours along axes of numbers in even steps, and stay empty among categories.
        mode: for a light or a dark page.
    """
    median = measure.median
    if not np.isfinite(median).any():
        return empty_figure(_("Nothing has been measured yet"), mode=mode, height=_HEIGHT)
    shades = shape_shades(measure)
    low, high = fit_range(shades)
    layout = {
        "height": _HEIGHT,
        "xaxis": make_axis(x) | {"showgrid": False},
        "yaxis": make_axis(y) | {"showgrid": False},
        "coloraxis": _make_colours(measure, low, high, mode),
        "margin": {"l": 90, "r": 120, "t": 36, "b": 64},
        "legend": make_legend(),
        "hovermode": "closest",
        "hoverdistance": -1,
    }
    lines = (
        _draw_level(x, y, measure, shades, mode) if theory is None else _draw_theory(theory, mode)
    )
    along = (y.kind != "category", x.kind != "category")
    data = [
        _draw_heatmap(x, y, measure, fill_gaps(shades, along) if growing else shades),
        *lines,
        *_draw_marks(x, y, measure, mode),
        _draw_cells(x, y, measure),
    ]
    return build_figure(data, layout, mode)


def shape_shades(measure: SweptMeasure) -> FloatArray:
    """Take log10 of the median where the measure is logarithmic; NaN where there is none."""
    median = measure.median
    if not measure.logarithmic:
        return np.where(np.isfinite(median), median, np.nan)
    shades = np.full(median.shape, np.nan)
    np.log10(median, out=shades, where=np.isfinite(median) & (median > 0))
    return shades


def fit_range(shades: FloatArray) -> tuple[float, float]:
    """Fit the range of shades: nearly all values; a few far off shall not take all colours."""
    known = shades[np.isfinite(shades)]
    if not len(known):
        return 0.0, 1.0
    low, high = map(float, np.quantile(known, (_RARE_SHARE, 1 - _RARE_SHARE)))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _make_colours(measure: SweptMeasure, low: float, high: float, mode: Mode) -> dict[str, Any]:
    _transparent, (_start, first), *others = PALETTES[mode].backward_scale
    bar: dict[str, Any] = {
        "title": {"text": measure.label, "side": "right"},
        "thickness": 14,
        "outlinewidth": 0,
        "tickfont": {"size": TEXT_SIZE - 1},
    }
    if measure.logarithmic:
        step = max(1, math.ceil((high - low) / _MOST_TICKS))
        ticks = [n for n in range(math.ceil(low), math.floor(high) + 1) if n % step == 0]
        if len(ticks) > 1:
            bar |= {"tickvals": ticks, "ticktext": [format_power(tick) for tick in ticks]}
        else:
            places = np.linspace(low, high, 5).tolist()  # browsers thin lists alone
            bar |= {"tickvals": places, "ticktext": [format_number(10**p) for p in places]}
    return {"cmin": low, "cmax": high, "colorscale": ((0.0, first), *others), "colorbar": bar}


def _draw_heatmap(x: Axis, y: Axis, measure: SweptMeasure, shades: FloatArray) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "name": measure.label,
        "coloraxis": "coloraxis",
        "x": x.places,
        "y": y.places,
        "z": shades.astype(np.float32),
        "hoverinfo": "skip",
    }


def _draw_cells(x: Axis, y: Axis, measure: SweptMeasure) -> dict[str, Any]:
    """Draw the middle of every measured cell, unseen: what is hovered, chosen and spoken."""
    median = measure.median
    known = ~np.isnan(median)
    if measure.remarks:
        known |= np.array([[bool(remark) for remark in row] for row in measure.remarks])
    rows, columns = np.nonzero(known)
    names = x.list_names(), y.list_names()
    texts = []
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        value = float(median[i, j])
        lines = [f"{y.label}: {names[1][i]}", f"{x.label}: {names[0][j]}"]
        if not math.isnan(value):
            lines.append(f"<b>{measure.label}: {format_number(value)}</b>")
        if measure.remarks:
            lines += map(html.escape, textwrap.wrap(measure.remarks[i][j], _LINE_LENGTH))
        if measure.profiles and measure.profiles[i][j]:
            lines.append(measure.profiles[i][j])
        texts.append("<br>".join(lines))
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "cells",
        "showlegend": False,
        "x": x.places[columns],
        "y": y.places[rows],
        "customdata": rows * len(x.values) + columns,
        "hovertext": texts,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"size": 14, "opacity": 0},
    }


def _draw_level(
    x: Axis, y: Axis, measure: SweptMeasure, shades: FloatArray, mode: Mode
) -> list[dict[str, Any]]:
    """Draw the line between growing and shrinking, where the map has both."""
    if not measure.logarithmic or min(shades.shape) < 2:
        return []
    if "category" in (x.kind, y.kind) or not _passes(shades, 0):
        return []
    common = {
        "type": "contour",
        "name": _("1: neither grows nor shrinks"),
        "showscale": False,
        "hoverinfo": "skip",
        "x": x.places,
        "y": y.places,
        "z": shades.astype(np.float32),
        "autocontour": False,
        "contours": {"start": 0, "end": 0, "size": 1, "coloring": "none"},
    }
    palette = PALETTES[mode]
    casing, line = {"color": palette.page, "width": 5}, {"color": palette.ink, "width": 2}
    return [
        {**common, "line": casing, "showlegend": False},
        {**common, "line": line, "showlegend": True},
    ]


def _passes(values: FloatArray, level: float) -> bool:
    """Say whether there are values on both sides of a level."""
    return bool((values < level).any() and (values > level).any())


def _draw_theory(theory: TheoryLines, mode: Mode) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    traces: list[dict[str, Any]] = []

    def add(trace: dict[str, Any], width: int, dash: str, *, named: bool) -> None:
        line = {"color": palette.theory, "width": width, "dash": dash}
        casing = {"color": palette.page, "width": width + 3}
        traces.append(trace | {"line": casing, "showlegend": False, "hoverinfo": "skip"})
        traces.append(trace | {"line": line, "showlegend": named, "hoverinfo": "skip"})

    x, y = theory.critical
    if np.isfinite(x + y).any():
        line = {"type": "scatter", "mode": "lines", "name": theory.name, "x": x, "y": y}
        add(line, 3, "solid", named=True)
    if min(theory.values.shape, default=0) < 2:
        return traces
    named: set[str] = set()
    for level, name in theory.levels.items():
        if not _passes(theory.values, level):
            continue
        contour = {
            "type": "contour",
            "name": name,
            "showscale": False,
            "x": theory.x,
            "y": theory.y,
            "z": theory.values.astype(np.float32),
            "autocontour": False,
            "connectgaps": False,
            "contours": {"start": level, "end": level, "size": 1, "coloring": "none"},
        }
        add(contour, 2, "dash", named=name not in named)
        named.add(name)
    return traces


def _draw_marks(x: Axis, y: Axis, measure: SweptMeasure, mode: Mode) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    traces: list[dict[str, Any]] = []
    for mark in measure.marks:
        rows, columns = np.nonzero(mark.where)
        if not len(rows):
            continue
        where = {"x": x.places[columns], "y": y.places[rows]}
        traces.append(make_sign(mark, palette) | where)
    return traces
