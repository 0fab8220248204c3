"""The reconstruction error of a stack while its layers are trained one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build, empty_figure, legend, note
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, number, styles
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.pretraining.greedy import TrainedLayer


def join_epochs(errors: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Epochs of all layers in a row, and the errors; NaN between layers.

    A layer begins at the epoch at which the one below it ended.
    """
    epochs = len(errors[0]) - 1
    x = [np.append(np.arange(len(e)) + i * epochs, np.nan) for i, e in enumerate(errors)]
    y = [np.append(e, np.nan) for e in errors]
    return np.concatenate(x)[:-1], np.concatenate(y)[:-1]


def errors_figure(layers: Sequence[TrainedLayer], *, mode: Mode = "light") -> go.Figure:
    """Mean squared error of reconstructing a layer's own input, over the epochs of all layers.

    The layers stand in the order in which they were trained; log axis.
    """
    lines = [
        (_("trained on"), join_epochs([one.error for one in layers])),
        (_("held out"), join_epochs([one.held_out_error for one in layers])),
    ]
    scale = Scale.fitting([Series(name, x, y) for name, (x, y) in lines], log=True)
    if not any(np.isfinite(scale.drawn(y)).any() for _name, (_x, y) in lines):
        return empty_figure(_("The error is not finite: there is nothing to draw"), mode=mode)
    epochs = len(layers[0].error) - 1
    data: list[dict[str, Any]] = []
    for (name, (x, y)), style in zip(lines, styles(mode), strict=False):
        texts = [
            _("layer {layer} after epoch {epoch}, {name}: {error}").format(
                layer=i + 1, epoch=epoch, name=name, error=number(values[epoch])
            )
            for i, one in enumerate(layers)
            for values in [one.error if name == lines[0][0] else one.held_out_error]
            for epoch in (*range(epochs + 1), -1)
        ][:-1]
        data.append(
            {
                "type": "scatter",
                "name": name,
                "mode": "lines+markers",
                "x": x,
                "y": scale.drawn(y),
                "hovertext": texts,
                "hovertemplate": "%{hovertext}<extra></extra>",
                "line": {"color": style.colour, "dash": style.dash, "width": 2.5},
                "marker": {"symbol": style.symbol, "size": 6, "color": style.colour},
            }
        )
    return build(data, _lay_out(len(layers), epochs, scale, mode), mode)


def _lay_out(count: int, epochs: int, scale: Scale, mode: Mode) -> dict[str, Any]:
    palette = PALETTES[mode]
    step = next(s for s in (1, 2, 5, 10, 15, 30) if epochs / s <= max(1, 16 // count))
    inner = [e for e in range(step, epochs + 1, step) if e == epochs or epochs - e >= 0.7 * step]
    if inner[-1] != epochs:
        inner.append(epochs)
    ticks = [0, *(i * epochs + e for i in range(count) for e in inner)]
    return {
        "height": 380,
        "margin": {"l": 84, "r": 24, "t": 70, "b": 56},
        "dragmode": False,
        "hovermode": "closest",
        "legend": legend() | {"y": 1.1},
        "showlegend": True,
        "xaxis": {
            "range": [-0.02 * count * epochs, 1.01 * count * epochs],
            "tickvals": ticks,
            "ticktext": ["0", *(str(e) for _i in range(count) for e in inner)],
            "tickangle": 0,
            "showgrid": False,
            "title": {"text": _("epoch of the layer")},
        },
        "yaxis": scale.axis(_("reconstruction error")),
        "shapes": [
            {
                "type": "line",
                "x0": i * epochs,
                "x1": i * epochs,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"color": palette.muted, "width": 1, "dash": "dot"},
                "layer": "below",
            }
            for i in range(1, count)
        ],
        "annotations": [
            note(
                _("layer {n}").format(n=i + 1),
                (i + 0.5) * epochs,
                1,
                xref="x",
                xanchor="center",
                font={"size": TEXT_SIZE, "color": palette.muted},
            )
            for i in range(count)
        ],
    }
