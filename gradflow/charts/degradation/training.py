"""Plain networks of 20 and of 56 layers in training, beside networks with shortcuts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import FloatArray, build_figure, make_legend, make_note
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, list_styles
from gradflow.core.numbers import format_number
from gradflow.core.text import _

HEIGHT = 460
_LEFT, _RIGHT = (0.0, 0.56), (0.66, 1.0)
_GUESSING = math.log(10)
"""The loss of giving each of the ten classes the same probability."""
_TOP = 3.0
"""The end of the loss axis; a loss may begin above it."""


@dataclass(frozen=True, eq=False)
class TrainedCurve:
    """One network.

    Attributes:
        name: for the legend.
        family: index of its colour, that of its connections.
        is_deep: whether it is the deeper one of its family; its line is solid.
        losses: the smoothed loss of every step.
        norms: ‖∂L/∂z_l‖ / ‖∂L/∂z_L‖ before training.
    """

    name: str
    family: int
    is_deep: bool
    losses: FloatArray
    norms: FloatArray


def deeper_figure(
    curves: Sequence[TrainedCurve], steps: int, *, with_norms: bool, mode: Mode = "light"
) -> go.Figure:
    """Draw the training loss of every network, and perhaps the gradient they began with.

    Args:
        curves: the networks, as far as they are known.
        steps: of a whole training.
        with_norms: whether the gradient is drawn, too; it answers the page's question.
        mode: for a light or a dark page.
    """
    palette = PALETTES[mode]
    losses, norms = PanelAxes(0), PanelAxes(1)
    data: list[dict[str, Any]] = []
    for curve in curves:
        data.append(_draw_losses(curve, losses, mode))
        if with_norms:
            data.append(_draw_norms(curve, norms, mode))
    guessing = {"color": palette.muted, "width": 1.5, "dash": "dot"}
    titles = [(_("training loss"), _LEFT)]
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 76, "r": 16, "t": 84, "b": 60},
        "dragmode": False,
        "legend": make_legend() | {"y": 1.1},
        "showlegend": True,
        "shapes": [
            {
                "type": "line",
                "x0": 1,
                "x1": steps,
                "y0": _GUESSING,
                "y1": _GUESSING,
                "line": guessing,
            }
        ],
        losses.x_key: {
            "domain": _LEFT if with_norms else (0.0, 1.0),
            "anchor": losses.y,
            "title": {"text": _("step")},
            "range": [0, steps + 1],
            "showgrid": False,
        },
        losses.y_key: {"anchor": losses.x, "range": [0, _TOP]},
    }
    if with_norms:
        titles.append((_("before training: ‖∂L/∂z<sub>l</sub>‖ / ‖∂L/∂z<sub>L</sub>‖"), _RIGHT))
        layout |= {
            norms.x_key: {
                "domain": _RIGHT,
                "anchor": norms.y,
                "title": {"text": _("place in the network, input to loss")},
                "range": [-0.02, 1.02],
                "tickvals": [0, 0.5, 1],
                "ticktext": ["0", "½", "1"],
                "showgrid": False,
            },
            norms.y_key: {
                "anchor": norms.x,
                "tickprefix": "10<sup>",
                "ticksuffix": "</sup>",
                "dtick": 1,
            },
        }
    notes = [
        make_note(f"<b>{title}</b>", place[0], 1.01, font={"size": TITLE_SIZE})
        for title, place in titles
    ]
    guess = make_note(
        _("guessing"),
        steps,
        _GUESSING,
        xref="x",
        yref="y",
        xanchor="right",
        font={"size": TEXT_SIZE, "color": palette.muted},
    )
    return build_figure(data, layout | {"annotations": [*notes, guess]}, mode)


def _make_look(curve: TrainedCurve, mode: Mode) -> dict[str, Any]:
    style = list_styles(mode)[curve.family]
    return {
        "color": style.colour,
        "width": 4 if curve.is_deep else 2.5,
        "dash": "solid" if curve.is_deep else "dash",
    }


def _draw_losses(curve: TrainedCurve, axes: PanelAxes, mode: Mode) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": curve.name,
        "legendgroup": curve.name,
        "x": np.arange(1.0, len(curve.losses) + 1),
        "y": curve.losses,
        "line": _make_look(curve, mode),
        "hovertext": [
            _("{name}: loss {loss}").format(name=curve.name, loss=format_number(loss))
            for loss in curve.losses.tolist()
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        **axes.trace_keys,
    }


def _draw_norms(curve: TrainedCurve, axes: PanelAxes, mode: Mode) -> dict[str, Any]:
    count = len(curve.norms)
    with np.errstate(divide="ignore"):
        heights = np.log10(curve.norms)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": curve.name,
        "legendgroup": curve.name,
        "showlegend": False,
        "x": np.arange(count) / max(count - 1, 1),
        "y": heights,
        "line": _make_look(curve, mode),
        "hovertext": [
            _("{name}, layer {layer}: {ratio}").format(
                name=curve.name, layer=layer, ratio=format_number(ratio)
            )
            for layer, ratio in enumerate(curve.norms.tolist(), start=1)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        **axes.trace_keys,
    }
