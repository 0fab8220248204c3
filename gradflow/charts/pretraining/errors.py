"""The reconstruction error of a stack while its layers are trained one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, empty_figure, make_legend, make_note
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, Style, list_styles
from gradflow.core.numbers import format_number
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.pretraining.greedy import TrainedLayer


def errors_figure(layers: Sequence[TrainedLayer], *, mode: Mode = "light") -> go.Figure:
    """Draw the mean squared error of reconstructing a layer's own input, on a log axis.

    The x axis holds the epochs of all layers, in the order in which they were trained.

    Args:
        layers: errors of each layer.
        mode: for a light or a dark page.
    """
    errors = {
        _("trained on"): [layer.error for layer in layers],
        _("held out"): [layer.held_out_error for layer in layers],
    }
    series = [Series(name, *join_epochs(values)) for name, values in errors.items()]
    scale = Scale.fit(series, log=True)
    if not any(np.isfinite(scale.to_axis(line.values)).any() for line in series):
        return empty_figure(_("The error is not finite: there is nothing to draw"), mode=mode)
    data = [
        _draw_line(line, _write_hover(line.name, errors[line.name]), scale, style)
        for line, style in zip(series, list_styles(mode), strict=False)
    ]
    epochs = len(layers[0].error) - 1
    return build_figure(data, _lay_out(len(layers), epochs, scale, mode), mode)


def join_epochs(errors: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Put the epochs of all layers in a row, and the errors; NaN between layers.

    A layer begins at the epoch at which the one below it ended.
    """
    epochs = len(errors[0]) - 1
    x = [np.append(np.arange(len(e)) + i * epochs, np.nan) for i, e in enumerate(errors)]
    y = [np.append(e, np.nan) for e in errors]
    return np.concatenate(x)[:-1], np.concatenate(y)[:-1]


def _write_hover(name: str, errors: Sequence[FloatArray]) -> list[str]:
    """Write one text per epoch, and none for each gap between layers."""
    texts: list[str] = []
    for layer, values in enumerate(errors, start=1):
        texts += [
            _("layer {layer} after epoch {epoch}, {name}: {error}").format(
                layer=layer, epoch=epoch, name=name, error=format_number(values[epoch])
            )
            for epoch in range(len(values))
        ]
        texts.append("")
    return texts[:-1]


def _draw_line(line: Series, texts: list[str], scale: Scale, style: Style) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": line.name,
        "mode": "lines+markers",
        "x": line.layers,
        "y": scale.to_axis(line.values),
        "hovertext": texts,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "line": {"color": style.colour, "dash": style.dash, "width": 2.5},
        "marker": {"symbol": style.symbol, "size": 6, "color": style.colour},
    }


def _lay_out(count: int, epochs: int, scale: Scale, mode: Mode) -> dict[str, Any]:
    """Lay out ``count`` layers of ``epochs`` epochs, with dotted lines between them."""
    inner = _choose_ticks(epochs, most=max(1, 16 // count))
    return {
        "height": 380,
        "margin": {"l": 84, "r": 24, "t": 70, "b": 56},
        "dragmode": False,
        "hovermode": "closest",
        "legend": make_legend() | {"y": 1.1},
        "showlegend": True,
        "xaxis": {
            "range": [-0.02 * count * epochs, 1.01 * count * epochs],
            "tickvals": [0, *(i * epochs + e for i in range(count) for e in inner)],
            "ticktext": ["0", *(str(e) for _i in range(count) for e in inner)],
            "tickangle": 0,
            "showgrid": False,
            "title": {"text": _("epoch of the layer")},
        },
        "yaxis": scale.make_axis(_("reconstruction error")),
        "shapes": [
            {
                "type": "line",
                "x0": i * epochs,
                "x1": i * epochs,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"color": PALETTES[mode].muted, "width": 1, "dash": "dot"},
                "layer": "below",
            }
            for i in range(1, count)
        ],
        "annotations": [
            make_note(
                _("layer {n}").format(n=i + 1),
                (i + 0.5) * epochs,
                1,
                xref="x",
                xanchor="center",
                font={"size": TEXT_SIZE, "color": PALETTES[mode].muted},
            )
            for i in range(count)
        ],
    }


def _choose_ticks(epochs: int, most: int) -> list[int]:
    """Choose about ``most`` round epochs of a layer, the last one among them."""
    step = next(s for s in (1, 2, 5, 10, 15, 30) if epochs / s <= most)
    ticks = [e for e in range(step, epochs + 1, step) if e == epochs or epochs - e >= 0.7 * step]
    return ticks if ticks[-1] == epochs else [*ticks, epochs]
