"""A measure of many networks over one setting."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, empty_figure, make_legend
from gradflow.charts.sweep.data import Axis, SweptMeasure, compute_quantile, make_axis, make_sign
from gradflow.charts.theme import PALETTES, Mode, fade
from gradflow.core.text import _

_HEIGHT = 460
_EDGE = 0.02
"""Where signs stand that have no number, as a share of the height."""


def curve_figure(x: Axis, measure: SweptMeasure, *, mode: Mode = "light") -> go.Figure:
    """Draw the median over the seeds as a line, and all seeds as a band.

    Signs stand on the line, or at the lower edge where there is no number to draw.

    Args:
        x: the setting; ``measure.values`` is ``(x, seeds)``.
        measure: what is drawn.
        mode: for a light or a dark page.
    """
    lines = {share: compute_quantile(measure.values, share) for share in (0.0, 0.5, 1.0)}
    drawn = np.isfinite(lines[0.5]) & ((lines[0.5] > 0) | (not measure.logarithmic))
    if not drawn.any():
        return empty_figure(_("Nothing has been measured yet"), mode=mode)
    palette = PALETTES[mode]
    common = {"type": "scatter", "mode": "lines", "x": x.places, "hoverinfo": "skip"}
    edge = {"width": 0, "color": palette.backward}
    data: list[dict[str, Any]] = [
        {**common, "y": lines[0.0], "line": edge, "showlegend": False},
        {
            **common,
            "y": lines[1.0],
            "line": edge,
            "fill": "tonexty",
            "fillcolor": fade(palette.backward, 0.2),
            "name": _("all seeds"),
        },
        {
            **common,
            "y": lines[0.5],
            "mode": "lines+markers",
            "line": {"width": 3, "color": palette.backward},
            "name": _("median"),
            "hoverinfo": None,
            "hovertemplate": "%{x}: %{y:.3g}<extra></extra>",
        },
    ]
    for mark in measure.marks:
        signs = [
            make_sign(mark, palette) | {"x": x.places[where], "y": heights[where], "yaxis": own}
            for own, where, heights in (
                ("y", mark.where & drawn, lines[0.5]),
                ("y2", mark.where & ~drawn, np.full(len(drawn), _EDGE)),
            )
            if where.any()
        ]
        data += [
            sign | {"showlegend": sign is signs[0], "legendgroup": mark.name} for sign in signs
        ]
    layout = {
        "height": _HEIGHT,
        "xaxis": make_axis(x),
        "yaxis": {
            "title": {"text": measure.label},
            "type": "log" if measure.logarithmic else "linear",
        },
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        "legend": make_legend(),
        "margin": {"l": 90, "r": 20, "t": 40, "b": 64},
    }
    return build_figure(data, layout, mode)
