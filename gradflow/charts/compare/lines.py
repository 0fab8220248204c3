"""Figures with one line per setting on one axis: gradient norms, forward statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.compare.data import LETTERS, ComparedSetting, list_depths, list_series
from gradflow.charts.figure import (
    build_figure,
    empty_figure,
    find_layer_range,
    make_footnote,
    make_layer_axis,
    make_legend,
    name_rows,
)
from gradflow.charts.flow.data import Gradient
from gradflow.charts.flow.names import UNNAMED, NamedAxis, name_axis
from gradflow.charts.flow.text import write_axis_symbol
from gradflow.charts.forward import LINEAR_SPREAD, Statistic, list_forward_series
from gradflow.charts.norms import list_norm_series
from gradflow.charts.series import Scale, Series, draw_series, explain_marks
from gradflow.charts.theme import Mode
from gradflow.core.report import Report
from gradflow.core.text import N_, _

HEIGHT = 400
_BOTTOM = 62
"""Pixels below the plot, for numbers and title of the axis."""
STATISTICS: dict[Statistic, str] = {
    "activation_std": N_("std of a"),
    "activation_rms": N_("RMS of a"),
    "preactivation_std": N_("std of z"),
    "preactivation_rms": N_("RMS of z"),
    "saturated": N_("saturated share"),
    "dead_units": N_("share of dead units"),
    "similarity": N_("similarity of samples"),
}
_LINE_WIDTH = 2.5


def compare_gradients_figure(
    entries: Sequence[ComparedSetting],
    *,
    mode: Mode = "light",
    gradient: Gradient = "delta",
    relative: bool = False,
) -> go.Figure:
    """Draw Frobenius norms of one gradient per layer, one line per setting, on one log axis.

    ‖∂L/∂z_l‖ (δ) or ‖∂L/∂a_l‖ over the whole batch × units array, or ‖∂L/∂W_l‖ over the weight
    matrix, of the loss as reduced. Zeros lie on the floor, NaN and infinite norms are crosses at
    the ceiling.

    Args:
        entries: the settings; at most one per letter.
        mode: for a light or a dark page.
        gradient: ``delta``, ``activation_grad`` or ``weight_grad``.
        relative: x is the relative depth (l − 1)/(L − 1), so that networks of different depth
            L begin and end together, instead of the layer l.
    """

    def read(report: Report) -> Series | None:
        # Only the first series: not every setting has a residual stream, which is the second.
        return next(iter(list_norm_series(report, (gradient,))), None)

    series = list_series(entries, read, relative=relative)
    if not any(len(s.layers) for s in series):
        return empty_figure(_("Nothing was recorded: no gradient norms to compare"), mode=mode)
    axis = Scale.fit(series, log=True)
    symbol = write_axis_symbol(entries[0].report, gradient)
    title = _("gradient norm ‖{symbol}‖").format(symbol=symbol)
    return _draw_lines(entries, series, axis, axis.make_axis(title), mode, relative)


def compare_forward_figure(
    entries: Sequence[ComparedSetting],
    *,
    mode: Mode = "light",
    statistic: Statistic = "activation_std",
    relative: bool = False,
) -> go.Figure:
    """Draw one statistic of the forward signal per layer, one line per setting, on one axis.

    Standard deviation and RMS over batch × units, on a log axis if the settings together spread
    over more than two decades; the share of saturated entries and of dead units (φ' = 0 for every
    sample), and the similarity, the mean cosine between two samples, on a linear one. Settings to
    which the statistic does not apply are named below the figure.
    """

    def read(report: Report) -> Series | None:
        widths, shares, _absent = list_forward_series(report, (statistic,))
        return next(iter([*widths, *shares]), None)

    series = list_series(entries, read, relative=relative)
    if not any(len(s.layers) for s in series):
        return empty_figure(
            _("Nothing to compare: {what} applies to none of these settings").format(
                what=_(STATISTICS[statistic])
            ),
            mode=mode,
        )
    absent = [e.letter for e in entries if not len(series[LETTERS.index(e.letter)].layers)]
    notes = [
        _("{letters}: does not apply to this activation").format(letters=", ".join(absent))
    ] * bool(absent)
    values = np.concatenate([line.values for line in series])
    values = values[np.isfinite(values)]
    if any(line.is_share for line in series):
        axis = Scale(False, float(values.min(initial=0)) - 0.03, 1.03)  # a cosine may be negative
        y = axis.make_axis(_(STATISTICS[statistic])) | {
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": ["0", "25%", "50%", "75%", "100%"],
        }
    else:
        values = values[values > 0]
        spread = values.max() / values.min() if len(values) else 1.0
        axis = Scale.fit(series, log=bool(spread > LINEAR_SPREAD))
        y = axis.make_axis(_(STATISTICS[statistic]))
    return _draw_lines(entries, series, axis, y, mode, relative, notes)


def _draw_lines(
    entries: Sequence[ComparedSetting],
    series: list[Series],
    scale: Scale,
    y: dict[str, Any],
    mode: Mode,
    relative: bool,
    notes: Sequence[str] = (),
) -> go.Figure:
    names = UNNAMED if relative else _name_shared_axis(entries)
    room, footnote = make_footnote(
        [*explain_marks(series, scale), *notes], mode, _BOTTOM + names.room
    )
    layout = {
        "height": HEIGHT + names.room + room,
        "margin": {"l": 84, "r": 24, "t": 36, "b": _BOTTOM + names.room + room},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": _make_depth_axis(entries, relative),
        "yaxis": y,
        "annotations": footnote,
    }
    names.label(layout, mode)
    traces = [_slim(trace) for trace in draw_series(series, scale, mode) if len(trace["x"])]
    return build_figure(traces, layout, mode)


def _name_shared_axis(entries: Sequence[ComparedSetting]) -> NamedAxis:
    """Name the places of the axis, if all networks have the same modules there."""
    tables = [entry.report.get_table("layers") for entry in entries]
    modules = {tuple(table["module"]) if "module" in table else () for table in tables}
    return name_axis(entries[0].report) if len(modules) == 1 else UNNAMED


def _slim(trace: dict[str, Any]) -> dict[str, Any]:
    """Make a line less wide: lines below stay wider, but no setting looks more important."""
    if "line" not in trace:
        return trace
    extra = trace["line"]["width"] - _LINE_WIDTH
    line = trace["line"] | {"width": _LINE_WIDTH + 0.35 * extra}
    marker = trace["marker"] | {"size": trace["marker"]["size"] - 1.4 * extra}
    return trace | {"line": line, "marker": marker}


def _make_depth_axis(entries: Sequence[ComparedSetting], relative: bool) -> dict[str, Any]:
    if not relative:
        rows = entries[0].report.rows
        ranges = [find_layer_range(entry.report.get_table("layers")) for entry in entries]
        first = min(low for low, _high in ranges)
        title, word = name_rows(rows, first)
        if rows == "layer":
            title = _("layer (1 is next to the input)")
        return make_layer_axis(
            max(high for _low, high in ranges),
            first=first,
            title={"text": title},
            unifiedhovertitle={"text": f"<b>{word} %{{x}}</b>"},
        )
    deepest = max(list_depths(entries))
    shares = (0.0, 0.25, 0.5, 0.75, 1.0) if deepest > 1 else (1.0,)
    return make_layer_axis(
        deepest,
        tickvals=[1 + share * (deepest - 1) for share in shares],
        ticktext=[f"{share:.0%}" for share in shares],
        title={"text": _("relative depth (0% is the first layer, 100% the last)")},
        unifiedhovertitle={"text": f"<b>{_('at this depth')}</b>"},
    )
