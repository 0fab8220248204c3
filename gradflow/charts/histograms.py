"""The six histograms of one layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, empty_figure, make_note
from gradflow.charts.flow.text import NAMES, SYMBOLS
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, escape
from gradflow.core.grouping import write_module
from gradflow.core.histogram import Histogram, drop_zeros, is_point, read_point
from gradflow.core.numbers import format_number, format_share
from gradflow.core.report import Quantity, Report
from gradflow.core.text import _

HEIGHT = 660
_PANEL_ROWS: tuple[tuple[Quantity, ...], ...] = (
    ("preactivation", "activation", "weight"),
    ("delta", "activation_grad", "weight_grad"),
)


@dataclass(frozen=True, eq=False)
class StepLines:
    """One histogram as step lines, in shares of all entries of the tensor.

    Attributes:
        edges: bin edges; values, or log10 of absolute values.
        positive, negative: share per bin (linear axes, all entries in ``positive``) or per tenth
            of a decade (log axes); exact zeros are in neither.
        log: whether the axis is logarithmic.
        zeros: share of exact zeros.
        single: the value of all entries if they are all equal, else NaN.
        words: counts of zeros, subnormal and non-finite entries, as text.
    """

    edges: FloatArray
    positive: FloatArray
    negative: FloatArray
    log: bool
    zeros: float
    single: float
    words: str


def layer_histograms_figure(report: Report, layer: int, *, mode: Mode = "light") -> go.Figure:
    """Draw the six histograms of a layer: z, a, W above, ∂L/∂z, ∂L/∂a, ∂L/∂W below.

    Signals and weights: share of the entries per bin over the value; the bins have equal width,
    and exact zeros, marked by a dashed line, are left out of the curve. Gradients: share of the
    entries per tenth of a decade over log10|g|, positive entries upwards and negative ones
    downwards. Entries that are exactly 0, subnormal or not finite are counted above each panel.
    """
    quantities = [what for row in _PANEL_ROWS for what in row]
    histograms = {what: report.histograms.get((what, int(layer))) for what in quantities}
    if not any(histograms.values()):
        title = _("No histograms were recorded for layer {layer}").format(layer=layer)
        return empty_figure(title, mode=mode)
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 92, "r": 16, "t": 106, "b": 40},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "annotations": [],
        "shapes": [],
        "title": {"text": f"<b>{_write_heading(report, layer)}</b>", "y": 0.99, "yanchor": "top"},
    }
    for index, (what, histogram) in enumerate(histograms.items()):
        steps = shape_step_lines(histogram) if histogram is not None and histogram.total else None
        _draw_panel(data, layout, index, what, steps, mode)
    return build_figure(data, layout, mode)


def shape_step_lines(histogram: Histogram) -> StepLines:
    """Shape the step lines of one histogram, in shares of all entries, non-finite included."""
    total = max(histogram.total, 1)
    log = histogram.scale == "log10"
    single = read_point(histogram) if is_point(histogram) else math.nan
    # The layers of one quantity share their log bins; this layer need not fill them.
    used = np.flatnonzero(histogram.counts)
    first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0)
    if log:
        negative, positive = (side[first:last] for side in histogram.signed)
        edges = histogram.edges[first : last + 1]
        widths = np.diff(edges) / 0.1
    else:
        edges, positive, widths = histogram.edges, drop_zeros(histogram), np.ones(1)
        negative = np.zeros(len(positive), np.int64)
    return StepLines(
        edges=edges,
        positive=positive / total / widths,
        negative=negative / total / widths,
        log=log,
        zeros=histogram.zeros / total,
        single=single,
        words=describe_special_entries(histogram),
    )


def describe_special_entries(histogram: Histogram) -> str:
    """Write “45% exactly 0”, “0.02% NaN”, one per line, or that there are no such entries."""
    total, log = max(histogram.total, 1), histogram.scale == "log10"
    special = {
        _("exactly 0") if log else _("exactly 0 (dashed)"): histogram.zeros,
        _("subnormal"): histogram.subnormal if log else 0,
        "NaN": histogram.nan,
        "+∞": histogram.posinf,
        "−∞": histogram.neginf,
    }
    parts = [f"{format_share(n / total)} {name}" for name, n in special.items() if n]
    return "<br>".join(parts) or _("no zeros, all finite")


def _write_heading(report: Report, layer: int) -> str:
    table = report.layers
    title = f"{_('Layer')} {layer}"
    if "module" in table and "layer" in table:
        for module in table.loc[table["layer"] == layer, "module"]:
            title += f" · {escape(str(write_module(module)))}"
    return title


def _draw_panel(
    data: list[dict[str, Any]],
    layout: dict[str, Any],
    index: int,
    what: Quantity,
    steps: StepLines | None,
    mode: Mode,
) -> None:
    palette = PALETTES[mode]
    row, column = divmod(index, 3)
    suffix = "" if index == 0 else str(index + 1)
    x, y = f"x{suffix}", f"y{suffix}"
    left, bottom = column * 0.365, 0.0 if row else 0.63
    top = bottom + 0.37
    title = f"<b>{SYMBOLS[what]}</b>" if row else f"<b>{_(NAMES[what])} {SYMBOLS[what]}</b>"
    words = steps.words if steps else _("not recorded")
    small = {"size": TEXT_SIZE - 1, "color": palette.muted}
    layout["annotations"] += [
        # The title stands on top of the counts, however many lines they take.
        make_note(
            f"<span style='font-size:{TEXT_SIZE}px;color:{palette.ink}'>{title}</span><br>{words}",
            left,
            top,
            align="left",
            font=small,
        ),
    ]
    log = bool(steps and steps.log)
    reach = float(np.abs(steps.edges[[0, -1]]).max()) if steps else 1.0
    wide = not log and not 1e-3 < reach < 1e5  # 4·10²⁰ needs more room than 0.4
    layout[f"xaxis{suffix}"] = {
        "domain": [left, left + 0.27],
        "anchor": y,
        "nticks": 3 if wide else 5,
        "tickangle": 0,
        "showgrid": False,
        **({"tickprefix": "10<sup>", "ticksuffix": "</sup>"} if log else {}),
    }
    layout[f"yaxis{suffix}"] = {
        "domain": [bottom, top],
        "anchor": x,
        "tickformat": ".2~%",
        "nticks": 4,
        **({} if column else {"title": {"text": _("per 0.1 decade") if row else _("per bin")}}),
    }
    if steps is None:
        layout[f"xaxis{suffix}"] |= {"range": [0, 1], "showticklabels": False}
        layout[f"yaxis{suffix}"] |= {"range": [0, 1], "showticklabels": False}
        return
    _fit_axes(layout, suffix, steps)
    message = _explain_empty(steps)
    if message:
        middle = {"xanchor": "center", "yanchor": "middle", "bgcolor": palette.page}
        layout["annotations"].append(make_note(message, left + 0.135, bottom + 0.18, **middle))
    colour = palette.backward if log else palette.forward
    if len(steps.positive):
        data.append(_draw_steps(steps.edges, steps.positive, (x, y), colour, "", log, +1))
        if log:
            data.append(_draw_steps(steps.edges, steps.negative, (x, y), colour, "/", log, -1))
    if not log and steps.zeros and steps.edges[0] <= 0 <= steps.edges[-1]:
        layout["shapes"].append(
            {
                "type": "line",
                "xref": x,
                "yref": f"{y} domain",
                "x0": 0,
                "x1": 0,
                "y0": 0,
                "y1": 1,
                "line": {"color": palette.ink, "width": 2, "dash": "dash"},
            }
        )


def _explain_empty(steps: StepLines) -> str:
    """Say why a panel has no curve; empty if it has one."""
    if not math.isnan(steps.single):
        return _("all are {value}").format(value=format_number(steps.single))
    if steps.zeros == 1:
        return _("all are 0")
    return "" if len(steps.positive) else _("no finite entry")


def _fit_axes(layout: dict[str, Any], suffix: str, steps: StepLines) -> None:
    high = 1.12 * float(max(steps.positive.max(initial=0), steps.negative.max(initial=0))) or 1.0
    y = layout[f"yaxis{suffix}"]
    if not steps.log:
        y["range"] = [0, high]
    else:
        y["range"] = [-high, high]
        nice = float(f"{high / 1.6:.0e}")
        y["tickvals"] = [-nice, 0, nice]
        y["ticktext"] = [f"− {format_share(nice)}", "0", f"+ {format_share(nice)}"]
        y["zeroline"], y["zerolinewidth"] = True, 1
    edges = steps.edges
    if len(edges) > 1:
        span = float(edges[-1] - edges[0])
        if math.isfinite(span):
            room = 0.02 * span if not steps.log else max(0.02 * span, (3 - span) / 2)
            layout[f"xaxis{suffix}"]["range"] = [edges[0] - room, edges[-1] + room]
    else:
        layout[f"xaxis{suffix}"] |= {"range": [-1, 1], "showticklabels": False}


def _draw_steps(
    edges: FloatArray,
    heights: FloatArray,
    axes: tuple[str, str],
    colour: str,
    pattern: str,
    log: bool,
    sign: int,
) -> dict[str, Any]:
    unit = _("per 0.1 decade") if log else _("per bin")
    side = "" if not log else _("positive") if sign > 0 else _("negative")
    value = "10<sup>%{x:.1f}</sup>" if log else "%{x:.3g}"
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "x": np.concatenate([edges[:1], edges]),
        "y": sign * np.concatenate([[0.0], heights, [0.0]]),
        "xaxis": axes[0],
        "yaxis": axes[1],
        "customdata": np.concatenate([[0.0], heights, [0.0]]),
        "line": {"shape": "hv", "width": 1.5, "color": colour},
        "fill": "tozeroy",
        "hovertemplate": f"%{{customdata:.2%}} {unit} {_('from')} {value} {side}<extra></extra>",
    }
    if pattern:
        trace["fillpattern"] = {"shape": pattern, "fgcolor": colour, "size": 7, "solidity": 0.35}
    else:
        trace["fillcolor"] = colour
    return trace
