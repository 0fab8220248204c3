"""What is drawn over a measurement: the prediction of theory, the spread over other seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode, Style, fade, format_number

OverlayKind = Literal["theory", "seeds"]


@dataclass(frozen=True, eq=False)
class Range:
    """A line and the band around it, one value per layer; NaN where nothing is known."""

    low: FloatArray
    middle: FloatArray
    high: FloatArray

    def scale(self, factor: FloatArray | float) -> Range:
        """All three multiplied, layer by layer."""
        return Range(self.low * factor, self.middle * factor, self.high * factor)


@dataclass(frozen=True, eq=False)
class Overlay:
    """Lines with bands for columns of ``report.layers``, on the report's layers.

    Attributes:
        kind: ``theory`` is drawn as a dashed line in its band, ``seeds`` as a band alone.
        name: for legend and hover.
        layers: x positions.
        columns: by column.
    """

    kind: OverlayKind
    name: str
    layers: FloatArray
    columns: Mapping[str, Range]


def choose_colour(kind: OverlayKind, mode: Mode) -> str:
    """Theory has a colour of its own, other seeds are like the measurement."""
    palette = PALETTES[mode]
    return palette.theory if kind == "theory" else palette.ink


def describe_overlays(
    overlays: Sequence[Overlay],
    column: str,
    layers: int,
    factor: FloatArray | float = 1.0,
    prefix: str = "",
) -> list[str]:
    """What the overlays say of ``column``, times ``factor``: one text per layer, or nothing."""
    texts = [""] * layers
    for overlay in overlays:
        if column not in overlay.columns:
            continue
        found = overlay.columns[column].scale(factor)
        rows = zip(found.low.tolist(), found.middle.tolist(), found.high.tolist(), strict=True)
        for i, (low, middle, high) in enumerate(rows):
            if not math.isnan(middle):
                between = (
                    f" ({format_number(low, 2)} … {format_number(high, 2)})"
                    if not math.isnan(low)
                    else ""
                )
                texts[i] += f"<br>{overlay.name}: {prefix} {format_number(middle, 2)}{between}"
    return texts


def draw_range(
    layers: FloatArray,
    drawn: Range,
    kind: OverlayKind,
    mode: Mode,
    *,
    axis: str = "y",
    colour: str | None = None,
) -> list[dict[str, Any]]:
    """Band and line in drawn coordinates, in the kind's colour or another; NaN ends a piece."""
    colour = colour or choose_colour(kind, mode)
    look = {"color": fade(colour, 0.75), "width": 1, "dash": "dot"}
    opacity = 0.13 if kind == "theory" else 0.2
    found = _band(layers, drawn, kind, axis, fade(colour, opacity), look)
    if kind == "theory":
        found += draw_line(layers, drawn.middle, kind, axis, {**THEORY_LINE, "color": colour})
    return found


def draw_range_on_heatmap(
    layers: FloatArray,
    drawn: Range,
    kind: OverlayKind,
    mode: Mode,
    *,
    axis: str,
    steps: bool = False,
) -> list[dict[str, Any]]:
    """The same, set off from any shade by the colour of the page; ``steps``: level per layer."""
    page, colour = PALETTES[mode].page, choose_colour(kind, mode)
    shape = {"shape": "hvh" if steps else "linear"}
    edge = {"color": colour, "width": 2 if kind == "seeds" else 1, "dash": "dot"}
    found = _band(layers, drawn, kind, axis, fade(page, 0.45), edge)
    if kind == "theory":
        casing = {"color": page, "width": 7, **shape}
        found += draw_line(layers, drawn.middle, "theory casing", axis, casing)
        found += draw_line(
            layers, drawn.middle, kind, axis, {**THEORY_LINE, "color": colour, **shape}
        )
    return found


THEORY_LINE: dict[str, Any] = {"width": 3, "dash": "8px,5px"}


