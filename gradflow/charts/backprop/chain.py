"""A chain of single units: the factors of the gradient above, the gradient itself below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, make_note
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import (
    PALETTES,
    TEXT_SIZE,
    Mode,
    fade,
    format_number,
    format_power,
    list_styles,
)
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.chain import ChainRun

HEIGHT = 620
UPPER, LOWER = (0.55, 1.0), (0.0, 0.45)
"""Where the two bands lie, as shares of the plot's height."""
BAR = 0.26
"""Width of a bar, in layers."""
THRESHOLD = 100.0
"""A gradient this many times larger or smaller than at the loss has exploded or vanished."""


@dataclass(frozen=True, eq=False)
class Bars:
    """One kind of factor: a signed value per layer; NaN also where there is none."""

    name: str
    layers: FloatArray
    values: FloatArray


def factors(run: ChainRun) -> tuple[Bars, Bars, Bars]:
    """w_{i+1} (the last layer has none), f'(z_i) and their product, by layer."""
    layers = np.arange(1.0, len(run.z) + 1)
    return (
        Bars("|w<sub>i+1</sub>|", layers[:-1], np.array(run.weight_behind[:-1])),
        Bars("|f ′(z<sub>i</sub>)|", layers, np.array(run.slope)),
        Bars(_("their product"), layers, np.array(run.factors)),
    )


def gradients(run: ChainRun) -> tuple[Bars, Bars]:
    """∂L/∂h_{n+1} and g_n … g_1 at the positions n + 1 … 1, and ∂L/∂w_i."""
    layers = np.arange(1.0, len(run.z) + 2)
    return (
        Bars("|g<sub>i</sub>|", layers, np.array([*run.g, run.error])),
        Bars("|∂L/∂w<sub>i</sub>|", layers[:-1], np.array(run.weight_gradients)),
    )


def chain_figure(run: ChainRun, *, chosen: int | None = None, mode: Mode = "light") -> go.Figure:
    """Factors and gradients of a chain on a shared x axis, the input left and the loss right.

    Above, three bars per layer on a logarithmic axis, which start at 1: the length of the third
    is the sum of the first two. Below, |g_i| and |∂L/∂w_i| on a logarithmic axis with the sign
    in the marker; dotted lines at 100 times and 1/100 of the gradient at the loss. Exact zeros
    stand on the floor, infinite values and NaN at the ceiling; neither is dropped.

    Args:
        run: the chain.
        chosen: a layer to mark, from 1.
        mode: for a light or a dark page; the figure's own background is transparent.
    """
    palette, looks = PALETTES[mode], list_styles(mode)
    bars, lines = factors(run), gradients(run)
    limits = _thresholds(run.error)
    upper = Scale.fit([*map(_absolute, bars), Series("", np.ones(1), np.ones(1))], log=True)
    lower = Scale.fit(
        [*map(_absolute, lines), Series("", np.ones(len(limits)), np.array(limits))], log=True
    )
    colours = (looks[0].colour, looks[2].colour, palette.backward)
    data = [_bar_trace(one, i, upper, colours[i], mode) for i, one in enumerate(bars)]
    data += [
        _line_trace(lines[1], lower, looks[3].colour, mode, main=False),
        _line_trace(lines[0], lower, palette.backward, mode, main=True),
    ]
    for i, one in enumerate(bars):
        data += _marks(one, upper, (i - 1) * BAR, "y", colours[i], mode)
    for one, colour in zip(lines, (palette.backward, looks[3].colour), strict=True):
        data += _marks(one, lower, 0.0, "y2", colour, mode)
    count = len(run.z)
    layout = {
        "height": HEIGHT,
        "margin": {"l": 92, "r": 24, "t": 44, "b": 62},
        "barmode": "overlay",
        "bargap": 0,
        "dragmode": False,
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
        "xaxis": {
            "range": [0.45, count + 1.55],
            "tickvals": list(range(1, count + 2)),
            "ticktext": [*map(str, range(1, count + 1)), _("loss")],
            "tickangle": 0,
            "showgrid": False,
            "anchor": "y2",
            "title": {"text": _("layer i   (the gradient runs from right to left)")},
        },
        "yaxis": _axis(upper, _("factor"), UPPER),
        "yaxis2": _axis(lower, _("gradient"), LOWER),
        "shapes": _shapes(limits, chosen, mode),
        "annotations": _labels(limits, [*bars, *lines], mode),
    }
    return build_figure(data, layout, mode)


def _thresholds(error: float) -> tuple[float, ...]:
    size = abs(error)
    usable = size / THRESHOLD > 0 and math.isfinite(size * THRESHOLD)
    return (size / THRESHOLD, size * THRESHOLD) if usable else ()


def _absolute(one: Bars) -> Series:
    return Series(one.name, one.layers, np.abs(one.values))


def _axis(scale: Scale, title: str, domain: tuple[float, float]) -> dict[str, Any]:
    """A log axis with few ticks, each a power of ten."""
    span = scale.high - scale.low
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200) if span / s <= 6.5)
    ticks = [
        step * k for k in range(math.ceil(scale.low / step), math.floor(scale.high / step) + 1)
    ]
    near = {-2: "0.01", -1: "0.1", 0: "1", 1: "10", 2: "100"}
    return {
        "range": [scale.low, scale.high],
        "domain": list(domain),
        "tickvals": ticks,
        "ticktext": [near.get(e, format_power(e)) for e in ticks],
        "title": {"text": title},
        "fixedrange": True,
    }


