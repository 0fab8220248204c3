"""A chain of single units: the factors of the gradient above, the gradient below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, make_note
from gradflow.charts.series import Scale, Series, explain_marks
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, fade, list_styles
from gradflow.core.numbers import format_number, format_power
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.chain import ChainRun

HEIGHT = 620
UPPER, LOWER = (0.55, 1.0), (0.0, 0.45)
"""Where the two bands lie, as shares of the plot's height."""
BAR_WIDTH = 0.26
"""Width of a bar, in layers."""
THRESHOLD = 100.0
"""A gradient this many times larger or smaller than at the loss has exploded or vanished."""


@dataclass(frozen=True, eq=False)
class Bars:
    """One kind of factor or gradient: a signed value per layer."""

    name: str
    layers: FloatArray
    values: FloatArray


def chain_figure(run: ChainRun, *, chosen: int | None = None, mode: Mode = "light") -> go.Figure:
    """Draw factors and gradients of a chain on a shared x axis, the input left, the loss right.

    Above, three bars per layer on a logarithmic axis, which start at 1: the length of the third
    is the sum of the first two. Below, |g_i| and |∂L/∂w_i| on a logarithmic axis with the sign
    in the marker; dotted lines at 100 times and 1/100 of the gradient at the loss. Exact zeros
    stand on the floor, infinite values and NaN at the ceiling.

    Args:
        run: the chain.
        chosen: a layer to mark, from 1.
        mode: for a light or a dark page; the figure's own background is transparent.
    """
    palette, looks = PALETTES[mode], list_styles(mode)
    factors, gradients = list_factors(run), list_gradients(run)
    limits = _list_thresholds(run.error)
    upper = Scale.fit([*map(_take_sizes, factors), Series("", np.ones(1), np.ones(1))], log=True)
    lower = Scale.fit(
        [*map(_take_sizes, gradients), Series("", np.ones(len(limits)), np.array(limits))],
        log=True,
    )
    colours = (looks[0].colour, looks[2].colour, palette.backward)
    data = [_draw_bars(bars, i, upper, colours[i], mode) for i, bars in enumerate(factors)]
    data += [
        _draw_line(gradients[1], lower, looks[3].colour, mode, main=False),
        _draw_line(gradients[0], lower, palette.backward, mode, main=True),
    ]
    for i, bars in enumerate(factors):
        data += _draw_marks(bars, upper, (i - 1) * BAR_WIDTH, "y", colours[i], mode)
    for bars, colour in zip(gradients, (palette.backward, looks[3].colour), strict=True):
        data += _draw_marks(bars, lower, 0.0, "y2", colour, mode)
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
        "yaxis": _make_axis(upper, _("factor"), UPPER),
        "yaxis2": _make_axis(lower, _("gradient"), LOWER),
        "shapes": _draw_shapes(limits, chosen, mode),
        "annotations": _write_labels(limits, [*factors, *gradients], lower, mode),
    }
    return build_figure(data, layout, mode)


def list_factors(run: ChainRun) -> tuple[Bars, Bars, Bars]:
    """List w_{i+1} (the last layer has none), f'(z_i) and their product, by layer."""
    layers = np.arange(1.0, len(run.z) + 1)
    return (
        Bars("|w<sub>i+1</sub>|", layers[:-1], np.array(run.weight_behind[:-1])),
        Bars("|f ′(z<sub>i</sub>)|", layers, np.array(run.slope)),
        Bars(_("their product"), layers, np.array(run.factors)),
    )


def list_gradients(run: ChainRun) -> tuple[Bars, Bars]:
    """List ∂L/∂h_{n+1} and g_n … g_1 at the positions n + 1 … 1, and ∂L/∂w_i."""
    layers = np.arange(1.0, len(run.z) + 2)
    return (
        Bars("|g<sub>i</sub>|", layers, np.array([*run.g, run.error])),
        Bars("|∂L/∂w<sub>i</sub>|", layers[:-1], np.array(run.weight_gradients)),
    )


def _list_thresholds(error: float) -> tuple[float, ...]:
    size = abs(error)
    usable = size / THRESHOLD > 0 and math.isfinite(size * THRESHOLD)
    return (size / THRESHOLD, size * THRESHOLD) if usable else ()


def _take_sizes(bars: Bars) -> Series:
    return Series(bars.name, bars.layers, np.abs(bars.values))


def _make_axis(scale: Scale, title: str, domain: tuple[float, float]) -> dict[str, Any]:
    """Make a log axis with few ticks, each a power of ten."""
    span = scale.high - scale.low
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200) if span / s <= 6.5)
    ticks = [
        step * k for k in range(math.ceil(scale.low / step), math.floor(scale.high / step) + 1)
    ]
    plain = {-2: "0.01", -1: "0.1", 0: "1", 1: "10", 2: "100"}
    return {
        "range": [scale.low, scale.high],
        "domain": list(domain),
        "tickvals": ticks,
        "ticktext": [plain.get(e, format_power(e)) for e in ticks],
        "title": {"text": title},
        "fixedrange": True,
    }


