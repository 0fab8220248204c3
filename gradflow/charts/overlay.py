"""Overlays on a measurement: the prediction of theory, the spread over other seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode, Style, fade
from gradflow.core.numbers import format_number

OverlayKind = Literal["theory", "seeds"]

THEORY_LINE: dict[str, Any] = {"width": 3, "dash": "8px,5px"}


@dataclass(frozen=True, eq=False)
class Range:
    """A line and the band around it, one value per layer; NaN where nothing is known."""

    low: FloatArray
    middle: FloatArray
    high: FloatArray

    def scale(self, factor: FloatArray | float) -> Range:
        """Multiply line and band by ``factor``, layer by layer."""
        return Range(self.low * factor, self.middle * factor, self.high * factor)


@dataclass(frozen=True, eq=False)
class Overlay:
    """Lines with bands for columns of ``report.layers``, on the report's layers.

    Attributes:
        kind: ``theory`` is drawn as a dashed line in its band, ``seeds`` as a band alone.
        name: for legend and hover.
        layers: x positions.
        columns: the line and band of each column.
    """

    kind: OverlayKind
    name: str
    layers: FloatArray
    columns: Mapping[str, Range]


def draw_overlays(
    series: Sequence[Series],
    overlays: Sequence[Overlay],
    columns: Sequence[str],
    scale: Scale,
    looks: Sequence[Style],
    mode: Mode,
    *,
    axis: str = "y",
) -> list[dict[str, Any]]:
    """Draw the overlays of each series, in its colour; ``columns`` name the series' columns."""
    data = []
    for overlay in overlays:
        for line, column, look in zip(series, columns, looks, strict=False):
            if column in overlay.columns:
                coordinates = put_on_scale(overlay.columns[column], scale)
                data += draw_range(
                    overlay.layers, coordinates, overlay.kind, mode, axis=axis, colour=look.colour
                )
                texts = describe_overlays((overlay,), column, len(overlay.layers), prefix=line.name)
                data.append(_draw_hover_points(overlay.layers, coordinates.middle, texts, axis))
    return data


def put_on_scale(values: Range, scale: Scale) -> Range:
    """Convert values to coordinates of an axis; a band down to 0 ends at a log axis' low end."""
    low, middle, high = map(scale.to_axis, (values.low, values.middle, values.high))
    reaches_zero = scale.log & (values.low == 0) & (values.high > 0)
    return Range(np.where(reaches_zero, scale.low, low), middle, high)


def draw_range(
    layers: FloatArray,
    coordinates: Range,
    kind: OverlayKind,
    mode: Mode,
    *,
    axis: str = "y",
    colour: str | None = None,
) -> list[dict[str, Any]]:
    """Draw band and line, in ``colour`` or that of the kind; they are interrupted at NaN."""
    colour = colour or choose_colour(kind, mode)
    edge = {"color": fade(colour, 0.75), "width": 1, "dash": "dot"}
    opacity = 0.13 if kind == "theory" else 0.2
    data = _draw_band(layers, coordinates, kind, axis, fade(colour, opacity), edge)
    if kind == "theory":
        data += draw_line(layers, coordinates.middle, kind, axis, {**THEORY_LINE, "color": colour})
    return data


def draw_range_on_heatmap(
    layers: FloatArray,
    coordinates: Range,
    kind: OverlayKind,
    mode: Mode,
    *,
    axis: str,
    steps: bool = False,
    line: bool = True,
) -> list[dict[str, Any]]:
    """Draw band and line so that they stand off from any shade of a heatmap.

    The line has a casing in the colour of the page. With ``steps`` it is level over each layer;
    without ``line`` there is the band alone.
    """
    page, colour = PALETTES[mode].page, choose_colour(kind, mode)
    shape = {"shape": "hvh" if steps else "linear"}
    edge = {"color": colour, "width": 2 if kind == "seeds" else 1, "dash": "dot"}
    data = _draw_band(layers, coordinates, kind, axis, fade(page, 0.45), edge)
    if kind == "theory" and line:
        casing = {"color": page, "width": 7, **shape}
        data += draw_line(layers, coordinates.middle, "theory casing", axis, casing)
        look = {**THEORY_LINE, "color": colour, **shape}
        data += draw_line(layers, coordinates.middle, kind, axis, look)
    return data


def choose_colour(kind: OverlayKind, mode: Mode) -> str:
    """Give theory a colour of its own, other seeds that of the measurement."""
    palette = PALETTES[mode]
    return palette.theory if kind == "theory" else palette.ink


