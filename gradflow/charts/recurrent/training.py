"""A short training: the loss of each cell, and its gradient through time as it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, choose_layer_ticks, empty_figure
from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode
from gradflow.core.numbers import format_power
from gradflow.core.text import _

HEATMAP_HEIGHT = 380
_MOST_DECADES = 6.0
"""At most this many decades below the largest norm have shades of their own."""


def training_loss_figure(
    losses: Sequence[tuple[str, FloatArray, FloatArray]],
    *,
    steps: int,
    baseline: tuple[str, float] | None = None,
    mode: Mode = "light",
) -> go.Figure:
    """Draw the loss on a held-out batch over the steps, on a log axis.

    Args:
        losses: name, steps done and losses of each cell.
        steps: how many there will be.
        baseline: name and loss of knowing nothing, dotted.
        mode: for a light or a dark page.
    """
    curves = [LawCurve(name, x, values) for name, x, values in losses]
    series = [curve.series for curve in curves]
    if baseline is not None:
        series.append(Series("", np.zeros(1), np.array([baseline[1]])))
    scale = Scale.fit(series, log=True)
    return laws_figure(
        curves,
        x={
            "title": {"text": _("training steps")},
            "range": [-0.01 * steps, 1.01 * steps],
            "unifiedhovertitle": {"text": f"<b>%{{x}} {_('steps')}</b>"},
        },
        y_title=_("held-out loss"),
        mode=mode,
        scale=scale,
        more=_draw_level(*baseline, steps, mode) if baseline else (),
    )


def _draw_level(name: str, loss: float, steps: int, mode: Mode) -> list[dict[str, Any]]:
    y = float(np.log10(loss))
    return [
        {
            "type": "scatter",
            "name": name,
            "mode": "lines",
            "x": [0, steps],
            "y": [y, y],
            "hoverinfo": "skip",
            "line": {"color": PALETTES[mode].muted, "width": 2.5, "dash": "dot"},
        }
    ]


def training_gradient_figure(
    steps: FloatArray, norms: FloatArray, symbol: str, *, mode: Mode = "light"
) -> go.Figure:
    """Draw log10 of ‖∂L/∂s_t‖ as shades, relative to the last time step.

    Training goes to the right, time upwards.

    Args:
        steps: training steps done, ``(moments,)``.
        norms: ``(T, moments)``; time step 1 is at the bottom.
        symbol: of the state, for the hover.
        mode: for a light or a dark page.
    """
    if not norms.size:
        return empty_figure(_("Nothing was recorded yet"), mode=mode)
    length = norms.shape[0]
    layout = {
        "height": HEATMAP_HEIGHT,
        "margin": {"l": 84, "r": 20, "t": 16, "b": 62},
        "dragmode": False,
        "xaxis": {"title": {"text": _("training steps")}, "showgrid": False},
        "yaxis": {
            "title": {"text": _("time step t")},
            "showgrid": False,
            "tickvals": choose_layer_ticks(length),
            "range": [0.5, length + 0.5],
        },
    }
    return build_figure([_draw_heatmap(steps, norms, symbol, mode)], layout, mode)


def shape_gradient(norms: FloatArray) -> FloatArray:
    """Take log10 of norms relative to the last time step.

    −∞ where a norm is 0, NaN where it is not a number.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        shades: FloatArray = np.log10(norms / norms[-1])
    return shades


def _draw_heatmap(steps: FloatArray, norms: FloatArray, symbol: str, mode: Mode) -> dict[str, Any]:
    shades = shape_gradient(norms)
    low, high = -1.0, 0.0
    if np.isfinite(shades).any():
        low, high = max(-_MOST_DECADES, float(np.nanmin(shades))), float(np.nanmax(shades))
    ticks = [float(v) for v in range(int(np.floor(low)), 1)]
    return {
        "type": "heatmap",
        "x": steps,
        "y0": 1,
        "dy": 1,
        "z": np.maximum(shades, low).astype(np.float32),
        "customdata": norms.astype(np.float32),
        "zmin": low - 0.01 * abs(low),  # the scale is transparent at its very end
        "zmax": max(0.0, high),
        "colorscale": PALETTES[mode].backward_scale,
        "colorbar": {
            "thickness": 14,
            "outlinewidth": 0,
            "tickvals": ticks,
            "ticktext": [format_power(round(tick)) if tick else "1" for tick in ticks],
            "tickfont": {"size": TEXT_SIZE - 1},
            "title": {"text": _("relative to t = T"), "side": "right"},
        },
        "hoverongaps": False,
        "hovertemplate": (
            _("after {steps} training steps, t = {t}").format(steps="%{x}", t="%{y}")
            + f"<br>‖∂L/∂{symbol}‖ %{{customdata:.3~g}}<br>"
            + _("relative to the last step: {power}").format(power="10<sup>%{z:.2f}</sup>")
            + "<extra></extra>"
        ),
    }
