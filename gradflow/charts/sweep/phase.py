"""A measure of many networks as a map over two settings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, empty_figure, make_legend
from gradflow.charts.sweep.data import Axis, SweptMeasure
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode
from gradflow.core.numbers import format_number, format_power
from gradflow.core.text import _

_RARE_SHARE = 0.02
"""Share of the values at either end that have the outermost shade."""
_MOST_TICKS = 8
_HEIGHT = 560


def phase_figure(x: Axis, y: Axis, measure: SweptMeasure, *, mode: Mode = "light") -> go.Figure:
    """Draw the median over the seeds as a heatmap, and the line where it is 1.

    Args:
        x: the setting that runs to the right.
        y: the setting that runs upwards.
        measure: what is drawn; its values are ``(y, x, seeds)``.
        mode: for a light or a dark page.
    """
    median = measure.median
    if not np.isfinite(median).any():
        return empty_figure(_("Nothing has been measured yet"), mode=mode)
    shades = shape_shades(measure)
    low, high = fit_range(shades)
    layout = {
        "height": _HEIGHT,
        "xaxis": _make_axis(x),
        "yaxis": _make_axis(y),
        "coloraxis": _make_colours(measure, low, high, mode),
        "margin": {"l": 90, "r": 120, "t": 36, "b": 64},
        "legend": make_legend(),
    }
    data = [
        _draw_heatmap(x, y, measure, shades),
        *_draw_level(x, y, measure, shades, mode),
        *_mark_doubt(x, y, measure, mode),
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


def _make_axis(axis: Axis) -> dict[str, Any]:
    common = {"title": {"text": axis.label}, "showgrid": False}
    if axis.kind != "category":
        return {**common, "type": axis.kind}
    step = math.ceil(len(axis.values) / 24)
    names = axis.list_names()
    return {**common, "tickvals": list(range(0, len(names), step)), "ticktext": names[::step]}


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
            places = np.linspace(low, high, 5)
            bar |= {"tickvals": places, "ticktext": [format_number(10**p) for p in places]}
    return {"cmin": low, "cmax": high, "colorscale": ((0.0, first), *others), "colorbar": bar}


def _draw_heatmap(x: Axis, y: Axis, measure: SweptMeasure, shades: FloatArray) -> dict[str, Any]:
    median = measure.median
    names = [[(a, b) for a in x.list_names()] for b in y.list_names()]
    values = [[format_number(v) for v in row] for row in median.tolist()]
    texts = [
        [
            f"{x.label}: {a}<br>{y.label}: {b}<br>{measure.label}: {v}"
            for (a, b), v in zip(*rows, strict=True)
        ]
        for rows in zip(names, values, strict=True)
    ]
    return {
        "type": "heatmap",
        "name": measure.label,
        "coloraxis": "coloraxis",
        "x": x.places,
        "y": y.places,
        "z": shades.astype(np.float32),
        "hovertext": texts,
        "hoverongaps": False,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _draw_level(
    x: Axis, y: Axis, measure: SweptMeasure, shades: FloatArray, mode: Mode
) -> list[dict[str, Any]]:
    """Draw the line between growing and shrinking, where the map has both."""
    if not measure.logarithmic or min(shades.shape) < 2:
        return []
    if "category" in (x.kind, y.kind) or not np.nanmin(shades) < 0 < np.nanmax(shades):
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


def _mark_doubt(x: Axis, y: Axis, measure: SweptMeasure, mode: Mode) -> list[dict[str, Any]]:
    rows, columns = np.nonzero(measure.doubtful)
    if not len(rows):
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": _("rounding, underflow or overflow has spoilt this"),
            "x": x.places[columns],
            "y": y.places[rows],
            "hoverinfo": "skip",
            "marker": {
                "symbol": "x-thin",
                "size": 6,
                "line": {"width": 1, "color": PALETTES[mode].ink},
            },
        }
    ]
