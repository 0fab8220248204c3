"""Gradients as functions of one input, beside noise, and how alike they are at two inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build, empty_figure, layer_axis, note
from gradflow.charts.laws import Curve, laws_figure
from gradflow.charts.series import Scale
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.degradation.pairs import Correlation
    from gradflow.core.teaching.degradation.shattering import Landscape

LandscapeRow = tuple[str, "Landscape", bool]
"""Name, gradient, and whether it is a noise."""
_ROW_HEIGHT = 112
_ROW_FILL = 0.36
"""Of a row's height, what the largest value of a row reaches on each side of its middle."""
_SMALLEST_CORRELATION = 1e-3
"""Correlations below are smaller than the noise of the measurement."""


def landscapes_figure(
    x: FloatArray, rows: Sequence[LandscapeRow], *, mode: Mode = "light"
) -> go.Figure:
    """One row per gradient df/dx over x, each scaled to its largest value; noises in grey."""
    if not rows:
        return empty_figure(_("Nothing was computed: no gradients to draw"), mode=mode)
    palette = PALETTES[mode]
    heights = stack_landscapes([one for _name, one, _noise in rows])
    data: list[dict[str, Any]] = []
    for noise, name, colour in (
        (False, _("network"), palette.backward),
        (True, _("noise"), palette.muted),
    ):
        chosen = [values for values, row in zip(heights, rows, strict=True) if row[2] is noise]
        if not chosen:
            continue
        gap = np.array([np.nan])
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "hoverinfo": "skip",
                "x": np.concatenate([part for _one in chosen for part in (x, gap)]).astype(
                    np.float32
                ),
                "y": np.concatenate([p for one in chosen for p in (one, gap)]).astype(np.float32),
                "line": {"color": colour, "width": 1.8},
            }
        )
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
        "annotations": [
            note(
                f"<b>{name}</b>",
                0,
                -i + 0.37,
                yref="y",
                font={"size": TEXT_SIZE, "color": palette.muted if noise else palette.ink},
            )
            for i, (name, _one, noise) in enumerate(rows)
        ],
    }
    return build(data, layout, mode)


def stack_landscapes(landscapes: Sequence[Landscape]) -> list[FloatArray]:
    """Each gradient in its row: row i has its zero at −i."""
    return [
        _ROW_FILL * one.gradient / max(float(np.abs(one.gradient).max()), 1e-300) - i
        for i, one in enumerate(landscapes)
    ]


def autocorrelation_figure(
    step: float, rows: Sequence[LandscapeRow], *, mode: Mode = "light"
) -> go.Figure:
    """Correlation of the gradients at two inputs over the distance between them."""
    curves = [
        Curve(name, step * np.arange(float(len(one.correlation))), one.correlation)
        for name, one, _noise in rows
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


def pairs_figure(found: Sequence[tuple[str, Correlation]], *, mode: Mode = "light") -> go.Figure:
    """Correlation of the gradients at two inputs over the layers, on a log axis; laws dashed."""
    curves = make_pair_curves(found)
    return laws_figure(
        curves,
        x=layer_axis(
            max((len(one.measured) for _name, one in found), default=1),
            title={"text": _("layers L")},
            unifiedhovertitle={"text": f"<b>%{{x}} {_('layers')}</b>"},
        ),
        y_title=_("correlation of the gradients"),
        mode=mode,
        scale=Scale(True, float(np.log10(_SMALLEST_CORRELATION)), 0.1),
        law=_("law of wide networks"),
    )


def make_pair_curves(found: Sequence[tuple[str, Correlation]]) -> list[Curve]:
    """One curve per kind of connection; a line ends where it first falls into the noise."""
    curves = []
    for name, one in found:
        layers = np.arange(1.0, len(one.measured) + 1)
        lost = np.flatnonzero(one.measured < 2 * one.noise)
        end = lost[0] if len(lost) else len(layers)
        curves.append(Curve(name, layers[:end], one.measured[:end], one.law, layers))
    return curves
