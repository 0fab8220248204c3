"""A quantity of every layer over the steps, as a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import PALETTES, TEXT_SIZE, ColourScale, Mode
from gradflow.charts.training.data import (
    MOST_COLUMNS,
    QUANTITIES,
    Lane,
    Quantity,
    QuantityMap,
    thin_map,
)
from gradflow.charts.training.marks import (
    draw_targets,
    mark_cells,
    name_cells,
    shade_broken,
    write_cell,
)
from gradflow.charts.training.speeds import USUAL_RATIO
from gradflow.core.numbers import format_power
from gradflow.core.text import _

_RARE_SHARE = 0.02
"""Share of the values at either end that have the outermost shade."""
_WINDOWS = 10
"""The line in a map is that of means over one of so many windows: single batches differ."""


def shape_map(lane: Lane, quantity: str, columns: int = MOST_COLUMNS) -> QuantityMap:
    """Take log10 of a quantity, or the share, in at most ``columns`` columns.

    A share that is NaN is not defined there.
    """
    steps, values = thin_map(lane.steps, lane.layers[quantity], columns)
    finite = np.isfinite(values)
    if QUANTITIES[quantity].share:
        nowhere = np.zeros(values.shape, bool)
        return QuantityMap(steps, np.where(finite, values, np.nan), nowhere, nowhere)
    logs = np.full(values.shape, np.nan)
    np.log10(values, out=logs, where=finite & (values > 0))
    return QuantityMap(steps, logs, values == 0, _thin(lane.find_broken(quantity), lane, columns))


def _thin(cells: npt.NDArray[np.bool_], lane: Lane, columns: int) -> npt.NDArray[np.bool_]:
    return thin_map(lane.steps, cells.astype(np.float64), columns)[1] > 0


def fit_shades(shades: Sequence[FloatArray], kind: Quantity) -> tuple[float, float]:
    """Fit the range of shades that all maps share: nearly all values, at least two decades.

    A few values far off, those of a run that explodes, shall not take the shades of all others.
    """
    if kind.share:
        return 0.0, 1.0
    values = np.concatenate([shade.ravel() for shade in shades])
    values = values[np.isfinite(values)]
    if not len(values):
        return -2.0, 0.0
    low, high = map(float, np.quantile(values, (_RARE_SHARE, 1 - _RARE_SHARE)))
    return min(low, high - 2), high


def make_colour_axis(
    kind: Quantity, low: float, high: float, x: float, mode: Mode
) -> dict[str, Any]:
    """Make the scale that all maps share, with its bar at ``x``."""
    palette = PALETTES[mode]
    return {
        "cmin": low,
        "cmax": high,
        "colorscale": _make_opaque(palette.forward_scale if kind.share else palette.backward_scale),
        "colorbar": {
            "x": x,
            "xanchor": "left",
            "thickness": 12,
            "outlinewidth": 0,
            "ypad": 0,
            "tickfont": {"size": TEXT_SIZE - 1},
            **_make_ticks(kind, low, high),
        },
    }


def _make_opaque(scale: ColourScale) -> ColourScale:
    """Give the lowest value a shade, too: only gaps are transparent."""
    _transparent, (_start, first), *others = scale
    return ((0.0, first), *others)


def _make_ticks(kind: Quantity, low: float, high: float) -> dict[str, Any]:
    if kind.share:
        return {"tickvals": [0, 0.5, 1], "ticktext": ["0%", "50%", "100%"]}
    step = max(1, math.ceil((high - low) / 6))
    ticks = range(math.ceil(low), math.floor(high) + 1, step)
    return {"tickvals": list(ticks), "ticktext": [format_power(tick) for tick in ticks]}


def draw_map(
    lane: Lane, quantity_map: QuantityMap, quantity: str, axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    """Draw the map on the x axis of ``axes``, its marks, and 10⁻³ if it is the update ratio.

    The y axis is that of the first panel in all maps.
    """
    if not quantity_map.shade.size:
        return []
    is_ratio = quantity == "update_ratio"
    return [
        _draw_heatmap(lane, quantity_map, QUANTITIES[quantity], axes),
        *shade_broken(lane, quantity_map, axes, mode),
        *draw_targets(lane, quantity_map, QUANTITIES[quantity], axes),
        *(_draw_contour(quantity_map, axes, mode) if is_ratio else []),
        *mark_cells(lane, quantity_map, axes, mode),
    ]


def _draw_heatmap(
    lane: Lane, quantity_map: QuantityMap, kind: Quantity, axes: PanelAxes
) -> dict[str, Any]:
    value = "%{z:.1%}" if kind.share else "10<sup>%{z:.2f}</sup>"
    return {
        "type": "heatmap",
        "name": lane.label,
        "coloraxis": "coloraxis",
        "xaxis": axes.x,
        "yaxis": "y",
        "x": quantity_map.steps.astype(np.float32),
        "y0": 1,
        "dy": 1,
        "z": quantity_map.shade.astype(np.float32),
        **name_cells(lane, len(quantity_map.steps)),
        "hoverongaps": False,
        "hovertemplate": f"{write_cell(lane)}<br>{_(kind.symbol)} {value}<extra></extra>",
    }


def _draw_contour(quantity_map: QuantityMap, axes: PanelAxes, mode: Mode) -> list[dict[str, Any]]:
    """Draw the line where the update ratio is 10⁻³; it needs two layers and two steps."""
    if min(quantity_map.shade.shape) < 2:
        return []
    level, palette = math.log10(USUAL_RATIO), PALETTES[mode]
    common = {
        "type": "contour",
        "name": "contour",
        "showscale": False,
        "hoverinfo": "skip",
        "xaxis": axes.x,
        "yaxis": "y",
        "x": quantity_map.steps.astype(np.float32),
        "y0": 1,
        "dy": 1,
        "z": smooth(quantity_map.shade).astype(np.float32),
        "autocontour": False,
        "connectgaps": False,
        "contours": {"start": level, "end": level, "size": 1, "coloring": "none"},
    }
    casing, line = {"color": palette.page, "width": 5}, {"color": palette.ink, "width": 2}
    return [{**common, "line": casing}, {**common, "line": line}]


def smooth(rows: FloatArray) -> FloatArray:
    """Average over a window of a tenth of the columns, shorter at the ends.

    A mean is NaN where a value of its window is NaN.
    """
    count = rows.shape[1]
    half = max(count // _WINDOWS // 2, 0)
    means = [rows[:, max(i - half, 0) : i + half + 1].mean(axis=1) for i in range(count)]
    return np.stack(means, axis=1)
