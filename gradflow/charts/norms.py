"""Gradient norms over the layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import (
    build_figure,
    empty_figure,
    find_absent,
    find_layer_range,
    make_footnote,
    make_layer_axis,
    make_legend,
    name_rows,
    read_column,
)
from gradflow.charts.flow.data import GRADIENTS, Gradient
from gradflow.charts.flow.names import draw_hover_names, name_axis
from gradflow.charts.flow.text import write_axis_symbol
from gradflow.charts.overlay import Overlay, add_overlay_series, draw_overlays, make_legend_entries
from gradflow.charts.series import Scale, Series, draw_series, explain_marks
from gradflow.charts.theme import Mode, list_styles
from gradflow.core.report import Report
from gradflow.core.text import _

HEIGHT = 420
_BOTTOM = 62
"""Pixels below the plot, for numbers and title of the axis."""


def gradient_norms_figure(
    report: Report,
    *,
    mode: Mode = "light",
    quantities: Sequence[Gradient] = GRADIENTS,
    scale: Literal["log", "linear"] = "log",
    overlays: Sequence[Overlay] = (),
) -> go.Figure:
    """Draw Frobenius norms of the gradients per layer, layer 1 at the left.

    ‖∂L/∂z_l‖ (δ) and ‖∂L/∂a_l‖ over the whole batch × units array, ‖∂L/∂W_l‖ over the weight
    matrix, of the loss as reduced; and, if the network has blocks, the gradient of the stream
    after each block. ``overlays`` are drawn in the colours of their quantities. On the log axis
    zeros lie on the floor; NaN and infinite norms are crosses at the ceiling. Where no gradient
    was recorded, a line has a gap.
    """
    series = list_norm_series(report, quantities)
    if not series:
        return empty_figure(_("Nothing was recorded: no gradient norms to show"), mode=mode)
    names = [f"{name}_norm" for name in quantities]
    axis = Scale.fit(add_overlay_series(series, overlays, names), scale == "log")
    below = name_axis(report)
    room, footnote = make_footnote(explain_marks(series, axis), mode, _BOTTOM + below.room)
    first, last = find_layer_range(report.get_table("layers"))
    axis_title, row = name_rows(report.rows, first)
    layout = {
        "height": HEIGHT + below.room + room,
        "margin": {"l": 84, "r": 24, "t": 44, "b": _BOTTOM + below.room + room},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": make_layer_axis(
            last,
            first=first,
            title={"text": axis_title if report.rows == "block" else row},
            unifiedhovertitle={"text": f"<b>{row} %{{x}}</b>"},
        ),
        "yaxis": axis.make_axis(_("gradient norm")),
        "annotations": footnote,
    }
    below.label(layout, mode)
    # The name of the module stands above all values of a hover, but for the stream: of a block.
    modules = series[0].modules
    lines = [replace(s, modules=()) if s.modules == modules else s for s in series]
    data = [
        *draw_hover_names(report, (axis.low + axis.high) / 2),
        *draw_overlays(series, overlays, names, axis, list_styles(mode), mode),
        *draw_series(lines, axis, mode),
        *make_legend_entries(overlays, names, mode),
    ]
    return build_figure(data, layout, mode)


def list_norm_series(report: Report, quantities: Sequence[Gradient] = GRADIENTS) -> list[Series]:
    """List one series per quantity that the report has, then the residual stream if any."""
    table, signals = report.get_table("layers"), report.get_table("signals")
    layers = read_column(table, "layer")
    modules = tuple(table["module"]) if "module" in table else ()
    series = [
        Series(
            f"‖{write_axis_symbol(report, name)}‖",
            layers,
            read_column(table, f"{name}_norm"),
            modules,
            absent=find_absent(report, name),
        )
        for name in quantities
        if len(layers) and f"{name}_norm" in table
    ]
    if series and "kind" in signals and "grad_norm" in signals:
        blocks = signals["kind"] == "block"
        if blocks.any():
            norms = read_column(signals, "grad_norm")
            broken = read_column(signals, "grad_nonfinite") > 0
            series.append(
                Series(
                    _("stream ‖∂L/∂h‖"),
                    read_column(signals, "layer")[blocks],
                    norms[blocks],
                    tuple(signals["module"][blocks]) if "module" in signals else (),
                    absent=(np.isnan(norms) & ~broken)[blocks],
                )
            )
    return [s for s in series if not np.isnan(s.layers).all()]
