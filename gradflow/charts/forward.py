"""Statistics of the forward signal, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

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
from gradflow.charts.flow.names import draw_hover_names, name_axis
from gradflow.charts.flow.text import write_axis_symbol
from gradflow.charts.overlay import Overlay, add_overlay_series, draw_overlays, make_legend_entries
from gradflow.charts.series import Scale, Series, draw_series, explain_marks
from gradflow.charts.theme import Mode, list_styles
from gradflow.core.report import Quantity, Report
from gradflow.core.text import N_, _

Statistic = Literal[
    "activation_std",
    "activation_rms",
    "preactivation_std",
    "preactivation_rms",
    "saturated",
    "dead_units",
    "similarity",
]

_NAMES: dict[Statistic, str] = {
    "activation_std": N_("std of {a}"),
    "activation_rms": N_("RMS of {a}"),
    "preactivation_std": N_("std of z"),
    "preactivation_rms": N_("RMS of z"),
    "saturated": N_("saturated"),
    "dead_units": N_("dead units"),
    "similarity": N_("similarity of samples"),
}
_BOTTOM = 62
"""Pixels below the plot, for numbers and title of the axis."""
_SHARES = ("saturated", "dead_units", "similarity")
LINEAR_SPREAD = 100.0
"""Values that spread over more than this factor, two decades, are drawn on a log axis."""


def forward_statistics_figure(
    report: Report,
    *,
    mode: Mode = "light",
    statistics: Sequence[Statistic] = ("activation_std", "saturated", "dead_units"),
    overlays: Sequence[Overlay] = (),
) -> go.Figure:
    """Draw how wide the signal is, and how much of it is stuck, per layer.

    Upper panel: standard deviation or RMS over batch × units, on a log axis if the layers spread
    over more than two decades. Lower panel: the share of saturated entries (outside the range
    where φ' is sizeable) and of dead units (φ' = 0 for every sample); a statistic that does not
    apply to the activation function is left out and named below the figure. ``overlays`` are
    drawn in the colours of their statistics.
    """
    widths, shares, absent = list_forward_series(report, statistics)
    columns = {_name_statistic(report, name): name for name in statistics}
    if not widths and not shares:
        return empty_figure(_("Nothing was recorded: no forward statistics to show"), mode=mode)
    panels = [panel for panel in (widths, shares) if panel]
    spread = np.concatenate([s.values for s in widths] or [np.zeros(0)])
    spread = spread[np.isfinite(spread) & (spread > 0)]
    log = bool(len(spread) and spread.max() > LINEAR_SPREAD * spread.min())
    two = len(panels) == 2
    height = 460 if two else 320
    below = name_axis(report)
    bottom = _BOTTOM + below.room
    layout: dict[str, Any] = {
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
    }
    data: list[dict[str, Any]] = []
    marks: list[str] = []
    for i, panel in enumerate(panels):
        axis = "y" if i == 0 else "y2"
        is_share = panel is shares
        names = [columns[line.name] for line in panel]
        scale = (
            Scale(False, -0.03, 1.03)
            if is_share
            else Scale.fit(add_overlay_series(panel, overlays, names), log)
        )
        first = len(widths) if is_share else 0
        looks = list_styles(mode)[first:]
        if i == 0:
            data += draw_hover_names(report, (scale.low + scale.high) / 2)
        data += draw_overlays(panel, overlays, names, scale, looks, mode, axis=axis)
        lines = [replace(line, modules=()) for line in panel]
        data += draw_series(lines, scale, mode, first_style=first, axis=axis)
        marks += explain_marks(panel, scale)
        layout[f"yaxis{axis[1:]}"] = {
            **scale.make_axis(_("share") if is_share else _("std, RMS")),
            **({"tickvals": [0, 0.5, 1], "ticktext": ["0", "50%", "100%"]} if is_share else {}),
            "domain": ([0.46, 1.0] if i == 0 else [0.0, 0.36]) if two else [0.0, 1.0],
            "anchor": "x",
        }
    data += make_legend_entries(overlays, statistics, mode)
    first_layer, last_layer = find_layer_range(report.get_table("layers"))
    axis_title, row = name_rows(report.rows, first_layer)
    layout["xaxis"] = make_layer_axis(
        last_layer,
        first=first_layer,
        anchor="y2" if two else "y",
        title={"text": axis_title if report.rows == "block" else row},
        unifiedhovertitle={"text": f"<b>{row} %{{x}}</b>"},
    )
    if absent:
        marks.append(_("{what}: does not apply to this activation").format(what=", ".join(absent)))
    room, layout["annotations"] = make_footnote([*dict.fromkeys(marks)], mode, bottom)
    layout["height"] = height + below.room + room
    layout["margin"] = {"l": 84, "r": 24, "t": 44, "b": bottom + room}
    below.label(layout, mode)
    return build_figure(data, layout, mode)


def _name_statistic(report: Report, name: Statistic) -> str:
    return _(_NAMES[name]).format(a=write_axis_symbol(report, "activation"))


def list_forward_series(
    report: Report, statistics: Sequence[Statistic]
) -> tuple[list[Series], list[Series], list[str]]:
    """List the series of widths, those of shares, and the shares that apply to no layer."""
    table = report.get_table("layers")
    layers = read_column(table, "layer")
    modules = tuple(table["module"]) if "module" in table else ()
    widths: list[Series] = []
    shares: list[Series] = []
    absent: list[str] = []
    for name in statistics:
        if name not in get_args(Statistic) or name not in table or not len(layers):
            continue
        label = _name_statistic(report, name)
        values = report.dead_unit_share() if name == "dead_units" else read_column(table, name)
        if name not in _SHARES:
            what: Quantity = "activation" if name.startswith("activation") else "preactivation"
            absent_here = find_absent(report, what)
            widths.append(Series(label, layers, values, modules, absent=absent_here))
        elif np.isnan(values).all():
            absent.append(label)
        else:  # NaN: a layer without such an activation, e.g. the readout
            known = ~np.isnan(values)
            known_modules = tuple(m for m, k in zip(modules, known, strict=False) if k)
            shares.append(Series(label, layers[known], values[known], known_modules, True))
    return widths, shares, absent