def draw_line(
    layers: FloatArray, y: FloatArray, name: str, axis: str, look: dict[str, Any]
) -> list[dict[str, Any]]:
    """A line without hover and legend, if there is anything of it."""
    if not np.isfinite(y).any():
        return []
    return [{
        "type": "scatter", "name": name, "mode": "lines", "x": layers, "y": y, "yaxis": axis,
        "hoverinfo": "skip", "showlegend": False, "line": look,
    }]  # fmt: skip


def _band(
    layers: FloatArray, drawn: Range, kind: OverlayKind, axis: str, fill: str, look: dict[str, Any]
) -> list[dict[str, Any]]:
    x, y = _outline(layers, drawn)
    band = draw_line(x, y, f"{kind} band", axis, look)
    return [{**one, "fill": "toself", "fillcolor": fill} for one in band]


def _outline(layers: FloatArray, drawn: Range) -> tuple[FloatArray, FloatArray]:
    """A closed line around each piece of the band, NaN between the pieces."""
    known = np.isfinite(drawn.low) & np.isfinite(drawn.high)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    x: list[float] = []
    y: list[float] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        piece = slice(start, end)
        x += [*layers[piece], *layers[piece][::-1], layers[start], np.nan]
        y += [*drawn.high[piece], *drawn.low[piece][::-1], drawn.high[start], np.nan]
    return np.array(x[:-1]), np.array(y[:-1])


def put_on_scale(found: Range, scale: Scale) -> Range:
    """In the coordinates of an axis. A band that reaches down to 0 ends at a log axis' floor."""
    low, middle, high = map(scale.to_axis, (found.low, found.middle, found.high))
    bottom = scale.log & (found.low == 0) & (found.high > 0)
    return Range(np.where(bottom, scale.low, low), middle, high)


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
    """What lies below each series, in its colour; ``columns`` name the columns of the series."""
    found = []
    for overlay in overlays:
        for one, column, look in zip(series, columns, looks, strict=False):
            if column in overlay.columns:
                drawn = put_on_scale(overlay.columns[column], scale)
                found += draw_range(
                    overlay.layers, drawn, overlay.kind, mode, axis=axis, colour=look.colour
                )
                texts = describe_overlays((overlay,), column, len(overlay.layers), prefix=one.name)
                found.append(_hover(overlay.layers, drawn.middle, texts, axis))
    return found


def _hover(layers: FloatArray, y: FloatArray, texts: Sequence[str], axis: str) -> dict[str, Any]:
    """Invisible points that say the numbers."""
    return {
        "type": "scatter", "name": "overlay", "mode": "markers", "x": layers, "y": y,
        "yaxis": axis, "showlegend": False, "hovertext": [t.removeprefix("<br>") for t in texts],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"color": "rgba(0,0,0,0)", "size": 1},
    }  # fmt: skip


def add_overlay_series(
    series: Sequence[Series], overlays: Sequence[Overlay], columns: Sequence[str]
) -> list[Series]:
    """The series and the overlays, for an axis that shows both: of theory's band the middle."""
    found = [(o.kind, o.columns[name]) for o in overlays for name in columns if name in o.columns]
    shown = [
        values
        for kind, one in found
        for values in ((one.middle,) if kind == "theory" else (one.low, one.middle, one.high))
    ]
    return [*series, *(Series("", np.zeros(0), values) for values in shown)]


def make_legend_entries(
    overlays: Sequence[Overlay], columns: Sequence[str], mode: Mode
) -> list[dict[str, Any]]:
    """Traces without data that explain the overlays' looks in a legend."""
    entries = []
    for overlay in overlays:
        if not any(name in overlay.columns for name in columns):
            continue
        colour = PALETTES[mode].muted
        entry: dict[str, Any] = {
            "type": "scatter", "name": overlay.name, "x": [None], "y": [None],
            "showlegend": True, "hoverinfo": "skip",
        }  # fmt: skip
        if overlay.kind == "theory":
            entry |= {"mode": "lines", "line": {**THEORY_LINE, "color": colour}}
        else:
            square = {"symbol": "square", "size": 14, "color": fade(colour, 0.45)}
            entry |= {"mode": "markers", "marker": square}
        entries.append(entry)
    return entries
