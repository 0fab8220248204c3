"""Lines of several repetitions: each of them thin, their median wide; axes and levels for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, Style, fade
from gradflow.core.text import _


def draw_repetitions(
    name: str,
    x: FloatArray,
    drawn: FloatArray,
    texts: Sequence[str],
    style: Style,
    *,
    axis: str = "",
    legend: bool = True,
    markers: bool = False,
) -> list[dict[str, Any]]:
    """Draw two traces: the repetitions as one broken line, and their median.

    Args:
        name: for the legend, where the median stands for both.
        x: positions, ``(points,)``.
        drawn: coordinates, ``(repetitions, points)``; NaN is a gap.
        texts: the hover of each point.
        style: colour, dash and marker.
        axis: "" or "2", for both axes.
        legend: whether the legend names it.
        markers: whether the points are marked.
    """
    gap = np.full((len(drawn), 1), np.nan)
    repeated_x = np.concatenate([np.tile(x, (len(drawn), 1)), gap], axis=1)
    common = {
        "type": "scatter",
        "legendgroup": name,
        "xaxis": f"x{axis}",
        "yaxis": f"y{axis}",
    }
    thin = {
        **common,
        "name": f"{name}, {_('each seed')}",
        "mode": "lines",
        "showlegend": False,
        "x": repeated_x.ravel(),
        "y": np.concatenate([drawn, gap], axis=1).ravel(),
        "line": {"color": fade(style.colour, 0.45), "width": 1.2},
        "hoverinfo": "skip",
    }
    wide = {
        **common,
        "name": name,
        "mode": "lines+markers" if markers else "lines",
        "showlegend": legend,
        "x": x,
        "y": compute_medians(drawn),
        "line": {"color": style.colour, "dash": style.dash, "width": 3.5},
        "marker": {"symbol": style.symbol, "size": 10, "color": style.colour},
        "hovertext": list(texts),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    return [thin, wide] if len(drawn) > 1 else [wide]


def compute_medians(values: FloatArray) -> FloatArray:
    """Compute the median over the first axis; NaN where any repetition is not finite."""
    whole = np.where(np.isfinite(values), values, np.nan)
    return np.asarray(np.median(whole, axis=0), np.float64)


def draw_level(
    value: float, text: str, mode: Mode, axis: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a dotted line across a plot and its name, as shape and annotation."""
    colour = PALETTES[mode].muted
    line = {"color": colour, "width": 1.5, "dash": "dot"}
    shape = {
        "type": "line",
        "xref": f"x{axis} domain",
        "yref": f"y{axis}",
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": line,
        "layer": "below",
    }
    note = {
        "text": text,
        "xref": f"x{axis} domain",
        "yref": f"y{axis}",
        "x": 1,
        "y": value,
        "xanchor": "right",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": TEXT_SIZE - 1, "color": colour},
    }
    return shape, note


def make_spike(mode: Mode) -> dict[str, Any]:
    """Make the thin line that an x axis shows at the mouse."""
    return {"spikecolor": PALETTES[mode].muted, "spikethickness": 1}


def make_share_axis(title: str, low: float = 0.0) -> dict[str, Any]:
    """Make a y axis for accuracies, from ``low`` to 1."""
    ticks = [i / 4 for i in range(5)] if low < 0.3 else [i / 10 for i in range(3, 11)]
    return {
        "title": {"text": title},
        "range": [low - 0.03 * (1 - low), 1 + 0.03 * (1 - low)],
        "tickvals": ticks,
        "ticktext": [f"{100 * tick:.0f}%" for tick in ticks],
    }
