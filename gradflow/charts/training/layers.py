"""Layers over steps as a map, and beside it how fast each of them moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build, empty_figure, foot, layer_ticks, note
from gradflow.charts.theme import Mode, escape
from gradflow.charts.training.data import QUANTITIES, Lane, find_horizon
from gradflow.charts.training.maps import (
    QuantityMap,
    draw_map,
    fit_shades,
    make_colour_axis,
    shape_map,
)
from gradflow.charts.training.speeds import draw_speeds, draw_usual_ratio
from gradflow.core.text import _

HEIGHT = 430
_MAPS, _SPEED = 0.64, (0.78, 1.0)
"""Where maps end and the figure of speeds begins and ends, as shares of the width."""
_GAP = 0.025
_NAMES = {1: 60, 2: 26}
"""Characters of a name that fit above one of so many maps; above more stand letters alone."""


def layers_figure(
    lanes: Sequence[Lane], *, quantity: str = "weight_grad_norm", mode: Mode = "light"
) -> go.Figure:
    """A map layer × step for each run, all on one scale, and the speeds of the layers beside.

    The map shows ``quantity``, on a log scale unless it is a share. Layer 1 is at the bottom.
    Where it is exactly 0 stands ○, where it is NaN or infinite ✕. A line runs through the map of
    the update ratio where it is 10⁻³. The speeds are the median over the last records of
    ‖ΔW‖/‖W‖, with a line at 10⁻³.

    Args:
        lanes: the runs.
        quantity: a key of ``QUANTITIES``.
        mode: for a light or a dark page.
    """
    if not any(len(lane.steps) for lane in lanes):
        return empty_figure(_("No step was recorded yet"), mode=mode)
    what = QUANTITIES[quantity]
    maps = [shape_map(lane, quantity) for lane in lanes]
    low, high = fit_shades([one.shade for one in maps], what)
    deepest = max(len(lane.modules) for lane in lanes)
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    width = (_MAPS - _GAP * (len(lanes) - 1)) / len(lanes)
    for i, (lane, one) in enumerate(zip(lanes, maps, strict=True)):
        axis = str(i + 1) if i else ""
        start = i * (width + _GAP)
        data += draw_map(lane, one, quantity, axis, mode)
        layout[f"xaxis{axis}"] = {
            "domain": [start, start + width],
            "range": [0.5, find_horizon(lanes) + 0.5],
            "tickformat": "d",
            "showgrid": False,
            "anchor": "y",
            "nticks": 7 - len(lanes),
            "title": {"text": _("step")},
        }
    last = str(len(lanes) + 1)
    lines, ratios = draw_speeds(lanes, last, mode)
    layout[f"xaxis{last}"] = ratios | {"domain": _SPEED}
    room, foots = foot(_write_notes(maps, quantity), mode)
    layout |= {
        "height": HEIGHT + room,
        "margin": {"l": 64, "r": 20, "t": 36, "b": 62 + room},
        "dragmode": False,
        "hovermode": "closest",
        "showlegend": False,
        "yaxis": {
            "title": {"text": _("layer (1 is next to the input)")},
            "range": [0.5, deepest + 0.5],
            "tickvals": layer_ticks(deepest),
            "showgrid": False,
        },
        "coloraxis": make_colour_axis(what, low, high, _MAPS + 0.01, mode),
        "shapes": [draw_usual_ratio(f"x{last}", mode)],
        "annotations": [*_write_heads(lanes, mode), *foots],
    }
    return build([*data, *lines], layout, mode)


def _write_heads(lanes: Sequence[Lane], mode: Mode) -> list[dict[str, Any]]:
    """Names of the runs above their maps."""
    found = []
    width = (_MAPS - _GAP * (len(lanes) - 1)) / len(lanes)
    for i, lane in enumerate(lanes):
        most = _NAMES.get(len(lanes), 0)
        name = lane.name if len(lane.name) <= most else f"{lane.name[: most - 1]}…"
        text = f"<b>{lane.letter}</b> {escape(name) if most else ''}"
        found.append(note(text, i * (width + _GAP), 1, font={"color": lane.get_style(mode).colour}))
    return [*found, note(_("<b>Speed of each layer</b>"), _SPEED[0], 1)]


def _write_notes(maps: Sequence[QuantityMap], quantity: str) -> list[str]:
    zero, broken = any(m.zero.any() for m in maps), any(m.broken.any() for m in maps)
    blank = QUANTITIES[quantity].share and any(
        m.shade.size and np.isnan(m.shade).all() for m in maps
    )
    return (
        [_("○ exactly 0")] * zero
        + [_("✕ NaN or infinite")] * broken
        + [_("blank: not defined for this activation function")] * blank
        + [_("━ 10⁻³, of means over a tenth of the run")] * (quantity == "update_ratio")
    )
