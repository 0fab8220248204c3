"""What a layer's variance of weights does to the signal and to the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, make_legend, make_note
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode
from gradflow.core.numbers import format_number
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.initialization.variance import LayerNumbers

HEIGHT = 440
_LOW, _HIGH = -2.0, 2.0
"""log10 of the factors at the ends of the axis."""
_ROWS = 3
"""Names of laws stand in so many rows, so that neighbours do not meet."""


def variance_figure(
    numbers: LayerNumbers,
    fans: tuple[int, int],
    laws: Mapping[str, tuple[str, float]],
    chosen: str,
    *,
    backward: bool,
    mode: Mode = "light",
) -> go.Figure:
    """Draw the factors of signal and gradient over Var(W), both on log axes.

    Args:
        numbers: of the layer with the chosen law; its measured factors are diamonds.
        fans: n_in and n_out.
        laws: name and variance of each law that is marked, by code.
        chosen: the code of the law whose factors were measured.
        backward: whether the gradient's line is drawn, too.
        mode: for a light or a dark page.
    """
    palette = PALETTES[mode]
    spread = [np.log10(variance) for _name, variance in laws.values()]
    reach = np.array([min(spread) - 0.5, max(spread) + 0.5])
    lines = [(_("signal: n_in·Var(W)·E φ²"), fans[0] * numbers.power, palette.forward, "circle")]
    points = [numbers.measured_forward]
    if backward:
        name = _("gradient: n_out·Var(W)·E φ′²")
        lines.append((name, fans[1] * numbers.slope, palette.backward, "diamond"))
        points.append(numbers.measured_backward)
    data: list[dict[str, Any]] = []
    for (name, slope, colour, symbol), measured in zip(lines, points, strict=True):
        data += _draw_line(name, slope, colour, reach)
        data.append(_draw_point(name, numbers.variance, measured, (colour, symbol), mode))
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 84, "r": 24, "t": 44, "b": 62},
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": {
            "title": {"text": _("Var(W)")},
            "range": reach.tolist(),
            "tickprefix": "10<sup>",
            "ticksuffix": "</sup>",
            "dtick": 1,
            "showgrid": False,
        },
        "yaxis": {
            "title": {"text": _("factor of the mean square")},
            "range": [_LOW, _HIGH],
            "tickvals": [-2, -1, 0, 1, 2],
            "ticktext": ["0.01", "0.1", "1", "10", "100"],
        },
        "shapes": [_draw_level(mode), *_draw_laws(laws, chosen, mode)],
        "annotations": _name_laws(laws, chosen, mode),
    }
    return build_figure(data, layout, mode)


def _draw_line(name: str, slope: float, colour: str, reach: FloatArray) -> list[dict[str, Any]]:
    """Draw the factor slope·Var(W), a straight line on log axes."""
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": reach,
            "y": reach + np.log10(slope),
            "line": {"color": colour, "width": 3},
            "hoverinfo": "skip",
        }
    ]


def _draw_point(
    name: str, variance: float, measured: float, look: tuple[str, str], mode: Mode
) -> dict[str, Any]:
    colour, symbol = look
    text = _("{name}: measured {value} at Var(W) = {variance}").format(
        name=name, value=format_number(measured), variance=format_number(variance)
    )
    return {
        "type": "scatter",
        "mode": "markers",
        "name": _("measured"),
        "showlegend": False,
        "x": [np.log10(variance)],
        "y": [np.log10(measured)],
        "hovertext": [text],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "symbol": symbol,
            "size": 15,
            "color": PALETTES[mode].page,
            "line": {"color": colour, "width": 3.5},
        },
    }


def _draw_level(mode: Mode) -> dict[str, Any]:
    """Draw the line of factor 1, which keeps everything as it is."""
    line = {"color": PALETTES[mode].ink, "width": 2}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": line}


def _draw_laws(
    laws: Mapping[str, tuple[str, float]], chosen: str, mode: Mode
) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    return [
        {
            "type": "line",
            "yref": "paper",
            "x0": np.log10(variance),
            "x1": np.log10(variance),
            "y0": 0,
            "y1": 1,
            "line": {
                "color": palette.ink if code == chosen else palette.muted,
                "width": 3 if code == chosen else 1.5,
                "dash": "solid" if code == chosen else "dot",
            },
        }
        for code, (_name, variance) in laws.items()
    ]


def _name_laws(
    laws: Mapping[str, tuple[str, float]], chosen: str, mode: Mode
) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    order = sorted(laws, key=lambda code: laws[code][1])
    notes = []
    for place, code in enumerate(order):
        name, variance = laws[code]
        text = f"<b>{name}</b>" if code == chosen else name
        colour = palette.ink if code == chosen else palette.muted
        notes.append(
            make_note(
                text,
                float(np.log10(variance)),
                0.02 + 0.075 * (place % _ROWS),
                xref="x",
                xshift=4,
                font={"size": TEXT_SIZE, "color": colour},
                bgcolor=palette.page,
            )
        )
    return notes