def _draw_bars(bars: Bars, index: int, scale: Scale, colour: str, mode: Mode) -> dict[str, Any]:
    is_product = index == 2
    return {
        "type": "bar",
        "name": bars.name,
        "x": bars.layers + (index - 1) * BAR_WIDTH,
        "y": scale.to_axis(np.abs(bars.values)),
        "width": BAR_WIDTH * 0.92,
        "marker": {
            "color": colour if is_product else fade(colour, 0.55),
            "line": {"color": colour, "width": 1.5},
            "pattern": {"shape": ("/", "", "")[index], "size": 6, "fgcolor": colour},
        },
        "hovertext": _write_hover(bars),
        "hovertemplate": "%{hovertext}<extra></extra>",
        # A bar of length 0 is a factor of 1: its number says that it is there.
        "text": [
            format_number(v, 2) if is_product or abs(v) == 1 else "" for v in bars.values.tolist()
        ],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "textfont": {"size": TEXT_SIZE - 2, "color": PALETTES[mode].ink},
    }


def _draw_line(bars: Bars, scale: Scale, colour: str, mode: Mode, *, main: bool) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": bars.name,
        "mode": "lines+markers+text",
        "x": bars.layers,
        "y": scale.to_axis(np.abs(bars.values)),
        "yaxis": "y2",
        "line": {"color": colour, "width": 3 if main else 2, "dash": "solid" if main else "dot"},
        "marker": {
            "size": 17 if main else 13,
            "symbol": "circle" if main else "diamond",
            "color": [PALETTES[mode].page if v < 0 else colour for v in bars.values.tolist()],
            "line": {"color": colour, "width": 2},
        },
        "text": _list_signs(bars.values, main),
        "textfont": {
            "size": TEXT_SIZE,
            "color": [colour if v < 0 else PALETTES[mode].page for v in bars.values.tolist()],
        },
        "textposition": "middle center",
        "hovertext": _write_hover(bars),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _list_signs(values: FloatArray, main: bool) -> list[str]:
    return [("−" if value < 0 else "+") if main else "" for value in values.tolist()]


def _write_hover(bars: Bars) -> list[str]:
    name = bars.name.replace("|", "")
    return [
        (_("layer {i}") if layer == int(layer) else "{i}").format(i=int(layer))
        + f"<br>{name} = {format_number(value, 4)}"
        for layer, value in zip(bars.layers.tolist(), bars.values.tolist(), strict=True)
    ]


def _draw_marks(
    bars: Bars, scale: Scale, shift: float, axis: str, colour: str, mode: Mode
) -> list[dict[str, Any]]:
    """Mark exact zeros on the floor, infinite values and NaN at the ceiling."""
    traces = []
    alarm = PALETTES[mode].alarm
    for marked, symbol, height, shade, why in (
        (bars.values == 0, "triangle-down-open", scale.floor, colour, _("exactly 0")),
        (~np.isfinite(bars.values), "x", scale.ceiling, alarm, _("not a finite number")),
    ):
        if not marked.any():
            continue
        texts = [
            f"{text}: {why}"
            for text, is_marked in zip(_write_hover(bars), marked, strict=True)
            if is_marked
        ]
        traces.append(
            {
                "type": "scatter",
                "name": "marks",
                "showlegend": False,
                "mode": "markers",
                "x": bars.layers[marked] + shift,
                "y": np.full(int(marked.sum()), height),
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


def _draw_shapes(limits: Sequence[float], chosen: int | None, mode: Mode) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    level = {"type": "line", "xref": "paper", "x0": 0, "x1": 1}
    shapes = [level | {"yref": "y", "y0": 0, "y1": 0, "line": {"color": palette.ink, "width": 1.5}}]
    for limit in map(math.log10, limits):
        line = {"color": palette.muted, "width": 1.5, "dash": "dot"}
        shapes.append(level | {"yref": "y2", "y0": limit, "y1": limit, "line": line})
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


def _write_labels(
    limits: Sequence[float], drawn: Sequence[Bars], scale: Scale, mode: Mode
) -> list[dict[str, Any]]:
    muted = {"size": TEXT_SIZE - 1, "color": PALETTES[mode].muted}
    # At the right, near the gradient at the loss, which lies half way between the two lines.
    labels = [
        make_note(text, 0.998, math.log10(limit), xanchor="right", yref="y2", font=muted)
        for limit, text in zip(limits, ("1/100 ×", "100 ×"), strict=False)  # no limits, no labels
    ]
    marks = explain_marks(list(map(_take_sizes, drawn)), scale)
    if marks:
        labels.append(
            make_note("   ".join(marks), 1, 0.5, xanchor="right", yanchor="middle", font=muted)
        )
    return labels
