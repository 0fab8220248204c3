"""A quantity of every layer over the steps of training runs, and how fast each layer moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import (
    build_figure,
    choose_layer_ticks,
    empty_figure,
    make_footnote,
    make_legend,
    make_note,
)
from gradflow.charts.theme import PALETTES, Mode
from gradflow.charts.training.data import QUANTITIES, Lane, QuantityMap, find_horizon
from gradflow.charts.training.maps import (
    draw_map,
    fit_shades,
    make_colour_axis,
    shape_map,
)
from gradflow.charts.training.rows import NamedRows
from gradflow.charts.training.speeds import draw_speeds, draw_usual_ratio
from gradflow.core.text import _

HEIGHT = 186
_FOOT = 54
_MAPS_END = 0.92
"""Right end of the maps, as a share of the width; the scale of the shades stands beside them."""
_GAP = 0.025
"""Between two maps, as a share of the width."""
_NAME_LENGTHS = {1: 60, 2: 22, 3: 12, 4: 12}
"""Characters of a name that fit above one of so many maps."""


def layers_figure(
    lanes: Sequence[Lane],
    *,
    quantity: str = "weight_grad_norm",
    mode: Mode = "light",
    rows: NamedRows | None = None,
) -> go.Figure:
    """Draw a map layer × step for each run, all on one scale.

    A map shows ``quantity``, on a log scale unless it is a share. Layer 1 is at the bottom. Values
    of exactly 0 are marked by ○. Where values are NaN or infinite the map is tinted, and ✕ stands
    at the first. A line runs through the map of the update ratio where it is 10⁻³.

    Args:
        lanes: the runs.
        quantity: a key of ``QUANTITIES``.
        mode: for a light or a dark page.
        rows: names of the layers of a run that stands alone; else they are numbered.
    """
    if not any(len(lane.steps) for lane in lanes):
        return empty_figure(_("No step was recorded yet"), mode=mode, height=HEIGHT)
    kind = QUANTITIES[quantity]
    maps = [shape_map(lane, quantity) for lane in lanes]
    low, high = fit_shades([quantity_map.shade for quantity_map in maps], kind)
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    for i, (lane, quantity_map) in enumerate(zip(lanes, maps, strict=True)):
        axes = PanelAxes(i)
        data += draw_map(lane, quantity_map, quantity, axes, mode)
        layout[axes.x_key] = make_step_axis(i, lanes)
    layout |= frame_panels(lanes, _write_notes(maps, quantity), mode) | {
        "yaxis": _make_layers_axis(lanes, every=8),
        "coloraxis": make_colour_axis(kind, low, high, _MAPS_END + 0.01, mode),
    }
    if rows is not None:
        layout["yaxis"] = rows.make_axis()
        layout["shapes"] = rows.draw_edges((0.5, find_horizon(lanes) + 0.5), mode)
        layout["margin"]["l"] = rows.room
    return build_figure(data, layout, mode)


def speeds_figure(lanes: Sequence[Lane], *, mode: Mode = "light") -> go.Figure:
    """Draw how fast each layer moves: the median over the last records of ‖ΔW‖/‖W‖, upright.

    Layer 1 is at the bottom; a line stands at 10⁻³, where a step usually trains well.
    """
    if not any(len(lane.steps) for lane in lanes):
        return empty_figure(_("No step was recorded yet"), mode=mode)
    axes = PanelAxes(0)
    data, axis = draw_speeds(lanes, axes, mode)
    layout = {
        "height": 360,
        "margin": {"l": 76, "r": 16, "t": 40, "b": 58},
        "dragmode": False,
        "hovermode": "closest",
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": axis,
        "yaxis": _make_layers_axis(lanes, every=16),
        "shapes": [draw_usual_ratio(axes, mode)],
    }
    return build_figure(data, layout, mode)


def _make_layers_axis(lanes: Sequence[Lane], every: int) -> dict[str, Any]:
    deepest = max(len(lane.modules) for lane in lanes)
    return {
        "title": {"text": _("layer")},
        "range": [0.5, deepest + 0.5],
        "tickvals": choose_layer_ticks(deepest, every=every, wanted=every),
        "showgrid": False,
    }


def make_step_axis(i: int, lanes: Sequence[Lane]) -> dict[str, Any]:
    """Make the x axis of map i."""
    left, right = _find_domain(i, len(lanes))
    return {
        "domain": [left, right],
        "range": [0.5, find_horizon(lanes) + 0.5],
        "tickformat": "d",
        "showgrid": False,
        "anchor": "y",
        "nticks": 7 - len(lanes),
        "title": {"text": _("step")},
    }


def _find_domain(i: int, count: int) -> tuple[float, float]:
    """Find both ends of map i of ``count`` maps, as shares of the width."""
    width = (_MAPS_END - _GAP * (count - 1)) / count
    left = i * (width + _GAP)
    return left, left + width


def frame_panels(lanes: Sequence[Lane], notes: Sequence[str], mode: Mode) -> dict[str, Any]:
    """Frame a panel per run: the names of the runs above, and what explains marks below them."""
    room, foot = make_footnote(notes, mode, _FOOT)
    return {
        "height": HEIGHT + room,
        "margin": {"l": 76, "r": 16, "t": 34, "b": _FOOT + room},
        "dragmode": False,
        "hovermode": "closest",
        "showlegend": False,
        "annotations": [*_write_titles(lanes, mode), *foot],
    }


def _write_titles(lanes: Sequence[Lane], mode: Mode) -> list[dict[str, Any]]:
    longest = _NAME_LENGTHS[len(lanes)]
    return [
        make_note(
            lane.shorten_label(longest),
            _find_domain(i, len(lanes))[0],
            1,
            font={"color": lane.get_style(mode).colour if lane.letter else PALETTES[mode].ink},
        )
        for i, lane in enumerate(lanes)
    ]


def _write_notes(maps: Sequence[QuantityMap], quantity: str) -> list[str]:
    """Explain the marks that occur."""
    notes = []
    if any(quantity_map.zero.any() for quantity_map in maps):
        notes.append(_("○ exactly 0"))
    if any(quantity_map.broken.any() for quantity_map in maps):
        notes.append(_("✕ NaN or infinite from here on, as far as the tint goes"))
    if QUANTITIES[quantity].share and any(quantity_map.is_blank for quantity_map in maps):
        notes.append(_("blank: not defined for this activation function"))
    if quantity == "update_ratio":
        notes.append(_("━ 10⁻³, of means over a tenth of the run"))
    return notes
