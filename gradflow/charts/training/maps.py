"""A quantity of every layer over the steps, as a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, Scale, power
from gradflow.charts.training.data import MOST_COLUMNS, QUANTITIES, Lane, Quantity, thin_map
from gradflow.charts.training.speeds import USUAL_RATIO
from gradflow.core.text import _

_RARE_SHARE = 0.02
"""Share of the values at either end that have the outermost shade."""
_WINDOWS = 10
"""The line in a map is that of means over a tenth of it: single batches differ."""
_MOST_MARKS = 300
"""At most so many marks in one map."""


@dataclass(frozen=True, eq=False)
class QuantityMap:
    """What the map of one run shows.

    Attributes:
        steps: of the columns.
        shade: ``(layers, columns)``: log10 of the values, or shares; NaN where there is none.
        zero, broken: ``(layers, columns)``: values that are exactly 0, that are NaN or infinite.
    """

    steps: FloatArray
    shade: FloatArray
    zero: npt.NDArray[np.bool_]
    broken: npt.NDArray[np.bool_]


def shape_map(lane: Lane, quantity: str, columns: int = MOST_COLUMNS) -> QuantityMap:
    """Log10 of a quantity, or the share, thinned; a share that is NaN is not defined there."""
    steps, values = thin_map(lane.steps, lane.layers[quantity], columns)
    finite = np.isfinite(values)
    if QUANTITIES[quantity].share:
        nothing = np.zeros(values.shape, bool)
        return QuantityMap(steps, np.where(finite, values, np.nan), nothing, nothing)
    shown = finite & (values > 0)
    logs = np.full(values.shape, np.nan)
    np.log10(values, out=logs, where=shown)
    return QuantityMap(steps, logs, values == 0, ~finite)


def fit_shades(maps: Sequence[FloatArray], what: Quantity) -> tuple[float, float]:
    """The range of shades that all maps share: nearly all values, and two decades at least.

    A few values far off, those of a run that explodes, shall not take the shades of all others.
    """
    if what.share:
        return 0.0, 1.0
    every = np.concatenate([one.ravel() for one in maps])
    every = every[np.isfinite(every)]
    if not len(every):
        return -2.0, 0.0
    low, high = map(float, np.quantile(every, (_RARE_SHARE, 1 - _RARE_SHARE)))
    return min(low, high - 2), high


def draw_map(
    lane: Lane, one: QuantityMap, quantity: str, axis: str, mode: Mode
) -> list[dict[str, Any]]:
    """The map on x axis ``axis``, its marks, and in that of the update ratio a line at 10⁻³."""
    if not one.shade.size:
        return []
    line = _draw_contour(one, axis, mode) if quantity == "update_ratio" else []
    return [
        _draw_heatmap(lane, one, QUANTITIES[quantity], axis),
        *line,
        *_mark_cells(lane, one, axis, mode),
    ]


def make_colour_axis(
    what: Quantity, low: float, high: float, x: float, mode: Mode
) -> dict[str, Any]:
    """The scale that all maps share, with its bar at ``x``."""
    palette = PALETTES[mode]
    scale = palette.forward_scale if what.share else palette.backward_scale
    return {
        "cmin": low,
        "cmax": high,
        "colorscale": _make_opaque(scale),
        "colorbar": {
            "x": x,
            "xanchor": "left",
            "thickness": 12,
            "outlinewidth": 0,
            "ypad": 0,
            "tickfont": {"size": TEXT_SIZE - 1},
            **_make_ticks(what, low, high),
        },
    }


def _make_ticks(what: Quantity, low: float, high: float) -> dict[str, Any]:
    if what.share:
        return {"tickvals": [0, 0.5, 1], "ticktext": ["0 %", "50 %", "100 %"]}
    every = max(1, math.ceil((high - low) / 6))
    ticks = range(math.ceil(low), math.floor(high) + 1, every)
    return {"tickvals": list(ticks), "ticktext": [power(tick) for tick in ticks]}


def _make_opaque(scale: Scale) -> Scale:
    """A scale whose lowest value has a shade, too: nothing but what is not there is transparent."""
    _transparent, (_start, first), *others = scale
    return ((0.0, first), *others)


def _draw_heatmap(lane: Lane, one: QuantityMap, what: Quantity, axis: str) -> dict[str, Any]:
    value = "%{z:.1%}" if what.share else "10<sup>%{z:.2f}</sup>"
    place = _("{letter}, layer {layer}, step {step}").format(
        letter=lane.letter, layer="%{y}", step="%{x}"
    )
    return {
        "type": "heatmap",
        "name": lane.label,
        "coloraxis": "coloraxis",
        "xaxis": f"x{axis}",
        "yaxis": "y",
        "x": one.steps.astype(np.float32),
        "y0": 1,
        "dy": 1,
        "z": one.shade.astype(np.float32),
        "hoverongaps": False,
        "hovertemplate": f"{place}<br>{_(what.symbol)} {value}<extra></extra>",
    }


def _draw_contour(one: QuantityMap, axis: str, mode: Mode) -> list[dict[str, Any]]:
    """The line where the update ratio is 10⁻³; it needs two layers and two steps."""
    if min(one.shade.shape) < 2:
        return []
    level, palette = math.log10(USUAL_RATIO), PALETTES[mode]
    common = {
        "type": "contour",
        "name": "contour",
        "showscale": False,
        "hoverinfo": "skip",
        "xaxis": f"x{axis}",
        "yaxis": "y",
        "x": one.steps.astype(np.float32),
        "y0": 1,
        "dy": 1,
        "z": smooth(one.shade).astype(np.float32),
        "autocontour": False,
        "connectgaps": False,
        "contours": {"start": level, "end": level, "size": 1, "coloring": "none"},
    }
    casing = {"color": palette.page, "width": 5}
    return [common | {"line": line} for line in (casing, {"color": palette.ink, "width": 2})]


def smooth(rows: FloatArray) -> FloatArray:
    """Means over a window of a tenth of the columns, shorter at the ends; NaN where one is NaN."""
    count = rows.shape[1]
    half = max(count // _WINDOWS // 2, 0)
    found = [rows[:, max(i - half, 0) : i + half + 1].mean(axis=1) for i in range(count)]
    return np.stack(found, axis=1)


def _mark_cells(lane: Lane, one: QuantityMap, axis: str, mode: Mode) -> list[dict[str, Any]]:
    """○ and ✕ in the middle of every stretch of values that are 0, or not finite."""
    palette = PALETTES[mode]
    found = [(*place, "circle-open", palette.muted, "0") for place in find_stretches(one.zero)]
    found += [
        (*place, "x-thin", palette.alarm, _("NaN or ∞")) for place in find_stretches(one.broken)
    ]
    if not found:
        return []
    layers, middles, symbols, colours, values = zip(*found[:_MOST_MARKS], strict=True)
    texts = [
        _("{letter}, layer {layer}: {value}").format(letter=lane.letter, layer=layer + 1, value=v)
        for layer, v in zip(layers, values, strict=True)
    ]
    return [
        {
            "type": "scatter",
            "name": "marks",
            "mode": "markers",
            "xaxis": f"x{axis}",
            "yaxis": "y",
            "cliponaxis": False,
            "x": [float(one.steps[i]) for i in middles],
            "y": [layer + 1 for layer in layers],
            "hovertext": texts,
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {
                "symbol": symbols,
                "size": 9,
                "color": colours,
                "line": {"width": 2, "color": colours},
            },
        }
    ]


def find_stretches(cells: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Row and middle column of every unbroken stretch of true cells in a row."""
    found = []
    for row, line in enumerate(cells):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
        found += [(row, int(a + b - 1) // 2) for a, b in edges.reshape(-1, 2).tolist()]
    return found
