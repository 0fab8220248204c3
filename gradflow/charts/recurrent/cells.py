"""Gradients of several cells, or of several kinds of paths, against the steps back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray
from gradflow.charts.laws import Curve, laws_figure
from gradflow.charts.recurrent.time_axis import back_axis
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode
from gradflow.core.text import _

Named = tuple[str, FloatArray]
FACTOR_LIMIT = 2.0
"""Factors beyond leave the axis."""


def remaining_figure(
    named: Sequence[Named], *, marked: int | None = None, mode: Mode = "light"
) -> go.Figure:
    """What is left of a gradient k steps back, relative to the last step, on a log axis.

    Args:
        named: name and ‖∂L/∂s_{T−k}‖ / ‖∂L/∂s_T‖ for k = 0, 1, … of each.
        marked: a distance that is marked.
        mode: for a light or a dark page.
    """
    curves = remaining_curves(named)
    steps = max((len(curve.x) for curve in curves), default=1) - 1
    palette = PALETTES[mode]
    lines = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "layer": "below",
         "line": {"color": palette.muted, "width": 1.5}},
    ]  # fmt: skip
    if marked is not None and marked <= steps:
        lines.append(
            {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": marked, "x1": marked,
             "layer": "below", "line": {"color": palette.muted, "width": 2, "dash": "dot"}}
        )  # fmt: skip
    flat = Series("", np.zeros(1), np.ones(1))
    return laws_figure(
        curves,
        x=back_axis(steps),
        y_title=_("gradient that is left"),
        mode=mode,
        scale=Scale.fitting([*(curve.series for curve in curves), flat], log=True),
        shapes=lines,
    )


def remaining_curves(named: Sequence[Named]) -> list[Curve]:
    """From k = 0 on."""
    return [Curve(name, np.arange(len(values), dtype=np.float64), values) for name, values in named]


def factors_figure(
    named: Sequence[tuple[str, FloatArray, FloatArray]], *, mode: Mode = "light"
) -> go.Figure:
    """Factor of every step back on a linear axis; the direct path's dashed in the same colour.

    Args:
        named: name, measured factors and those of the direct path (NaN where there is none), from
            the loss back, of each.
        mode: for a light or a dark page.
    """
    curves = factor_curves(named)
    values = np.concatenate([curve.values for curve in curves] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    high = min(max(1.25, 1.08 * float(values.max(initial=1.0))), FACTOR_LIMIT)
    return laws_figure(
        curves,
        x=back_axis(max((len(curve.x) for curve in curves), default=1)),
        y_title=_("factor of one step back"),
        mode=mode,
        scale=Scale(False, 0.0, high),
        law=_("direct path alone"),
        shapes=[
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1, "layer": "below",
             "line": {"color": PALETTES[mode].muted, "width": 2}},
        ],
    )  # fmt: skip


def factor_curves(named: Sequence[tuple[str, FloatArray, FloatArray]]) -> list[Curve]:
    """The factor from distance k to k + 1 stands at k + 1."""
    return [
        Curve(name, np.arange(1.0, len(total) + 1), total, direct) for name, total, direct in named
    ]
