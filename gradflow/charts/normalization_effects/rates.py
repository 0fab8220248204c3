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
_ROW = 0.17
"""Height of a row of crosses, in decades."""


def learning_rates_figure(
    rates: FloatArray, trained: Sequence[tuple[str, RateSweep]], *, mode: Mode = "light"
) -> go.Figure:
    """Draw the loss after the steps over η, both on log axes, as the median over the seeds.

    A ring marks the median of the largest η that trains, with a bar over its range; a dotted line
    the loss below which a network has trained. Where the median diverges stands a cross, in a row
    per network that has its name.

    Args:
        rates: the learning rates η.
        trained: name of each network, and its losses.
        mode: for a light or a dark page.
    """
    medians = [network.median for _name, network in trained]
    drawn = [np.isfinite(losses) for losses in medians]
    lowest = min(
        (m[keep & (m > 0)].min(initial=1.0) for m, keep in zip(medians, drawn, strict=True)),
        default=1.0,
    )
    thresholds = [network.threshold.min() for _name, network in trained]
    threshold = float(np.log10(min(thresholds, default=1.0)))
    broken = sum(not keep.all() for keep in drawn)
    highest = float(np.log10(_HIGHEST_LOSS))
    return laws_figure(
        [
            LawCurve(name, np.log10(rates[keep]), losses[keep])
            for (name, _network), losses, keep in zip(trained, medians, drawn, strict=True)
        ],
        x={
            "title": {"text": _("learning rate η")},
            "range": [float(np.log10(rates[0])) - 0.1, float(np.log10(rates[-1])) + 0.1],
            "tickprefix": "10<sup>",
            "ticksuffix": "</sup>",
            "dtick": 1,
            "unifiedhovertitle": {"text": "<b>η = 10<sup>%{x:.2f}</sup></b>"},
        },
        y_title=_("loss after the steps, median"),
        mode=mode,
        scale=Scale(True, float(np.log10(lowest)) - 0.15, highest + broken * _ROW),
        y={
            "tickvals": [float(np.log10(loss)) for loss in _LOSS_TICKS],
            "ticktext": [format_number(loss) for loss in _LOSS_TICKS],
            "tickprefix": "",
            "ticksuffix": "",
        },
        notes=[
            _("◯ largest η that trains: median and range over the seeds"),
            _("┄ loss below which a network has trained"),
            _("✕ NaN or infinite"),
            _("losses beyond {most} leave the figure").format(most=format_number(_HIGHEST_LOSS)),
        ],
        more=[*draw_rings(rates, trained, mode), *_draw_crosses(rates, trained, highest, mode)],
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
    """Draw a ring at the median of the largest learning rate that trains, and a bar over its range.

    The bar begins at the lowest rate where with some seed no rate trains; without a median that
    trains there is neither.
    """
    traces = []
    for (name, network), style in zip(trained, list_styles(mode), strict=False):
        low, median, high = (float(f(network.largest)) for f in (np.min, np.median, np.max))
        if not median:
            continue
        height = float(np.log10(network.median[rates == median][0]))
        ends = np.log10([max(low, float(rates[0])), median, high])
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "largest",
                "legendgroup": name,
                "showlegend": False,
                "hoverinfo": "skip",
                "x": ends,
                "y": [height] * 3,
                "line": {"color": style.colour, "width": 2},
                "marker": {
                    "symbol": ["line-ns-open", "circle-open", "line-ns-open"],
                    "size": [12, 20, 12],
                    "color": style.colour,
                    "line": {"width": 3, "color": style.colour},
                },
            }
        )
    return traces


def _draw_crosses(
    rates: FloatArray, trained: Sequence[tuple[str, RateSweep]], bottom: float, mode: Mode
) -> list[dict[str, Any]]:
    """Draw a row of crosses, named, for every network whose median diverges somewhere."""
    traces: list[dict[str, Any]] = []
    for (name, network), style in zip(trained, list_styles(mode), strict=False):
        x = np.log10(rates[~np.isfinite(network.median)])
        if not len(x):
            continue
        row = bottom + (len(traces) + 0.5) * _ROW
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "name": "crosses",
                "legendgroup": name,
                "showlegend": False,
                "x": x,
                "y": [row] * len(x),
                "text": [f"{name}  ", *[""] * (len(x) - 1)],
                "textposition": "middle left",
                "textfont": {"color": style.colour},
                "hovertext": [f"{name}: {_('NaN or infinite')}"] * len(x),
                "hovertemplate": "%{hovertext}<extra></extra>",
                "marker": {"symbol": "x", "size": 11, "color": style.colour},
            }
        )
    return traces
