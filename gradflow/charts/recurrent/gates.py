"""Gates over time: units as rows of a heatmap, one gate above the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from gradflow.charts.figure import (
    FloatArray,
    build_figure,
    choose_layer_ticks,
    empty_figure,
    make_note,
)
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode
from gradflow.core.numbers import format_number
from gradflow.core.text import _

MOST_UNITS = 64
"""Rows of a gate; of more units this many are picked evenly."""
GATE_HEIGHT, GATE_GAP = 130, 36
"""Pixels of a gate's rows, and between two gates, where the name of the lower one stands."""
TOP_MARGIN, BOTTOM_MARGIN = 34, 62


@dataclass(frozen=True, eq=False)
class GateRows:
    """One gate of one sequence.

    Attributes:
        name: e.g. "forget gate f".
        values: activations between 0 and 1, ``(T, H)``.
        mean: over batch and units, at each step.
    """

    name: str
    values: npt.NDArray[np.floating[Any]]
    mean: FloatArray


@dataclass(frozen=True, eq=False)
class GatePicture:
    """All gates in one array.

    Attributes:
        values: activations, rows from below; NaN between two gates.
        units: the unit of each row, from 1; 0 between two gates.
        bottoms: row at which each gate begins.
        rows: rows per gate.
    """

    values: npt.NDArray[np.float32]
    units: npt.NDArray[np.int16]
    bottoms: tuple[int, ...]
    rows: int


def gates_figure(
    gates: Sequence[GateRows], *, step: int, unit: int, mode: Mode = "light"
) -> go.Figure:
    """Draw each gate's activations as shades, a row per unit and a column per time step.

    Args:
        gates: the gates of one sequence.
        step: the step marked by a line.
        unit: the unit whose rows are marked.
        mode: for a light or a dark page.
    """
    if not gates or not gates[0].values.size:
        return empty_figure(_("This cell has no gates"), mode=mode)
    picture = shape_gates(gates)
    steps = gates[0].values.shape[0]
    layout = {
        "height": measure_height(len(gates)),
        "margin": {"l": 84, "r": 20, "t": TOP_MARGIN, "b": BOTTOM_MARGIN},
        "dragmode": False,
        "xaxis": {
            "range": [0.5, steps + 0.5],
            "tickvals": choose_layer_ticks(steps),
            "tickangle": 0,
            "title": {"text": _("time step t")},
            "showgrid": False,
        },
        "yaxis": {
            "range": [-0.5, len(picture.values) - 0.5],
            "showgrid": False,
            "title": {"text": _("unit")},
            **_make_unit_ticks(picture),
        },
        "annotations": [
            _write_title(gate, bottom + picture.rows - 0.5, mode)
            for gate, bottom in zip(gates, picture.bottoms, strict=True)
        ],
        "shapes": [
            *_mark_step(picture, step, mode),
            *_mark_unit(picture, step, unit, mode),
        ],
    }
    return build_figure([_draw_heatmap(picture, mode)], layout, mode)


def shape_gates(gates: Sequence[GateRows]) -> GatePicture:
    """Stack the gates, the first one on top; within a gate unit 1 is at the bottom."""
    steps, units = gates[0].values.shape
    rows = min(units, MOST_UNITS)
    chosen = np.linspace(0, units - 1, rows).round().astype(np.int64)
    gap = max(1, round(rows * GATE_GAP / GATE_HEIGHT))
    parts, numbers = [], []
    bottoms: list[int] = []
    height = 0
    for index in reversed(range(len(gates))):
        bottoms.insert(0, height)
        parts.append(gates[index].values[:, chosen].T)
        numbers.append(chosen + 1)
        height += rows
        if index:
            parts.append(np.full((gap, steps), np.nan))
            numbers.append(np.zeros(gap, np.int64))
            height += gap
    return GatePicture(
        np.concatenate(parts).astype(np.float32),
        np.concatenate(numbers).astype(np.int16),
        tuple(bottoms),
        rows,
    )


def measure_height(gates: int) -> int:
    """Measure the pixels of a figure of so many gates."""
    return GATE_HEIGHT * gates + GATE_GAP * (gates - 1) + TOP_MARGIN + BOTTOM_MARGIN


def _make_unit_ticks(picture: GatePicture) -> dict[str, Any]:
    """Name the first and the last unit of each gate."""
    ticks = [row for bottom in picture.bottoms for row in (bottom, bottom + picture.rows - 1)]
    return {"tickvals": ticks, "ticktext": [str(picture.units[row]) for row in ticks]}


def _write_title(gate: GateRows, y: float, mode: Mode) -> dict[str, Any]:
    return make_note(
        f"<b>{gate.name}</b>  {_('mean')} {format_number(float(np.nanmean(gate.mean)), 2)}",
        0,
        y,
        yref="y",
        yshift=1,
        font={"size": TITLE_SIZE, "color": PALETTES[mode].forward},
    )


def _mark_step(picture: GatePicture, step: int, mode: Mode) -> list[dict[str, Any]]:
    """Draw a line through the step's column in every gate."""
    return [
        {
            "type": "line",
            "x0": step,
            "x1": step,
            "y0": bottom - 0.5,
            "y1": bottom + picture.rows - 0.5,
            "line": {"color": PALETTES[mode].backward, "width": 2},
        }
        for bottom in picture.bottoms
    ]


def _mark_unit(picture: GatePicture, step: int, unit: int, mode: Mode) -> list[dict[str, Any]]:
    """Draw a frame around the unit at the step in every gate."""
    return [
        {
            "type": "rect",
            "x0": step - 0.5,
            "x1": step + 0.5,
            "y0": row - 0.5,
            "y1": row + 0.5,
            "line": {"color": PALETTES[mode].backward, "width": 4},
        }
        for row in np.flatnonzero(picture.units == unit).tolist()
    ]


def _draw_heatmap(picture: GatePicture, mode: Mode) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "z": picture.values,
        "customdata": np.broadcast_to(picture.units[:, None], picture.values.shape),
        "x0": 1,
        "dx": 1,
        "y0": 0,
        "dy": 1,
        "zmin": 0,
        "zmax": 1,
        "colorscale": PALETTES[mode].forward_scale,
        "colorbar": {
            "thickness": 14,
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "outlinewidth": 0,
            "tickfont": {"size": TEXT_SIZE - 1},
            "ticktext": [_("0 closed"), "0.25", "0.5", "0.75", _("1 open")],
        },
        "hoverongaps": False,
        "hovertemplate": _("step %{x}, unit %{customdata}: gate %{z:.3f}") + "<extra></extra>",
    }
