"""A quantity of every layer over the steps, as a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import PALETTES, TEXT_SIZE, ColourScale, Mode, fade
from gradflow.charts.training.data import MOST_COLUMNS, QUANTITIES, Lane, Quantity, thin_map
from gradflow.charts.training.speeds import USUAL_RATIO
from gradflow.core.numbers import format_power
from gradflow.core.text import _

_RARE_SHARE = 0.02
"""Share of the values at either end that have the outermost shade."""
_WINDOWS = 10
"""The line in a map is that of means over one of so many windows: single batches differ."""
_MOST_MARKS = 300
"""At most this many marks in one map."""


@dataclass(frozen=True, eq=False)
class QuantityMap:
    """A quantity of one run over layers and steps.

    Attributes:
        steps: of the columns.
        shade: ``(layers, columns)``: log10 of the values, or shares; NaN where there is none.
        zero, broken: ``(layers, columns)``: values that are exactly 0, that are NaN or infinite.
    """

    steps: FloatArray
    shade: FloatArray
    zero: npt.NDArray[np.bool_]
    broken: npt.NDArray[np.bool_]

    @property
    def is_blank(self) -> bool:
        """Whether there are values, none of which has a shade."""
        return bool(self.shade.size) and bool(np.isnan(self.shade).all())


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
        *_shade_broken(lane, quantity_map, axes, mode),
        *(_draw_contour(quantity_map, axes, mode) if is_ratio else []),
        *_mark_cells(lane, quantity_map, axes, mode),
    ]


def _draw_heatmap(
    lane: Lane, quantity_map: QuantityMap, kind: Quantity, axes: PanelAxes
) -> dict[str, Any]:
    value = "%{z:.1%}" if kind.share else "10<sup>%{z:.2f}</sup>"
    names = None
    if lane.is_named:
        layer = "%{customdata}"
        rows = [[lane.write_layer(number)] for number in range(1, len(lane.modules) + 1)]
        names = [row * len(quantity_map.steps) for row in rows]
    else:
        layer = _("{letter}, layer {layer}").format(letter=lane.letter, layer="%{y}")
    cell = _("{layer}, step {step}").format(layer=layer, step="%{x}")
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
        "customdata": names,
        "hoverongaps": False,
        "hovertemplate": f"{cell}<br>{_(kind.symbol)} {value}<extra></extra>",
    }


def _shade_broken(
    lane: Lane, quantity_map: QuantityMap, axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    """Tint the cells whose values are not finite; those without a value stay blank."""
    if not quantity_map.broken.any():
        return []
    colour = fade(PALETTES[mode].alarm, 0.28)
    names = [[lane.write_layer(row + 1)] for row in range(len(quantity_map.broken))]
    return [
        {
            "type": "heatmap",
            "name": "broken",
            "showscale": False,
            "colorscale": [[0, colour], [1, colour]],
            "xaxis": axes.x,
            "yaxis": "y",
            "x": quantity_map.steps.astype(np.float32),
            "y0": 1,
            "dy": 1,
            "z": np.where(quantity_map.broken, 1, np.nan).astype(np.float32),
            "customdata": [row * len(quantity_map.steps) for row in names],
            "hoverongaps": False,
            "hovertemplate": _("{layer}, step {step}").format(layer="%{customdata}", step="%{x}")
            + f"<br>{_('NaN or ∞')}<extra></extra>",
        }
    ]


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


def _mark_cells(
    lane: Lane, quantity_map: QuantityMap, axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    """Draw ○ in the middle of every stretch of zeros, ✕ where values cease to be finite."""
    palette = PALETTES[mode]
    marks = [
        *(
            (row, (first + last) // 2, "circle-open", palette.muted, "0")
            for row, first, last in find_stretches(quantity_map.zero)
        ),
        *(
            (row, first, "x-thin", palette.alarm, _write_stretch(quantity_map.steps, first, last))
            for row, first, last in find_stretches(quantity_map.broken)
        ),
    ]
    if not marks:
        return []
    rows, columns, symbols, colours, values = zip(*marks[:_MOST_MARKS], strict=True)
    text = _("{layer}: {value}")
    return [
        {
            "type": "scatter",
            "name": "marks",
            "mode": "markers",
            "xaxis": axes.x,
            "yaxis": "y",
            "cliponaxis": False,
            "x": [float(quantity_map.steps[column]) for column in columns],
            "y": [row + 1 for row in rows],
            "hovertext": [
                text.format(layer=lane.write_layer(row + 1), value=value)
                for row, value in zip(rows, values, strict=True)
            ],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {
                "symbol": symbols,
                "size": 9,
                "color": colours,
                "line": {"width": 2, "color": colours},
            },
        }
    ]


def _write_stretch(steps: FloatArray, first: int, last: int) -> str:
    if first == last:
        return _("NaN or ∞ in step {step:g}").format(step=steps[first])
    return _("NaN or ∞ from step {first:g} to {last:g}").format(
        first=steps[first], last=steps[last]
    )


def find_stretches(cells: npt.NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Find row, first and last column of every unbroken stretch of true cells in a row."""
    found = []
    for row, line in enumerate(cells):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
        found += [(row, a, b - 1) for a, b in edges.reshape(-1, 2).tolist()]
    return found
