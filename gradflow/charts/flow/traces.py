"""Traces of the Flow figure, as plain data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gradflow.charts.describe import SPOKEN
from gradflow.charts.figure import FloatArray
from gradflow.charts.flow.data import Band, FlowData
from gradflow.charts.overlay import (
    THEORY_LINE,
    Range,
    choose_colour,
    draw_line,
    draw_range_on_heatmap,
)
from gradflow.charts.series import MARKER_LIMIT
from gradflow.charts.theme import PALETTES, ColourScale, Mode
from gradflow.core.text import _

_LARGEST = float(np.finfo(np.float32).max)


def draw_bands(
    flow: FlowData, mode: Mode, *, strip: bool, first: int = 1, panels: int = 1
) -> list[dict[str, Any]]:
    """Draw both bands of a Flow figure on the axes y and y2, and the strip of zeros on y3.

    First the points that catch hover and clicks (Plotly selects the nearest trace under the
    cursor; heatmaps cannot be selected, and bars rank behind them), then the heatmaps,
    theory's and other seeds' bands, the RMS line on its casing, theory's line, marks.

    Args:
        flow: the numbers.
        mode: for a light or a dark page.
        strip: whether there is a strip of zeros.
        first: x of the first column.
        panels: how many panels share the width of the figure.
    """
    palette = PALETTES[mode]
    return [
        draw_targets(flow, flow.forward, "y"),
        draw_targets(flow, flow.backward, "y2"),
        *([draw_zero_bars(flow, mode)] if strip else []),
        draw_heatmap(flow.forward, "y", palette.forward_scale, first),
        draw_heatmap(flow.backward, "y2", palette.backward_scale, first),
        *draw_hatching(flow, flow.forward, "y", mode),
        *draw_hatching(flow, flow.backward, "y2", mode),
        *draw_theory_and_seeds(flow, mode),
        *draw_rms(flow, mode, panels),
        *draw_theory_on_top(flow, mode),
        *draw_outlier_marks(flow, mode),
    ]


def draw_targets(flow: FlowData, band: Band, axis: str) -> dict[str, Any]:
    """Draw an invisible line whose points, one per column, carry the hover text and are clicked.

    Not markers: each would be an element of the page.
    """
    return {
        "type": "scatter",
        "name": "layers",
        "mode": "lines",
        "x": flow.layers,
        "y": np.full(len(flow.layers), (band.grid.low + band.grid.high) / 2, np.float32),
        "yaxis": axis,
        "customdata": flow.choices,
        "hovertext": band.hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "line": {"color": "rgba(0,0,0,0)", "width": 0},
    }


def draw_zero_bars(flow: FlowData, mode: Mode) -> dict[str, Any]:
    """Draw the strip below the bands: exact zeros of the gradients, in per cent of the layer."""
    palette = PALETTES[mode]
    return {
        "type": "bar",
        "name": _("exactly 0"),
        "x": flow.layers,
        "y": (100 * flow.backward.zeros).astype(np.float32),
        "width": 0.8 if len(flow.layers) <= MARKER_LIMIT else 1,
        "yaxis": "y3",
        "customdata": flow.choices,
        "hovertext": flow.backward.hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": palette.muted, "line": {"width": 0}},
    }


def draw_heatmap(band: Band, axis: str, scale: ColourScale, first: int = 1) -> dict[str, Any]:
    """Draw the density of a band from column ``first`` on; empty cells are transparent."""
    grid = band.grid
    symlog = grid.kind == "symlog"
    value = {
        "log10": "10<sup>%{y:.1f}</sup>",
        "linear": _choose_decimals(grid.step),
        "symlog": "%{customdata[1]:.2~g}",
    }
    trace = {
        "type": "heatmap",
        "z": band.shade,
        "customdata": band.share,
        "x0": first,
        "dx": 1,
        "y0": grid.low + grid.step / 2,
        "dy": grid.step,
        "yaxis": axis,
        "zmin": 0,
        "zmax": 255,
        "colorscale": scale,
        "showscale": False,
        "hovertemplate": _("%{{{share}:.2%}} of the entries near {value}").format(
            share="customdata[0]" if symlog else "customdata", value=value[grid.kind]
        )
        + "<extra></extra>",
    }
    if symlog:
        centres = grid.from_axis(grid.edges[:-1] + grid.step / 2)
        centres = centres.clip(-_LARGEST, _LARGEST)  # a row may lie beyond what entries can be
        values = np.broadcast_to(centres[:, None], band.share.shape).astype(np.float32)
        trace["customdata"] = np.stack([band.share, values], axis=-1)
    return trace


def _choose_decimals(step: float) -> str:
    """Choose decimals that tell rows apart: the row of zero then reads 0, not 1.11e-16."""
    if not 1e-5 < step < 1e3:
        return "%{y:.3g}"
    return f"%{{y:.{max(0, math.ceil(-math.log10(step)))}f}}"


def draw_hatching(flow: FlowData, band: Band, axis: str, mode: Mode) -> list[dict[str, Any]]:
    """Hatch the columns of layers without finite entries."""
    layers = flow.layers[band.nonfinite > 0.999]
    if not len(layers):
        return []
    low, high = band.grid.low, band.grid.high
    pattern = {"shape": "x", "fgcolor": PALETTES[mode].alarm, "fgopacity": 0.5, "size": 10}
    return [
        {
            "type": "bar",
            "name": "nothing finite",
            "x": layers,
            "y": np.full(len(layers), high - low, np.float32),
            "base": low,
            "width": 1,
            "yaxis": axis,
            "hoverinfo": "skip",
            "marker": {"color": "rgba(0,0,0,0)", "line": {"width": 0}, "pattern": pattern},
        }
    ]


def draw_theory_and_seeds(flow: FlowData, mode: Mode) -> list[dict[str, Any]]:
    """Draw theory's mean ± std above, and lines and bands of the RMS gradient below."""
    layers = break_line(flow, flow.layers)
    traces = []
    if flow.reach is not None:
        grid = flow.forward.grid
        reach = [break_line(flow, end) for end in (flow.reach.low, flow.reach.high)]
        x, ends = join_lines(layers, reach)
        edges = np.array([grid.to_axis(value) for value in ends])
        inside = np.where((edges > grid.low) & (edges < grid.high), edges, np.nan)
        unknown = np.full(len(inside), np.nan)
        line = Range(unknown, inside, unknown)
        traces += draw_range_on_heatmap(x, line, "theory", mode, axis="y", steps=True)
    for overlay, gradient in flow.overlays:
        line = Range(*(break_line(flow, y) for y in (gradient.low, gradient.middle, gradient.high)))
        traces += draw_range_on_heatmap(layers, line, overlay.kind, mode, axis="y2", line=False)
    return traces


