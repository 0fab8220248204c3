"""Normal and uniform weights of one variance: the weights, and all that comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import build_figure, make_layer_axis, make_legend, make_note
from gradflow.charts.theme import TITLE_SIZE, Mode, Style, list_styles
from gradflow.core.text import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradflow.core.histogram import Histogram
    from gradflow.core.teaching.initialization.shapes import ShapeNumbers

HEIGHT = 520
_BARS = 64
_COLUMNS = ((0.0, 0.45), (0.55, 1.0))
_ROWS = ((0.6, 1.0), (0.0, 0.4))


def shapes_figure(
    laws: Sequence[tuple[str, ShapeNumbers]], layer: int, *, mode: Mode = "light"
) -> go.Figure:
    """Draw the distributions of W, z and ∂L/∂z of a layer, and the gradient over all layers.

    Args:
        laws: name of each law, and its numbers.
        layer: the layer's number.
        mode: for a light or a dark page.
    """
    titles = (
        _("weights of layer {layer}"),
        _("its z = W·a + b"),
        _("its gradient: log10|∂L/∂z|"),
        _("the gradient of all layers"),
    )
    data: list[dict[str, Any]] = []
    for index, (name, numbers) in enumerate(laws):
        style = list_styles(mode)[index]
        for panel, histogram in enumerate(numbers.histograms):
            data.append(_draw_outline(name, histogram, PanelAxes(panel), style, panel == 0))
        data.append(_draw_course(name, numbers, PanelAxes(3), style))
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 76, "r": 16, "t": 66, "b": 56},
        "dragmode": False,
        "legend": make_legend() | {"y": 1.08},
        "showlegend": True,
        "annotations": [],
    }
    for panel, title in enumerate(titles):
        axes, column, row = PanelAxes(panel), panel % 2, panel // 2
        layout["annotations"].append(
            make_note(
                f"<b>{title.format(layer=layer)}</b>",
                _COLUMNS[column][0],
                _ROWS[row][1] + 0.01,
                font={"size": TITLE_SIZE},
            )
        )
        layout[axes.x_key] = {"domain": _COLUMNS[column], "anchor": axes.y, "nticks": 6}
        layout[axes.y_key] = {"domain": _ROWS[row], "anchor": axes.x, "rangemode": "tozero"}
        if panel < 3:
            layout[axes.y_key] |= {"showticklabels": False, "title": {"text": _("share")}}
    last = PanelAxes(3)
    count = len(laws[0][1].gradient)
    layout[last.x_key] |= make_layer_axis(count, title={"text": _("layer")})
    layout[last.y_key] |= {
        "rangemode": "normal",
        "tickprefix": "10<sup>",
        "ticksuffix": "</sup>",
        "nticks": 5,
        "title": {"text": _("RMS of ∂L/∂z")},
    }
    return build_figure(data, layout, mode)


def _draw_outline(
    name: str, histogram: Histogram, axes: PanelAxes, style: Style, in_legend: bool
) -> dict[str, Any]:
    """Draw the outline of a distribution, binned more coarsely than it was counted."""
    step = max(1, len(histogram.counts) // _BARS)
    counts = np.add.reduceat(histogram.counts, np.arange(0, len(histogram.counts), step))
    edges = histogram.edges[::step]
    if len(edges) == len(counts):
        edges = np.append(edges, histogram.edges[-1])
    filled = np.flatnonzero(counts)
    kept = slice(filled[0], filled[-1] + 1) if len(filled) else slice(0, 0)
    middles = ((edges[:-1] + edges[1:]) / 2)[kept]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "legendgroup": name,
        "showlegend": in_legend,
        "x": middles,
        "y": (counts / max(histogram.total, 1) / np.diff(edges))[kept],
        "line": {"color": style.colour, "dash": style.dash, "width": 3, "shape": "hvh"},
        "hoverinfo": "skip",
        **axes.trace_keys,
    }


def _draw_course(name: str, numbers: ShapeNumbers, axes: PanelAxes, style: Style) -> dict[str, Any]:
    with np.errstate(divide="ignore"):
        heights = np.log10(numbers.gradient)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "legendgroup": name,
        "showlegend": False,
        "x": np.arange(1.0, len(heights) + 1),
        "y": heights,
        "line": {"color": style.colour, "dash": style.dash, "width": 3},
        "marker": {"symbol": style.symbol, "size": 8, "color": style.colour},
        "hovertemplate": f"{name}: 10<sup>%{{y:.2f}}</sup><extra></extra>",
        **axes.trace_keys,
    }