def _bar_trace(one: Bars, place: int, scale: Scale, colour: str, mode: Mode) -> dict[str, Any]:
    product = place == 2
    drawn = scale.to_axis(np.abs(one.values))
    return {
        "type": "bar",
        "name": one.name,
        "x": one.layers + (place - 1) * BAR,
        "y": drawn,
        "width": BAR * 0.92,
        "marker": {
            "color": colour if product else fade(colour, 0.55),
            "line": {"color": colour, "width": 1.5},
            "pattern": {"shape": ("/", "", "")[place], "size": 6, "fgcolor": colour},
        },
        "hovertext": _hover(one),
        "hovertemplate": "%{hovertext}<extra></extra>",
        # A bar of length 0 is a factor of 1: its number says that it is there.
        "text": [
            format_number(v, 2) if product or abs(v) == 1 else "" for v in one.values.tolist()
        ],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "textfont": {"size": TEXT_SIZE - 2, "color": PALETTES[mode].ink},
    }


def _line_trace(one: Bars, scale: Scale, colour: str, mode: Mode, *, main: bool) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": one.name,
        "mode": "lines+markers+text",
        "x": one.layers,
        "y": scale.to_axis(np.abs(one.values)),
        "yaxis": "y2",
        "line": {"color": colour, "width": 3 if main else 2, "dash": "solid" if main else "dot"},
        "marker": {
            "size": 17 if main else 13,
            "symbol": "circle" if main else "diamond",
            "color": [PALETTES[mode].page if v < 0 else colour for v in one.values.tolist()],
            "line": {"color": colour, "width": 2},
        },
        "text": _signs(one.values, main),
        "textfont": {
            "size": TEXT_SIZE,
            "color": [colour if v < 0 else PALETTES[mode].page for v in one.values.tolist()],
        },
        "textposition": "middle center",
        "hovertext": _hover(one),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _signs(values: FloatArray, main: bool) -> list[str]:
    return [("−" if value < 0 else "+") if main else "" for value in values.tolist()]


def _hover(one: Bars) -> list[str]:
    name = one.name.replace("|", "")
    return [
        (_("layer {i}") if layer == int(layer) else "{i}").format(i=int(layer))
        + f"<br>{name} = {format_number(value, 4)}"
        for layer, value in zip(one.layers.tolist(), one.values.tolist(), strict=True)
    ]


def _marks(
    one: Bars, scale: Scale, shift: float, axis: str, colour: str, mode: Mode
) -> list[dict[str, Any]]:
    """Exact zeros on the floor, infinite values and NaN at the ceiling."""
    traces = []
    alarm = PALETTES[mode].alarm
    for kept, symbol, height, shade, why in (
        (one.values == 0, "triangle-down-open", scale.floor, colour, _("exactly 0")),
        (~np.isfinite(one.values), "x", scale.ceiling, alarm, _("not a finite number")),
    ):
        if not kept.any():
            continue
        texts = [f"{text}: {why}" for text, keep in zip(_hover(one), kept, strict=True) if keep]
        traces.append(
            {
                "type": "scatter",
                "name": "marks",
                "showlegend": False,
                "mode": "markers",
                "x": one.layers[kept] + shift,
                "y": np.full(int(kept.sum()), height),
                "yaxis": axis,
                "hovertext": texts,
                "hovertemplate": "%{hovertext}<extra></extra>",
                "marker": {
                    "symbol": symbol,
                    "size": 12,
                    "color": shade,
                    "line": {"width": 2, "color": shade},
                },
            }
        )
    return traces


def _shapes(limits: Sequence[float], chosen: int | None, mode: Mode) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    across = {"type": "line", "xref": "paper", "x0": 0, "x1": 1}
    shapes = [
        across | {"yref": "y", "y0": 0, "y1": 0, "line": {"color": palette.ink, "width": 1.5}}
    ]
    for limit in map(math.log10, limits):
        line = {"color": palette.muted, "width": 1.5, "dash": "dot"}
        shapes.append(across | {"yref": "y2", "y0": limit, "y1": limit, "line": line})
    if chosen is not None:
        shapes.append(
            {
                "type": "rect",
                "layer": "below",
                "xref": "x",
                "x0": chosen - 0.46,
                "x1": chosen + 0.46,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"width": 0},
                "fillcolor": fade(palette.muted, 0.14),
            }
        )
    return shapes


def _labels(limits: Sequence[float], shown: Sequence[Bars], mode: Mode) -> list[dict[str, Any]]:
    muted = {"size": TEXT_SIZE - 1, "color": PALETTES[mode].muted}
    # Beside the gradient at the loss, which lies half way between the two lines.
    labels = [
        make_note(text, 0.998, math.log10(limit), xanchor="right", yref="y2", font=muted)
        for limit, text in zip(limits, ("1/100 ×", "100 ×"), strict=False)  # no limits, no labels
    ]
    marks = []
    if any((one.values == 0).any() for one in shown):
        marks.append(_("▽ exactly 0"))
    if any((~np.isfinite(one.values)).any() for one in shown):
        marks.append(_("✕ NaN or infinite"))
    if marks:
        labels.append(
            make_note("   ".join(marks), 1, 0.5, xanchor="right", yanchor="middle", font=muted)
        )
    return labels
