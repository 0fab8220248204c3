"""A measure of many networks over one setting."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, empty_figure, make_legend
from gradflow.charts.sweep.data import Axis, SweptMeasure, compute_quantile
from gradflow.charts.theme import PALETTES, Mode, fade
from gradflow.core.text import _

_HEIGHT = 460


def curve_figure(x: Axis, measure: SweptMeasure, *, mode: Mode = "light") -> go.Figure:
    """Draw the median over the seeds as a line, and all seeds as a band.

    Args:
        x: the setting; ``measure.values`` is ``(x, seeds)``.
        measure: what is drawn.
        mode: for a light or a dark page.
    """
    lines = {share: compute_quantile(measure.values, share) for share in (0.0, 0.5, 1.0)}
    if not np.isfinite(lines[0.5]).any():
        return empty_figure(_("Nothing has been measured yet"), mode=mode)
    palette = PALETTES[mode]
    axis: dict[str, Any] = {"title": {"text": x.label}}
    if x.kind == "category":
        axis |= {"tickvals": list(range(len(x.values))), "ticktext": x.list_names()}
    else:
        axis["type"] = x.kind
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
    layout = {
        "height": _HEIGHT,
        "xaxis": axis,
        "yaxis": {
            "title": {"text": measure.label},
            "type": "log" if measure.logarithmic else "linear",
        },
        "legend": make_legend(),
        "margin": {"l": 90, "r": 20, "t": 40, "b": 64},
    }
    return build_figure(data, layout, mode)
