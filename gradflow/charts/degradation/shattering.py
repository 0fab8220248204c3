"""Gradients as functions of one input, with noises, and their correlation at two inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import (
    FloatArray,
    build_figure,
    empty_figure,
    make_layer_axis,
    make_note,
)
from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.charts.series import Scale
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.degradation.pairs import Correlation
    from gradflow.core.teaching.degradation.shattering import Landscape

_ROW_HEIGHT = 112
_ROW_FILL = 0.36
"""Share of a row's height that its largest value reaches on each side of its middle."""
_SMALLEST_CORRELATION = 1e-3
"""Correlations below are smaller than the noise of the measurement."""


class LandscapeRow(NamedTuple):
    """One gradient to draw.

    Attributes:
        name: written into the row.
        landscape: the gradient.
        is_noise: whether it is a noise and no network's gradient.
    """

    name: str
    landscape: Landscape
    is_noise: bool


def landscapes_figure(
    x: FloatArray, rows: Sequence[LandscapeRow], *, mode: Mode = "light"
) -> go.Figure:
    """Draw one row per gradient df/dx over x, each scaled to its largest value; noises in grey."""
    if not rows:
        return empty_figure(_("Nothing was computed: no gradients to draw"), mode=mode)
    palette = PALETTES[mode]
    heights = stack_landscapes([row.landscape for row in rows])
    networks = [line for line, row in zip(heights, rows, strict=True) if not row.is_noise]
    noises = [line for line, row in zip(heights, rows, strict=True) if row.is_noise]
    data = [
        *_draw_lines(_("network"), x, networks, palette.backward),
        *_draw_lines(_("noise"), x, noises, palette.muted),
    ]
    layout: dict[str, Any] = {
        "height": _ROW_HEIGHT * len(rows) + 60,
        "margin": {"l": 24, "r": 24, "t": 10, "b": 56},
        "dragmode": False,
        "hovermode": False,
        "showlegend": False,
        "xaxis": {
            "title": {"text": _("input x")},
            "range": [float(x[0]), float(x[-1])],
            "showgrid": False,
        },
        "yaxis": {
            "range": [-len(rows) + 0.5, 0.62],
            "tickvals": [-float(i) for i in range(len(rows))],
            "showticklabels": False,
            "ticks": "",
        },
        "annotations": [_write_name(i, row, mode) for i, row in enumerate(rows)],
    }
    return build_figure(data, layout, mode)


def stack_landscapes(landscapes: Sequence[Landscape]) -> list[FloatArray]:
    """Scale each gradient to its row: row i has its zero at −i."""
    return [
        _ROW_FILL * landscape.gradient / max(float(np.abs(landscape.gradient).max()), 1e-300) - i
        for i, landscape in enumerate(landscapes)
    ]


def _draw_lines(
    name: str, x: FloatArray, lines: Sequence[FloatArray], colour: str
) -> list[dict[str, Any]]:
    """Draw all lines as one trace, with gaps between them."""
    if not lines:
        return []
    gap = np.array([np.nan])
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "hoverinfo": "skip",
            "x": np.concatenate([x, gap] * len(lines)).astype(np.float32),
            "y": np.concatenate([part for y in lines for part in (y, gap)]).astype(np.float32),
            "line": {"color": colour, "width": 1.8},
        }
    ]


def _write_name(i: int, row: LandscapeRow, mode: Mode) -> dict[str, Any]:
    """Write the name of row i above its line."""
    colour = PALETTES[mode].muted if row.is_noise else PALETTES[mode].ink
    font = {"size": TEXT_SIZE, "color": colour}
    return make_note(f"<b>{row.name}</b>", 0, -i + 0.37, yref="y", font=font)


def autocorrelation_figure(
    step: float, rows: Sequence[LandscapeRow], *, mode: Mode = "light"
) -> go.Figure:
    """Draw the correlation of the gradients at two inputs over the distance between them.

    Args:
        step: distance between neighbouring points of the grid.
        rows: the gradients and noises.
        mode: for a light or a dark page.
    """
    curves = [
        LawCurve(name, step * np.arange(float(len(landscape.correlation))), landscape.correlation)
        for name, landscape, _is_noise in rows
    ]
    lowest = min((float(curve.values.min()) for curve in curves), default=0.0)
    last = max((float(curve.x[-1]) for curve in curves), default=1.0)
    return laws_figure(
        curves,
        x={
            "title": {"text": _("distance |x − x′| of the two inputs")},
            "range": [-0.01 * last, 1.01 * last],
            "unifiedhovertitle": {"text": f"<b>{_('distance')} %{{x:.3f}}</b>"},
        },
        y_title=_("correlation of df/dx"),
        mode=mode,
        scale=Scale(False, min(lowest, 0.0) - 0.05, 1.05),
    )


def pairs_figure(
    correlations: Sequence[tuple[str, Correlation]], *, mode: Mode = "light"
) -> go.Figure:
    """Draw the correlation of the gradients at two inputs over the layers, on a log axis.

    The law of wide networks is dashed.

    Args:
        correlations: name of each kind of connection, and its correlations.
        mode: for a light or a dark page.
    """
    return laws_figure(
        make_pair_curves(correlations),
        x=make_layer_axis(
            max((len(correlation.measured) for _name, correlation in correlations), default=1),
            title={"text": _("layers L")},
            unifiedhovertitle={"text": f"<b>%{{x}} {_('layers')}</b>"},
        ),
        y_title=_("correlation of the gradients"),
        mode=mode,
        scale=Scale(True, float(np.log10(_SMALLEST_CORRELATION)), 0.1),
        law=_("law of wide networks"),
    )


def make_pair_curves(correlations: Sequence[tuple[str, Correlation]]) -> list[LawCurve]:
    """Make one curve per kind of connection; it ends where it first falls into the noise."""
    curves = []
    for name, correlation in correlations:
        measured = correlation.measured
        layers = np.arange(1.0, len(measured) + 1)
        lost = np.flatnonzero(measured < 2 * correlation.noise)
        end = lost[0] if len(lost) else len(layers)
        curves.append(LawCurve(name, layers[:end], measured[:end], correlation.law, layers))
    return curves