def draw_theory_on_top(flow: FlowData, mode: Mode) -> list[dict[str, Any]]:
    """Draw theory's dashes above the RMS line: they must show where both coincide."""
    look = {**THEORY_LINE, "width": 2.5, "color": choose_colour("theory", mode)}
    layers = break_line(flow, flow.layers)
    return [
        trace
        for overlay, gradient in flow.overlays
        if overlay.kind == "theory"
        for trace in draw_line(
            layers, break_line(flow, gradient.middle), "theory on top", "y2", look
        )
    ]


def has_markers(flow: FlowData, panels: int = 1) -> bool:
    """Whether the RMS line has room for a marker per layer in one of ``panels`` panels."""
    return len(flow.layers) * panels <= MARKER_LIMIT


def draw_rms(flow: FlowData, mode: Mode, panels: int = 1) -> list[dict[str, Any]]:
    """Draw the RMS gradient; it and theory stand on a casing in the colour of the page."""
    palette = PALETTES[mode]
    few, wide = has_markers(flow, panels), has_markers(flow, 2 * panels)
    theory = [gradient.middle for overlay, gradient in flow.overlays if overlay.kind == "theory"]
    layers = break_line(flow, flow.layers)
    rms, *theory = (break_line(flow, line) for line in (flow.rms, *theory))
    x, y = join_lines(layers, [rms, *theory])
    return [
        *draw_line(x, y, "casing", "y2", {"color": palette.page, "width": 9 if wide else 7}),
        {
            "type": "scatter",
            "name": _("RMS"),
            "meta": SPOKEN,
            "mode": "lines+markers" if few else "lines",
            "x": layers if len(layers) > len(flow.layers) else flow.layers,
            "y": rms,
            "yaxis": "y2",
            "hoverinfo": "skip",
            "line": {"color": palette.ink, "width": 3.5 if wide else 3},
            "marker": {
                "size": 9 if wide else 6,
                "color": palette.page,
                "line": {"color": palette.ink, "width": 2.5},
            },
        },
    ]


def break_line(flow: FlowData, line: npt.NDArray[Any]) -> FloatArray:
    """Break a line over the columns where it must not go on: between two kinds of layers."""
    breaks = () if flow.columns is None else flow.columns.breaks
    return np.insert(line.astype(np.float64), breaks, np.nan) if breaks else line.astype(np.float64)


def join_lines(x: FloatArray, lines: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Join lines over the same x to one trace, interrupted between them.

    A browser takes 3 ms and more for each trace, whatever is in it.
    """
    gap = [np.nan]
    parts = [part for line in lines for part in (line, gap)][:-1]
    xs = [part for _line in lines for part in (x, gap)][:-1]
    return np.concatenate(xs), np.concatenate(parts)


def draw_outlier_marks(flow: FlowData, mode: Mode) -> list[dict[str, Any]]:
    """Draw crosses for non-finite entries and triangles for entries outside the axis."""
    palette = PALETTES[mode]
    traces = []
    for band, axis in ((flow.forward, "y"), (flow.backward, "y2")):
        low, high = band.grid.low, band.grid.high
        inset = 0.035 * (high - low)
        kinds = [
            (band.nonfinite > 0, high - inset, "x", palette.alarm),
            (
                band.too_high & (band.nonfinite == 0),
                high - inset,
                "triangle-up",
                palette.ink,
            ),
            (band.too_low, low + inset, "triangle-down", palette.ink),
        ]
        points = [
            (int(layer), y, symbol, colour)
            for is_marked, y, symbol, colour in kinds
            for layer in flow.layers[is_marked]
        ]
        if not points:
            continue
        x, y, symbols, colours = map(list, zip(*points, strict=True))
        traces.append(
            {
                "type": "scatter",
                "name": "marks",
                "mode": "markers",
                "x": x,
                "y": y,
                "yaxis": axis,
                "hoverinfo": "skip",
                "marker": {
                    "symbol": symbols,
                    "size": 14 if len(flow.layers) <= MARKER_LIMIT else 9,
                    "color": colours,
                    "line": {"color": palette.page, "width": 1.5},
                },
            }
        )
    return traces
