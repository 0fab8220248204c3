"""Speeds of the layers: their update-to-weight ratios, upright."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import FloatArray
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode, escape
from gradflow.charts.training.data import RECENT_RECORDS, Lane
from gradflow.core.numbers import format_number
from gradflow.core.text import _

USUAL_RATIO = 1e-3
"""‖ΔW‖/‖W‖ of a step that trains well, as a rule of thumb."""


def draw_speeds(
    lanes: Sequence[Lane], axes: PanelAxes, mode: Mode
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Draw upright lines over the layers on the x axis of ``axes``, and make that axis."""
    ratios = [lane.compute_recent("update_ratio") for lane in lanes]
    usual = Series("", np.zeros(1), np.array([USUAL_RATIO]))
    series = [Series("", np.arange(1.0, len(values) + 1), values) for values in ratios]
    fitted = Scale.fit([*series, usual], log=True)
    scale = Scale(True, math.floor(fitted.low), math.ceil(fitted.high))
    traces: list[dict[str, Any]] = []
    for lane, values in zip(lanes, ratios, strict=True):
        traces.append(_draw_line(lane, values, scale, axes, mode))
        traces += _mark_still_layers(lane, values, scale, axes, mode)
    axis = scale.make_axis(_("‖ΔW‖/‖W‖, last {n} records").format(n=RECENT_RECORDS)) | {
        "anchor": "y",
        "dtick": max(1, math.ceil((scale.high - scale.low) / 4)),
    }
    return traces, axis


def _start_trace(axes: PanelAxes) -> dict[str, Any]:
    return {"type": "scatter", "xaxis": axes.x, "yaxis": "y"}


def _draw_line(
    lane: Lane, ratios: FloatArray, scale: Scale, axes: PanelAxes, mode: Mode
) -> dict[str, Any]:
    style = lane.get_style(mode)
    return {
        **_start_trace(axes),
        "name": lane.label,
        "mode": "lines+markers",
        "x": scale.to_axis(ratios),
        "y": np.arange(len(ratios)) + 1,
        "line": {"color": style.colour, "width": 2.5},
        "marker": {
            "symbol": style.symbol,
            "color": style.colour,
            "size": 9 if len(ratios) <= 24 else 6,
        },
        "hovertext": _write_hover(lane, ratios),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _mark_still_layers(
    lane: Lane, ratios: FloatArray, scale: Scale, axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    """Draw a triangle at the left end for every layer that does not move."""
    still = np.flatnonzero(ratios == 0)
    if not len(still):
        return []
    texts, colour = _write_hover(lane, ratios), lane.get_style(mode).colour
    return [
        {
            **_start_trace(axes),
            "name": "marks",
            "showlegend": False,
            "mode": "markers",
            "y": still + 1,
            "x": np.full(len(still), scale.floor),
            "hovertext": [texts[i] for i in still],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {
                "symbol": "triangle-left-open",
                "size": 12,
                "color": colour,
                "line": {"width": 2, "color": colour},
            },
        }
    ]


def _write_hover(lane: Lane, ratios: FloatArray) -> list[str]:
    modules = lane.modules or [""] * len(ratios)
    return [
        _("{letter}, layer {layer} ({module}): {value} of its size per step").format(
            letter=lane.letter, layer=i, module=escape(module), value=format_number(ratio)
        )
        for i, (module, ratio) in enumerate(zip(modules, ratios.tolist(), strict=True), start=1)
    ]


def draw_usual_ratio(axes: PanelAxes, mode: Mode) -> dict[str, Any]:
    """Draw the line at 10⁻³ across the panel of speeds."""
    x = math.log10(USUAL_RATIO)
    return {
        "type": "line",
        "xref": axes.x,
        "yref": "y domain",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "line": {"color": PALETTES[mode].ink, "width": 1.5, "dash": "dot"},
        "name": _("usual: {ratio}").format(ratio=format_number(USUAL_RATIO)),
        "showlegend": True,
    }
