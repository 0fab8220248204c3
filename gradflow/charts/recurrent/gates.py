"""Gates over time: units as rows of a heatmap, and how their activations are distributed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build, empty_figure, layer_ticks, note
from gradflow.charts.rebin import Grid, rebin
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, number, share
from gradflow.core.histogram import Histogram
from gradflow.core.text import _

MOST_UNITS = 64
"""Rows of a gate; of more units so many are picked evenly."""
BINS = 40
_BAND, _GAP, _HEADER = 150, 30, 26
"""Pixels: height of a gate's rows, between two gates; both hold its name."""
_TOP, _BOTTOM = 34, 62
_ROOM = 1 + _GAP / _BAND
"""Height of a histogram with its name; the highest bar has height 1."""


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


def format_opening(value: float) -> str:
    """A gate for reading, with more digits close to 1: 0.5, but 0.99995."""
    return number(value) if value < 0.9995 else number(value, 5)


def shape_gates(gates: Sequence[GateRows]) -> GatePicture:
    """The first gate on top; within a gate unit 1 at the bottom."""
    units = gates[0].values.shape[1]
    rows = min(units, MOST_UNITS)
    chosen = np.linspace(0, units - 1, rows).round().astype(np.int64)
    gap = max(1, round(rows * _GAP / _BAND))
    steps = gates[0].values.shape[0]
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


def gates_figure(
    gates: Sequence[GateRows], *, step: int, unit: int, mode: Mode = "light"
) -> go.Figure:
    """A row per unit, a column per time step: the gate's activation as a shade.

    Args:
        gates: the gates of one sequence.
        step: is marked by a line.
        unit: its rows are marked.
        mode: for a light or a dark page.
    """
    if not gates or not gates[0].values.size:
        return empty_figure(_("This cell has no gates"), mode=mode)
    picture, palette = shape_gates(gates), PALETTES[mode]
    steps = gates[0].values.shape[0]
    inner = _BAND * len(gates) + _GAP * (len(gates) - 1)
    labels = [
        note(
            f"<b>{one.name}</b>  {_('mean')} {number(float(np.nanmean(one.mean)), 2)}",
            0,
            bottom + picture.rows - 0.5,
            yref="y",
            yshift=1,
            font={"size": TITLE_SIZE, "color": palette.forward},
        )
        for one, bottom in zip(gates, picture.bottoms, strict=True)
    ]
    layout = {
        "height": inner + _TOP + _BOTTOM,
        "margin": {"l": 84, "r": 20, "t": _TOP, "b": _BOTTOM},
        "dragmode": False,
        "xaxis": {
            "range": [0.5, steps + 0.5],
            "tickvals": layer_ticks(steps),
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
        "annotations": labels,
        "shapes": _mark_choice(picture, step, unit, mode),
    }
    return build([_draw_heatmap(picture, mode)], layout, mode)


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


def _make_unit_ticks(picture: GatePicture) -> dict[str, Any]:
    """First and last unit of each gate."""
    ticks = [row for bottom in picture.bottoms for row in (bottom, bottom + picture.rows - 1)]
    return {"tickvals": ticks, "ticktext": [str(picture.units[row]) for row in ticks]}


def _mark_choice(picture: GatePicture, step: int, unit: int, mode: Mode) -> list[dict[str, Any]]:
    """A line through the step's column, a frame around the unit in every gate."""
    palette = PALETTES[mode]
    line = {"color": palette.backward, "width": 2}
    shapes: list[dict[str, Any]] = [
        {
            "type": "line",
            "x0": step,
            "x1": step,
            "y0": bottom - 0.5,
            "y1": bottom + picture.rows - 0.5,
            "line": line,
        }
        for bottom in picture.bottoms
    ]
    frames = [
        {
            "type": "rect",
            "x0": step - 0.5,
            "x1": step + 0.5,
            "y0": row - 0.5,
            "y1": row + 0.5,
            "line": {"color": palette.backward, "width": 4},
        }
        for row in np.flatnonzero(picture.units == unit).tolist()
    ]
    return shapes + frames


def average_gate_shares(histograms: Sequence[Histogram]) -> FloatArray:
    """Mean over the steps of the share of entries in each of ``BINS`` bins between 0 and 1."""
    grid = Grid("linear", 0.0, 1 / BINS, BINS)
    shares: FloatArray = np.mean([rebin(one, grid).rows for one in histograms], axis=0)
    return shares


def gate_histograms_figure(
    shares: Mapping[str, FloatArray],
    marks: Mapping[str, tuple[str, float]],
    *,
    mode: Mode = "light",
) -> go.Figure:
    """Distribution of each gate's activations over all steps, units and sequences.

    Args:
        shares: name → share of the entries per bin, as :func:`average_gate_shares` gives it.
        marks: name → a label and a place on the axis that belong to this gate, such as σ(b_f).
        mode: for a light or a dark page.
    """
    if not shares:
        return empty_figure(_("This cell has no gates"), mode=mode)
    palette = PALETTES[mode]
    highest = max(float(values.max()) for values in shares.values()) or 1.0
    data, notes, shapes = [], [], []
    for row, (name, values) in enumerate(reversed(list(shares.items()))):
        data.append(_draw_bars(row, name, values / highest, values, mode))
        floor = _ROOM * row
        notes.append(
            note(
                f"<b>{name}</b>",
                0,
                floor + 1,
                yref="y",
                font={"size": TITLE_SIZE, "color": palette.forward},
            )
        )
        if name in marks:
            label, place = marks[name]
            shapes.append(
                {
                    "type": "line",
                    "y0": floor,
                    "y1": floor + 1,
                    "x0": place,
                    "x1": place,
                    "line": {"color": palette.theory, "width": 2, "dash": "8px,5px"},
                }
            )
            notes.append(
                note(
                    f"┆ {label} = {format_opening(place)}",
                    1,
                    floor + 1,
                    yref="y",
                    xanchor="right",
                    font={"size": TEXT_SIZE, "color": palette.theory},
                )
            )
    count = len(shares)
    layout = {
        "height": _BAND * count + _GAP * (count - 1) + _TOP + _BOTTOM,
        "margin": {"l": 20, "r": 20, "t": _TOP, "b": _BOTTOM},
        "dragmode": False,
        "showlegend": False,
        "barmode": "overlay",
        "bargap": 0,
        "xaxis": {"range": [0, 1], "title": {"text": _("gate activation")}, "showgrid": False},
        "yaxis": {"range": [0, _ROOM * count - (_ROOM - 1) + 1e-6], "visible": False},
        "annotations": notes,
        "shapes": shapes,
    }
    return build(data, layout, mode)


def _draw_bars(
    row: int, name: str, heights: FloatArray, values: FloatArray, mode: Mode
) -> dict[str, Any]:
    edges = np.linspace(0, 1, BINS + 1)
    return {
        "type": "bar",
        "name": name,
        "x": (edges[:-1] + edges[1:]) / 2,
        "width": 1 / BINS,
        "base": _ROOM * row,
        "y": heights,
        "hovertext": [
            f"{name} {low:.3g} … {high:.3g}: {share(value)}"
            for low, high, value in zip(
                edges[:-1].tolist(), edges[1:].tolist(), values.tolist(), strict=True
            )
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": PALETTES[mode].series[0], "line": {"width": 0}},
    }
