"""Gradient norms over the layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import (
    build,
    column,
    empty_figure,
    layer_axis,
    legend,
    note,
    numbering,
    row_axis,
)
from gradflow.charts.flow.data import GRADIENTS, Gradient
from gradflow.charts.flow.text import axis_symbol
from gradflow.charts.overlay import Overlay, fitted, legend_entries, overlay_traces
from gradflow.charts.series import Scale, Series, draw, has_marks
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, styles
from gradflow.core.report import Report
from gradflow.core.text import _

HEIGHT = 420


def gradient_norms_figure(
    report: Report,
    *,
    mode: Mode = "light",
    quantities: Sequence[Gradient] = GRADIENTS,
    scale: Literal["log", "linear"] = "log",
    overlays: Sequence[Overlay] = (),
) -> go.Figure:
    """Frobenius norms of the gradients per layer, layer 1 at the left.

    ‖∂L/∂z_l‖ (δ) and ‖∂L/∂a_l‖ over the whole batch × units array, ‖∂L/∂W_l‖ over the weight
    matrix, of the loss as reduced; and, if the network has blocks, the gradient of the stream
    after each block. ``overlays`` are drawn in the colours of their quantities. On the log axis
    zeros lie on the floor; NaN and infinite norms are crosses at the ceiling.
    """
    series = norm_series(report, quantities)
    if not series:
        return empty_figure(_("Nothing was recorded: no gradient norms to show"), mode=mode)
    names = [f"{name}_norm" for name in quantities]
    axis = Scale.fitting(fitted(series, overlays, names), scale == "log")
    zeros, broken = has_marks(series, axis)
    notes = []
    if zeros:
        notes.append(_("▽ exactly 0"))
    if broken:
        notes.append(_("✕ NaN or infinite"))
    first, last = numbering(report.layers)
    layout = {
        "height": HEIGHT,
        "margin": {"l": 84, "r": 24, "t": 44, "b": 62 + (24 if notes else 0)},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": legend(),
        "showlegend": True,
        "xaxis": layer_axis(
            last,
            first=first,
            title={"text": row_axis(report.rows, first)[0 if report.rows == "block" else 1]},
            unifiedhovertitle={"text": f"<b>{row_axis(report.rows)[1]} %{{x}}</b>"},
        ),
        "yaxis": axis.axis(_("gradient norm")),
        "annotations": [
            note(
                "   ".join(notes),
                0,
                -0.2,
                yanchor="top",
                font={"size": TEXT_SIZE - 1, "color": PALETTES[mode].muted},
            )
        ]
        if notes
        else [],
    }
    data = [
        *overlay_traces(series, overlays, names, axis, styles(mode), mode),
        *draw(series, axis, mode),
        *legend_entries(overlays, names, mode),
    ]
    return build(data, layout, mode)


def norm_series(report: Report, quantities: Sequence[Gradient] = GRADIENTS) -> list[Series]:
    """One series per quantity that the report has, then the residual stream if there is one."""
    layers = column(report.layers, "layer")
    modules = tuple(report.layers.get("module", ()))
    series = [
        Series(
            f"‖{axis_symbol(report, name)}‖", layers, column(report.layers, f"{name}_norm"), modules
        )
        for name in quantities
        if len(layers) and f"{name}_norm" in report.layers
    ]
    signals = report.signals
    if series and "kind" in signals and "grad_norm" in signals:
        blocks = signals[signals["kind"] == "block"]
        if len(blocks):
            series.append(
                Series(
                    _("stream ‖∂L/∂h‖"),
                    column(blocks, "layer"),
                    column(blocks, "grad_norm"),
                    tuple(blocks.get("module", ())),
                )
            )
    return [s for s in series if not np.isnan(s.layers).all()]
