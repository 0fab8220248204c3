"""Loss after a short training, against the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray
from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.charts.series import Scale
from gradflow.charts.theme import PALETTES, Mode, list_styles
from gradflow.core.numbers import format_number
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization_effects.rates import RateSweep

_LOSS_TICKS = (1e-3, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_HIGHEST_LOSS = 30.0
"""Higher losses leave the figure: by how much a training diverged is of no interest."""


def learning_rates_figure(
    rates: FloatArray, trained: Sequence[tuple[str, RateSweep]], *, mode: Mode = "light"
) -> go.Figure:
    """Draw the loss after the steps over η, both on log axes.

    A ring marks the largest η that trains, a dotted line the loss below which a network has
    trained.

    Args:
        rates: the learning rates η.
        trained: name of each network, and its losses.
        mode: for a light or a dark page.
    """
    losses = np.concatenate([network.losses for _name, network in trained] or [np.zeros(0)])
    lowest = np.where(np.isfinite(losses) & (losses > 0), losses, 1.0).min(initial=1.0)
    threshold = float(np.log10(min((network.threshold for _name, network in trained), default=1.0)))
    return laws_figure(
        [LawCurve(name, np.log10(rates), network.losses) for name, network in trained],
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
        scale=Scale(True, float(np.log10(lowest)) - 0.15, float(np.log10(_HIGHEST_LOSS))),
        y={
            "tickvals": [float(np.log10(loss)) for loss in _LOSS_TICKS],
            "ticktext": [format_number(loss) for loss in _LOSS_TICKS],
            "tickprefix": "",
            "ticksuffix": "",
        },
        notes=[
            _("◯ largest η that trains"),
            _("┄ loss below which a network has trained"),
            _("losses beyond {most} leave the figure").format(most=format_number(_HIGHEST_LOSS)),
        ],
        more=draw_rings(rates, trained, mode),
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": threshold,
                "y1": threshold,
                "line": {"color": PALETTES[mode].muted, "width": 2, "dash": "dot"},
                "layer": "below",
            }
        ],
    )


def draw_rings(
    rates: FloatArray, trained: Sequence[tuple[str, RateSweep]], mode: Mode
) -> list[dict[str, Any]]:
    """Draw a ring around the largest learning rate that trains, on every line that has one."""
    x, y, colours = [], [], []
    for (_name, network), style in zip(trained, list_styles(mode), strict=False):
        if np.isfinite(network.largest):
            x.append(float(np.log10(network.largest)))
            y.append(float(np.log10(network.losses[rates == network.largest][0])))
            colours.append(style.colour)
    if not x:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "largest",
            "showlegend": False,
            "hoverinfo": "skip",
            "x": x,
            "y": y,
            "marker": {
                "symbol": "circle-open",
                "size": 20,
                "color": colours,
                "line": {"width": 3, "color": colours},
            },
        }
    ]
