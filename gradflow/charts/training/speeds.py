"""How fast each layer moves: its update-to-weight ratio, upright beside the maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode, escape, number
from gradflow.charts.training.data import RECENT_RECORDS, Lane
from gradflow.core.text import _

USUAL_RATIO = 1e-3
"""‖ΔW‖/‖W‖ of a step that trains well, as a rule of thumb."""


def draw_speeds(
    lanes: Sequence[Lane], axis: str, mode: Mode
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Lines over the layers, upright, on x axis ``axis``, and that axis."""
    ratios = [lane.compute_recent("update_ratio") for lane in lanes]
    usual = Series("", np.zeros(1), np.array([USUAL_RATIO]))
    every = [Series("", np.arange(1.0, len(one) + 1), one) for one in ratios]
    fitted = Scale.fitting([*every, usual], log=True)
    scale = Scale(True, math.floor(fitted.low), math.ceil(fitted.high))
    traces: list[dict[str, Any]] = []
    for lane, one in zip(lanes, ratios, strict=True):
        style = lane.get_style(mode)
        layers = np.arange(len(one)) + 1
        common = {"type": "scatter", "xaxis": f"x{axis}", "yaxis": "y", "showlegend": False}
        traces.append(
            {
                **common,
                "name": lane.label,
                "mode": "lines+markers",
                "x": scale.drawn(one),
                "y": layers,
                "line": {"color": style.colour, "width": 2.5},
                "marker": {
                    "symbol": style.symbol,
                    "color": style.colour,
                    "size": 9 if len(one) <= 24 else 6,
                },
                "hovertext": _write_hover(lane, one),
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
        still = one == 0
        if still.any():
            traces.append(
                {
                    **common,
                    "name": "marks",
                    "mode": "markers",
                    "y": layers[still],
                    "x": np.full(still.sum(), scale.floor),
                    "hovertext": [
                        t for t, s in zip(_write_hover(lane, one), still, strict=True) if s
                    ],
                    "hovertemplate": "%{hovertext}<extra></extra>",
                    "marker": {
                        "symbol": "triangle-left-open",
                        "size": 12,
                        "color": style.colour,
                        "line": {"width": 2, "color": style.colour},
                    },
                }
            )
    layout = scale.axis(_("‖ΔW‖/‖W‖, last {n} records").format(n=RECENT_RECORDS))
    return traces, layout | {
        "anchor": "y",
        "dtick": max(1, math.ceil((scale.high - scale.low) / 4)),
    }


def _write_hover(lane: Lane, ratios: FloatArray) -> list[str]:
    modules = lane.modules or [""] * len(ratios)
    return [
        _("{letter}, layer {layer} ({module}): {value} of its size per step").format(
            letter=lane.letter, layer=i, module=escape(module), value=number(value)
        )
        for i, (module, value) in enumerate(zip(modules, ratios.tolist(), strict=True), start=1)
    ]


def draw_usual_ratio(axis: str, mode: Mode) -> dict[str, Any]:
    """The line at 10⁻³, as a shape."""
    level, colour = math.log10(USUAL_RATIO), PALETTES[mode].ink
    return {
        "type": "line",
        "xref": axis,
        "yref": "y domain",
        "x0": level,
        "x1": level,
        "y0": 0,
        "y1": 1,
        "line": {"color": colour, "width": 1.5, "dash": "dot"},
    }