def draw_line(
    layers: FloatArray, y: FloatArray, name: str, axis: str, look: dict[str, Any]
) -> list[dict[str, Any]]:
    """Draw a line without hover and legend; no trace if it has no finite point."""
    if not np.isfinite(y).any():
        return []
    return [
        {
            "type": "scatter",
            "name": name,
            "mode": "lines",
            "x": layers,
            "y": y,
            "yaxis": axis,
            "hoverinfo": "skip",
            "showlegend": False,
            "line": look,
        }
    ]


def _draw_band(
    layers: FloatArray,
    coordinates: Range,
    kind: OverlayKind,
    axis: str,
    fill: str,
    edge: dict[str, Any],
) -> list[dict[str, Any]]:
    x, y = _outline_band(layers, coordinates)
    outline = draw_line(x, y, f"{kind} band", axis, edge)
    return [{**trace, "fill": "toself", "fillcolor": fill} for trace in outline]


def _outline_band(layers: FloatArray, band: Range) -> tuple[FloatArray, FloatArray]:
    """Trace a closed line around each piece of the band, NaN between the pieces."""
    known = np.isfinite(band.low) & np.isfinite(band.high)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    x: list[float] = []
    y: list[float] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        piece = slice(start, end)
        x += [*layers[piece], *layers[piece][::-1], layers[start], np.nan]
        y += [*band.high[piece], *band.low[piece][::-1], band.high[start], np.nan]
    return np.array(x[:-1]), np.array(y[:-1])


def _draw_hover_points(
    layers: FloatArray, y: FloatArray, texts: Sequence[str], axis: str
) -> dict[str, Any]:
    """Put invisible points on a line; their hover says its numbers."""
    return {
        "type": "scatter",
        "name": "overlay",
        "mode": "markers",
        "x": layers,
        "y": y,
        "yaxis": axis,
        "showlegend": False,
        "hovertext": [text.removeprefix("<br>") for text in texts],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": "rgba(0,0,0,0)", "size": 1},
    }


def describe_overlays(
    overlays: Sequence[Overlay],
    column: str,
    layers: int,
    factor: FloatArray | float = 1.0,
    prefix: str = "",
) -> list[str]:
    """Write what the overlays say about ``column`` times ``factor``: one text per layer.

    The text of a layer is empty where nothing is known.
    """
    texts = [""] * layers
    for overlay in overlays:
        if column not in overlay.columns:
            continue
        values = overlay.columns[column].scale(factor)
        rows = zip(values.low.tolist(), values.middle.tolist(), values.high.tolist(), strict=True)
        for i, (low, middle, high) in enumerate(rows):
            if not math.isnan(middle):
                band = (
                    f" ({format_number(low, 2)} … {format_number(high, 2)})"
                    if not math.isnan(low)
                    else ""
                )
                texts[i] += f"<br>{overlay.name}: {prefix} {format_number(middle, 2)}{band}"
    return texts


def add_overlay_series(
    series: Sequence[Series], overlays: Sequence[Overlay], columns: Sequence[str]
) -> list[Series]:
    """List the series and the overlays that one axis must hold.

    Of theory only the middle counts: its band may be far wider than the measurement.
    """
    bounds: list[FloatArray] = []
    for overlay in overlays:
        for name in columns:
            if name in overlay.columns:
                values = overlay.columns[name]
                is_theory = overlay.kind == "theory"
                bounds += [values.middle] if is_theory else [values.low, values.middle, values.high]
    return [*series, *(Series("", np.zeros(0), values) for values in bounds)]


def make_legend_entries(
    overlays: Sequence[Overlay], columns: Sequence[str], mode: Mode
) -> list[dict[str, Any]]:
    """Make traces without data that explain the overlays' looks in a legend."""
    colour = PALETTES[mode].muted
    looks: dict[OverlayKind, dict[str, Any]] = {
        "theory": {"mode": "lines", "line": {**THEORY_LINE, "color": colour}},
        "seeds": {
            "mode": "markers",
            "marker": {"symbol": "square", "size": 14, "color": fade(colour, 0.45)},
        },
    }
    return [
        {
            "type": "scatter",
            "name": overlay.name,
            "x": [None],
            "y": [None],
            "showlegend": True,
            "hoverinfo": "skip",
            **looks[overlay.kind],
        }
        for overlay in overlays
        if any(name in overlay.columns for name in columns)
    ]
