"""The loss after a short training against the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray
from gradflow.charts.laws import Curve, laws_figure
from gradflow.charts.series import Scale
from gradflow.charts.theme import PALETTES, Mode, number, styles
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization_effects.rates import Trained

Named = tuple[str, "Trained"]
_LOSS_TICKS = (1e-3, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_HIGHEST_LOSS = 30.0
"""Losses beyond leave the figure: what has diverged is of no interest."""


def learning_rates_figure(
    rates: FloatArray, trained: Sequence[Named], *, mode: Mode = "light"
) -> go.Figure:
    """Loss after the steps over η, both on log axes; a ring at the largest η that trains."""
    curves = [Curve(name, np.log10(rates), one.losses) for name, one in trained]
    found = np.concatenate([one.losses for _name, one in trained] or [np.zeros(0)])
    lowest = np.where(np.isfinite(found) & (found > 0), found, 1.0).min(initial=1.0)
    scale = Scale(True, float(np.log10(lowest)) - 0.15, float(np.log10(_HIGHEST_LOSS)))
    threshold = min((one.threshold for _name, one in trained), default=1.0)
    return laws_figure(
        curves,
        x={
            "title": {"text": _("learning rate η")},
            "range": [float(np.log10(rates[0])) - 0.1, float(np.log10(rates[-1])) + 0.1],
            "tickprefix": "10<sup>",
            "ticksuffix": "</sup>",
            "dtick": 1,
            "unifiedhovertitle": {"text": "<b>η = 10<sup>%{x:.2f}</sup></b>"},
        },
        y_title=_("loss after the steps"),
        mode=mode,
        scale=scale,
        y={
            "tickvals": [float(np.log10(loss)) for loss in _LOSS_TICKS],
            "ticktext": [number(loss) for loss in _LOSS_TICKS],
            "tickprefix": "",
            "ticksuffix": "",
        },
        notes=[
            _("◯ largest η that trains"),
            _("┄ loss below which a network has trained"),
            _("losses beyond {most} leave the figure").format(most=number(_HIGHEST_LOSS)),
        ],
        more=draw_rings(rates, trained, mode),
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": float(np.log10(threshold)),
                "y1": float(np.log10(threshold)),
                "line": {"color": PALETTES[mode].muted, "width": 2, "dash": "dot"},
                "layer": "below",
            }
        ],
    )


def draw_rings(rates: FloatArray, trained: Sequence[Named], mode: Mode) -> list[dict[str, Any]]:
    """A ring around the largest learning rate that trains, for every line that has one."""
    found = [
        (float(np.log10(one.largest)), float(np.log10(one.losses[rates == one.largest][0])), look)
        for (_name, one), look in zip(trained, styles(mode), strict=False)
        if np.isfinite(one.largest)
    ]
    if not found:
        return []
    x, y, looks = zip(*found, strict=True)
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "largest",
            "showlegend": False,
            "hoverinfo": "skip",
            "x": list(x),
            "y": list(y),
            "marker": {
                "symbol": "circle-open",
                "size": 20,
                "color": [look.colour for look in looks],
                "line": {"width": 3, "color": [look.colour for look in looks]},
            },
        }
    ]
