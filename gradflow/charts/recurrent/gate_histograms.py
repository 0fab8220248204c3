"""Distributions of the gates' activations: histograms, one above the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, empty_figure, make_note
from gradflow.charts.rebin import Grid, rebin
from gradflow.charts.recurrent.gates import (
    BOTTOM_MARGIN,
    GATE_GAP,
    GATE_HEIGHT,
    TOP_MARGIN,
    measure_height,
)
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode
from gradflow.core.histogram import Histogram
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

BINS = 40
_SLOT_HEIGHT = 1 + GATE_GAP / GATE_HEIGHT
"""Height of a histogram with its name; the highest bar has height 1."""


def gate_histograms_figure(
    shares: Mapping[str, FloatArray],
    marks: Mapping[str, tuple[str, float]],
    *,
    mode: Mode = "light",
) -> go.Figure:
    """Draw the distribution of each gate's activations over all steps, units and sequences.

    Args:
        shares: name → share of the entries per bin, as :func:`average_gate_shares` gives it.
        marks: name → a label and a value on the axis that belong to this gate, such as σ(b_f).
        mode: for a light or a dark page.
    """
    if not shares:
        return empty_figure(_("This cell has no gates"), mode=mode)
    highest = max(float(values.max()) for values in shares.values()) or 1.0
    data, notes, shapes = [], [], []
    for row, (name, values) in enumerate(reversed(list(shares.items()))):
        floor = _SLOT_HEIGHT * row
        data.append(_draw_bars(name, values, values / highest, floor, mode))
        notes.append(_write_title(name, floor, mode))
        if name in marks:
            label, value = marks[name]
            shapes.append(_draw_mark(value, floor, mode))
            notes.append(_label_mark(label, value, floor, mode))
    count = len(shares)
    layout = {
        "height": measure_height(count),
        "margin": {"l": 20, "r": 20, "t": TOP_MARGIN, "b": BOTTOM_MARGIN},
        "dragmode": False,
        "showlegend": False,
        "barmode": "overlay",
        "bargap": 0,
        "xaxis": {"range": [0, 1], "title": {"text": _("gate activation")}, "showgrid": False},
        "yaxis": {"range": [0, _SLOT_HEIGHT * count - (_SLOT_HEIGHT - 1) + 1e-6], "visible": False},
        "annotations": notes,
        "shapes": shapes,
    }
    return build_figure(data, layout, mode)


def average_gate_shares(histograms: Sequence[Histogram]) -> FloatArray:
    """Average over the steps the share of entries in each of ``BINS`` bins between 0 and 1."""
    grid = Grid("linear", 0.0, 1 / BINS, BINS)
    rows = [rebin(histogram, grid).rows for histogram in histograms]
    shares: FloatArray = np.mean(rows, axis=0)
    return shares


def format_opening(value: float) -> str:
    """Write a gate's activation, with more digits close to 1: 0.5, but 0.99995."""
    return format_number(value) if value < 0.9995 else format_number(value, 5)


def _draw_bars(
    name: str, shares: FloatArray, heights: FloatArray, floor: float, mode: Mode
) -> dict[str, Any]:
    edges = np.linspace(0, 1, BINS + 1)
    bins = zip(edges[:-1].tolist(), edges[1:].tolist(), shares.tolist(), strict=True)
    return {
        "type": "bar",
        "name": name,
        "x": (edges[:-1] + edges[1:]) / 2,
        "width": 1 / BINS,
        "base": floor,
        "y": heights,
        "hovertext": [f"{name} {low} … {high}: {format_share(s)}" for low, high, s in bins],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": PALETTES[mode].series[0], "line": {"width": 0}},
    }


def _write_title(name: str, floor: float, mode: Mode) -> dict[str, Any]:
    font = {"size": TITLE_SIZE, "color": PALETTES[mode].forward}
    return make_note(f"<b>{name}</b>", 0, floor + 1, yref="y", font=font)


def _draw_mark(value: float, floor: float, mode: Mode) -> dict[str, Any]:
    return {
        "type": "line",
        "y0": floor,
        "y1": floor + 1,
        "x0": value,
        "x1": value,
        "line": {"color": PALETTES[mode].theory, "width": 2, "dash": "8px,5px"},
    }


def _label_mark(label: str, value: float, floor: float, mode: Mode) -> dict[str, Any]:
    text = f"┆ {label} = {format_opening(value)}"
    font = {"size": TEXT_SIZE, "color": PALETTES[mode].theory}
    return make_note(text, 1, floor + 1, yref="y", xanchor="right", font=font)
