"""What stands in the cells of a map layer × step: what choosing them means, and marks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import PALETTES, Mode, fade
from gradflow.charts.training.data import Lane, Quantity, QuantityMap
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

_MOST_MARKS = 300
"""At most this many marks in one map."""


def write_cell(lane: Lane) -> str:
    """Write the template of layer and step of a cell."""
    layer = "%{text}"
    if not lane.choices:
        layer = _("{letter}, layer {layer}").format(letter=lane.letter, layer="%{y}")
    return _("{layer}, step {step}").format(layer=layer, step="%{x}")


def name_cells(lane: Lane, columns: int) -> dict[str, Any]:
    """Say which layer each cell is of, and what choosing it means, where a run stands alone."""
    if not lane.choices:
        return {}
    rows = range(1, len(lane.choices) + 1)
    return {
        "text": [[lane.write_layer(row)] * columns for row in rows],
        "customdata": [[choice] * columns for choice in lane.choices],
    }


def draw_targets(
    lane: Lane, quantity_map: QuantityMap, kind: Quantity, axes: PanelAxes
) -> list[dict[str, Any]]:
    """Draw an invisible line along the last step, whose points keys go through and choose."""
    if not lane.choices:
        return []
    step = float(quantity_map.steps[-1])
    texts = []
    for row, shade in enumerate(quantity_map.shade[:, -1].tolist(), 1):
        at = _("{layer}, step {step}").format(layer=lane.write_layer(row), step=f"{step:g}")
        value = shade if kind.share else 10.0**shade
        text = format_share(value) if kind.share else format_number(value)
        texts.append(at if math.isnan(shade) else f"{at}<br>{_(kind.symbol)} {text}")
    return [
        {
            "type": "scatter",
            "name": "layers",
            "mode": "lines",
            "xaxis": axes.x,
            "yaxis": "y",
            "x": [step] * len(texts),
            "y": [*range(1, len(texts) + 1)],
            "customdata": list(lane.choices),
            "hovertext": texts,
            "hovertemplate": "%{hovertext}<extra></extra>",
            "line": {"color": "rgba(0,0,0,0)", "width": 0},
        }
    ]


def shade_broken(
    lane: Lane, quantity_map: QuantityMap, axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    """Tint the cells whose values are not finite; those without a value stay blank."""
    if not quantity_map.broken.any():
        return []
    colour = fade(PALETTES[mode].alarm, 0.28)
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
            **name_cells(lane, len(quantity_map.steps)),
            "hoverongaps": False,
            "hovertemplate": f"{write_cell(lane)}<br>{_('NaN or ∞')}<extra></extra>",
        }
    ]


def mark_cells(
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
            "customdata": [lane.choices[row] for row in rows] if lane.choices else None,
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
