"""The traces of the Flow figure, as plain data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradflow.charts.flow.data import Band, Flow
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


def heatmap(band: Band, axis: str, scale: ColourScale, first: int = 1) -> dict[str, Any]:
    """The density of a band from column ``first`` on; a transparent cell is an empty one."""
    grid = band.grid
    symlog = grid.kind == "symlog"
    value = {
        "log10": "10<sup>%{y:.1f}</sup>",
        "linear": _plain(grid.step),
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
        values = np.broadcast_to(centres[:, None], band.share.shape).astype(np.float32)
        trace["customdata"] = np.stack([band.share, values], axis=-1)
    return trace


def _plain(step: float) -> str:
    """Decimals that tell rows apart, so that the row of zero reads 0 and not 1.11e-16."""
    if not 1e-5 < step < 1e3:
        return "%{y:.3g}"
    return f"%{{y:.{max(0, math.ceil(-math.log10(step)))}f}}"


def overlays(flow: Flow, mode: Mode) -> list[dict[str, Any]]:
    """Theory's mean ± std above; lines and bands of the RMS gradient below."""
    layers = flow.layers.astype(np.float64)
    drawn = []
    if flow.reach is not None:
        grid = flow.forward.grid
        edges = [np.array([grid.to_axis(v) for v in x]) for x in (flow.reach.low, flow.reach.high)]
        unknown = np.full(len(layers), np.nan)
        for edge in edges:
            inside = np.where((edge > grid.low) & (edge < grid.high), edge, np.nan)
            around = Range(unknown, inside, unknown)
            drawn += draw_range_on_heatmap(layers, around, "theory", mode, axis="y", steps=True)
    for overlay, found in flow.over:
        drawn += draw_range_on_heatmap(layers, found, overlay.kind, mode, axis="y2")
    return drawn


def theory_on_top(flow: Flow, mode: Mode) -> list[dict[str, Any]]:
    """The dashes once more, for where they coincide with the RMS line."""
    look = {**THEORY_LINE, "width": 2, "color": choose_colour("theory", mode)}
    layers = flow.layers.astype(np.float64)
    return [
        trace
        for overlay, found in flow.over
        if overlay.kind == "theory"
        for trace in draw_line(layers, found.middle, "theory on top", "y2", look)
    ]


def dotted(flow: Flow, panels: int = 1) -> bool:
    """Whether the RMS line has room for a marker per layer in one of so many panels."""
    return len(flow.layers) * panels <= MARKER_LIMIT


def rms(flow: Flow, mode: Mode, panels: int = 1) -> list[dict[str, Any]]:
    """The RMS gradient, on a casing in the colour of the page that sets it off in any shade."""
    palette = PALETTES[mode]
    common = {
        "type": "scatter",
        "x": flow.layers,
        "y": flow.rms,
        "yaxis": "y2",
        "hoverinfo": "skip",
    }
    few, wide = dotted(flow, panels), dotted(flow, 2 * panels)
    markers = {
        "size": 9 if wide else 6,
        "color": palette.page,
        "line": {"color": palette.ink, "width": 2.5},
    }
    return [
        {
            **common,
            "name": "casing",
            "mode": "lines+markers" if few else "lines",
            "line": {"color": palette.page, "width": 9 if wide else 7},
            "marker": {"size": 15 if wide else 10, "color": palette.page},
        },
        {
            **common,
            "name": _("RMS"),
            "mode": "lines+markers" if few else "lines",
            "line": {"color": palette.ink, "width": 3.5 if wide else 3},
            "marker": markers,
        },
    ]


def marks(flow: Flow, mode: Mode) -> list[dict[str, Any]]:
    """Crosses for non-finite entries, triangles for entries outside the axis."""
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
            for where, y, symbol, colour in kinds
            for layer in flow.layers[where]
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


def targets(flow: Flow, band: Band, axis: str) -> dict[str, Any]:
    """Invisible points, one per column, that carry the hover text and can be selected."""
    return {
        "type": "scatter",
        "name": "layers",
        "mode": "markers",
        "x": flow.layers,
        "y": np.full(len(flow.layers), (band.grid.low + band.grid.high) / 2, np.float32),
        "yaxis": axis,
        "customdata": flow.layers,
        "hovertext": band.hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": "rgba(0,0,0,0)", "size": 1},
    }


def hatching(flow: Flow, band: Band, axis: str, mode: Mode) -> list[dict[str, Any]]:
    """Hatched columns where a layer has no finite entry to show."""
    hopeless = flow.layers[band.nonfinite > 0.999]
    if not len(hopeless):
        return []
    low, high = band.grid.low, band.grid.high
    pattern = {"shape": "x", "fgcolor": PALETTES[mode].alarm, "fgopacity": 0.5, "size": 10}
    return [
        {
            "type": "bar",
            "name": "nothing finite",
            "x": hopeless,
            "y": np.full(len(hopeless), high - low, np.float32),
            "base": low,
            "width": 1,
            "yaxis": axis,
            "hoverinfo": "skip",
            "marker": {"color": "rgba(0,0,0,0)", "line": {"width": 0}, "pattern": pattern},
        }
    ]


def zero_bars(flow: Flow, mode: Mode) -> dict[str, Any]:
    """The strip below the bands: exact zeros among the gradients, in per cent of the layer."""
    palette = PALETTES[mode]
    return {
        "type": "bar",
        "name": _("exactly 0"),
        "x": flow.layers,
        "y": (100 * flow.backward.zeros).astype(np.float32),
        "width": 0.8 if len(flow.layers) <= MARKER_LIMIT else 1,
        "yaxis": "y3",
        "customdata": flow.layers,
        "hovertext": flow.backward.hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": palette.muted, "line": {"width": 0}},
    }
