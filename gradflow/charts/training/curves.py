"""Curves of training runs over the steps, in one panel or two, with one legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import FloatArray, build_figure, make_footnote, make_legend
from gradflow.charts.series import Scale
from gradflow.charts.theme import PALETTES, Mode
from gradflow.charts.training.data import Lane, find_horizon, thin_line
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

_PANELS = {1: ((0.0, 1.0),), 2: ((0.0, 0.46), (0.57, 1.0))}
"""Both ends of the panels, as shares of the width, by their number."""
_NAME_LENGTHS = {1: 60, 2: 26, 3: 16, 4: 12}
"""Characters of a name in the legend, by the number of runs."""
_SHORT_AXIS, _SHORTEST_AXIS = 3.0, 1.2
"""A log axis of up to so many decades has ticks at 1 and 3 of each, or at 1, 2 and 5."""
_FOOT = 54
"""Pixels below the panels, for ticks and the name of the axis."""
_MOST_MARKERS = 10
"""Markers of a line; they tell lines apart where colours do not."""


def build_panels(
    lanes: Sequence[Lane],
    data: list[dict[str, Any]],
    y_axes: Sequence[dict[str, Any]],
    *,
    height: int,
    notes: Sequence[str],
    shapes: Sequence[dict[str, Any]] = (),
    dashed: str,
    mode: Mode,
    foot: int = _FOOT,
) -> go.Figure:
    """Build a figure of one or two panels over the steps.

    Args:
        lanes: the runs, for the legend.
        data: traces of all panels.
        y_axes: of each panel.
        height: in pixels, without the notes.
        notes: explanations below the panels.
        shapes: other shapes.
        dashed: what dashed lines are, for the legend; empty if there are none.
        mode: for a light or a dark page.
        foot: pixels below the panels; the axis of steps has its name where there is room.
    """
    across = {
        "title": {"text": _("step") if foot >= _FOOT else ""},
        "range": [0, find_horizon(lanes)],
        "tickformat": "d",
        "showgrid": False,
        "spikecolor": PALETTES[mode].muted,
        "spikethickness": 1,
        "unifiedhovertitle": {"text": f"<b>{_('step')} %{{x}}</b>"},
    }
    room, annotations = make_footnote(notes, mode, foot)
    layout = {
        "height": height + room,
        "margin": {"l": 76, "r": 16, "t": 34, "b": foot + room},
        "dragmode": False,
        "hovermode": "x unified",
        "legend": make_legend(),
        "showlegend": True,
        "shapes": list(shapes),
        "annotations": annotations,
    }
    for i, (axis, domain) in enumerate(zip(y_axes, _PANELS[len(y_axes)], strict=True)):
        panel = PanelAxes(i)
        layout[panel.x_key] = {**across, "domain": domain, "anchor": panel.y}
        layout[panel.y_key] = {**axis, "anchor": panel.x}
    return build_figure([*data, *_make_legend_entries(lanes, dashed, mode)], layout, mode)


def draw_pair(
    lane: Lane, columns: Sequence[str], scale: Scale | None, axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    """Draw a solid line for the first column, and a dashed one for the second if there is one.

    Without a ``scale`` values are coordinates.
    """
    style = lane.get_style(mode)
    traces = []
    for column, dash in zip(columns, ("solid", "dash"), strict=False):
        x, values = thin_line(*lane.select_measured(column))
        trace = {
            "type": "scatter",
            "name": lane.label,
            "legendgroup": lane.letter,
            "showlegend": False,
            **axes.trace_keys,
            "mode": "lines+markers",
            "x": x.astype(np.float32),
            "y": (values if scale is None else scale.to_axis(values)).astype(np.float32),
            "line": {"color": style.colour, "width": 2.5, "dash": dash},
            "marker": {
                "symbol": style.symbol,
                "size": 8,
                "color": style.colour,
                "maxdisplayed": _MOST_MARKERS,
            },
            "hovertext": _write_hover(lane, column, values),
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        traces.append(trace)
    return traces


def _write_hover(lane: Lane, column: str, values: FloatArray) -> list[str]:
    words = {
        "loss": _("loss"),
        "accuracy": _("accuracy"),
        "held_out_loss": _("held-out loss"),
        "held_out_accuracy": _("held-out accuracy"),
        "grad_norm": "‖g‖",
        "clipped_grad_norm": _("‖g‖ after clipping"),
        "learning_rate": "η",
    }
    write_value = format_share if column.endswith("accuracy") else format_number
    return [f"{lane.letter} {words[column]} {write_value(value)}" for value in values.tolist()]


def mark_nonfinite(lane: Lane, column: str, scale: Scale, mode: Mode) -> list[dict[str, Any]]:
    """Draw crosses at the top of the left panel where a number is not finite."""
    broken = ~np.isfinite(lane.numbers[column])
    values, x = lane.numbers[column][broken], lane.steps[broken]
    if not len(x):
        return []
    return [
        {
            "type": "scatter",
            "name": "marks",
            "showlegend": False,
            "mode": "markers",
            "x": x,
            "y": np.full(len(x), scale.ceiling),
            "hovertext": [f"{lane.letter} {format_number(value)}" for value in values.tolist()],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {
                "symbol": "x",
                "size": 14,
                "color": PALETTES[mode].alarm,
                "line": {"width": 2, "color": lane.get_style(mode).colour},
            },
        }
    ]


def explain_nonfinite(lanes: Sequence[Lane], column: str) -> list[str]:
    """Explain the crosses if there are any."""
    broken = any((~np.isfinite(lane.numbers[column])).any() for lane in lanes)
    return [_("✕ NaN or infinite")] if broken else []


def make_y_axis(scale: Scale, title: str) -> dict[str, Any]:
    """Make the y axis of a panel; a short log axis has ticks within its decades, too."""
    axis = scale.make_axis(title)
    if not scale.log or scale.high - scale.low > _SHORT_AXIS:
        return axis
    digits = (1, 2, 5) if scale.high - scale.low <= _SHORTEST_AXIS else (1, 3)
    decades = range(math.floor(scale.low), math.ceil(scale.high) + 1)
    values = [float(f"{digit}e{decade}") for decade in decades for digit in digits]
    return axis | {
        "tickvals": [math.log10(value) for value in values],
        "ticktext": [format_number(value) for value in values],
        "tickprefix": "",
        "ticksuffix": "",
    }


def _make_legend_entries(lanes: Sequence[Lane], dashed: str, mode: Mode) -> list[dict[str, Any]]:
    """List each run with its marker, and what a dashed line means."""
    common = {"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip"}
    runs = [
        {
            **common,
            "name": lane.shorten_label(_NAME_LENGTHS[len(lanes)]),
            "legendgroup": lane.letter,
            "mode": "lines+markers",
            "line": {"color": lane.get_style(mode).colour, "width": 2.5},
            "marker": {"symbol": lane.get_style(mode).symbol, "size": 9},
        }
        for lane in lanes
    ]
    if not dashed:
        return runs
    dashes = {
        **common,
        "name": dashed,
        "legendgroup": "dashes",
        "mode": "lines",
        "line": {"color": PALETTES[mode].muted, "width": 2.5, "dash": "dash"},
    }
    return [*runs, dashes]
