"""The coordinate check: the size of activations against the width of a network, step by step."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import (
    FloatArray,
    build_figure,
    empty_figure,
    make_footnote,
    make_legend,
    make_note,
)
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, escape
from gradflow.core.grouping import name_module
from gradflow.core.numbers import format_count, format_number
from gradflow.core.text import N_, _

if TYPE_CHECKING:
    from gradflow.core.coordinates import CoordinateCheck

HEIGHT = 360
_MOST_PANELS = 5
_GAP = 0.025
"""Between two panels, as a share of the width."""
_MOST_TICKS = 4
"""Widths that are written below a panel."""
_VERDICT_LETTERS = 95
"""Letters of a line of the verdict."""
_ABOVE = 60
"""Pixels for the legend and the titles of the panels, above which the verdict stands."""
_NAMES = {"grows": N_("grows"), "flat": N_("flat"), "shrinks": N_("shrinks")}
"""What becomes of a layer's size as networks become wider; the order in which they are drawn."""
_DASHES = {"grows": "solid", "flat": "dot", "shrinks": "dash"}
_SYMBOLS = {"grows": "triangle-up", "flat": "circle", "shrinks": "triangle-down"}


def coordinate_figure(check: CoordinateCheck, *, mode: Mode = "light") -> go.Figure:
    """Draw the RMS of each layer's output against the width, on two log axes, a panel per step.

    A line is a layer: the geometric mean over the seeds of √(mean z²). What grows with the width is
    solid, what does not dotted, what shrinks dashed, as they were judged in this step; the verdict
    stands above. Of many steps the first, the last and some between are drawn. A size that is not
    finite is a cross at the top.
    """
    sizes = check.sizes
    if not len(sizes):
        return empty_figure(_("Nothing was recorded: no sizes to show"), mode=mode)
    means = average_seeds(sizes)
    steps = choose_steps(means["step"].unique().astype(np.int64).tolist())
    scale = Scale.fit([Series("", np.zeros(len(means)), means["rms"].to_numpy())], log=True)
    lines = textwrap.wrap(escape(str(check.text)), _VERDICT_LETTERS)
    is_broken = not np.isfinite(means["rms"]).all()
    room, notes = make_footnote([_("✕ NaN or infinite")] * is_broken, mode, 60)
    top = _ABOVE + 22 * len(lines)
    layout: dict[str, Any] = {
        "height": HEIGHT + top + room,
        "margin": {"l": 84, "r": 20, "t": top, "b": 62 + room},
        "hovermode": "closest",
        "dragmode": False,
        "showlegend": True,
        "legend": make_legend() | {"y": 1.08},
        "yaxis": scale.make_axis(_("RMS of each layer’s output")),
        "annotations": [
            make_note("<br>".join(lines), 0, 1, yshift=_ABOVE - 8, align="left"),
            *notes,
        ],
    }
    data: list[dict[str, Any]] = []
    widths = np.sort(sizes["width"].unique())
    for panel, step in enumerate(steps):
        axes = PanelAxes(panel)
        left, right = _find_domain(panel, len(steps))
        layout[axes.x_key] = _make_width_axis(widths) | {"domain": [left, right], "anchor": "y"}
        text = _("at the start") if step == 0 else _("after step {n}").format(n=step)
        look = {"size": TEXT_SIZE, "color": PALETTES[mode].ink}
        layout["annotations"].append(make_note(text, left, 1, font=look))
        judged = check.exponents[check.exponents["step"] == step]
        data += _draw_step(means[means["step"] == step], judged, scale, axes, mode)
    seen: set[str] = set()
    for trace in data:
        trace["showlegend"] = trace["name"] not in seen and trace["mode"] != "markers"
        seen |= {trace["name"]} if trace["showlegend"] else set()
    return build_figure(data, layout, mode)


def average_seeds(sizes: pd.DataFrame) -> pd.DataFrame:
    """Average over the seeds: ``step, layer, module, width, rms``, the geometric mean."""
    keys = ["step", "layer", "module", "width"]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = sizes.assign(rms=np.log(sizes["rms"].to_numpy(np.float64)))
        # Not as pandas does, which leaves out what is NaN.
        means = logs.groupby(keys, sort=True)["rms"].agg(lambda own: np.mean(own.to_numpy()))
        table: pd.DataFrame = np.exp(means).reset_index()
    return table


def choose_steps(steps: list[int]) -> list[int]:
    """Choose the first, the last and some between, at equal distances."""
    if len(steps) <= _MOST_PANELS:
        return steps
    places = np.linspace(0, len(steps) - 1, _MOST_PANELS).round().astype(int)
    return [steps[place] for place in places]


def _find_domain(panel: int, panels: int) -> tuple[float, float]:
    width = (1 - _GAP * (panels - 1)) / panels
    return panel * (width + _GAP), panel * (width + _GAP) + width


def _make_width_axis(widths: FloatArray) -> dict[str, Any]:
    places = np.log10(widths)
    room = 0.08 * float(places[-1] - places[0])
    step = -(-len(widths) // _MOST_TICKS)
    return {
        "range": [places[0] - room, places[-1] + room],
        "tickvals": places[::step].tolist(),
        "ticktext": [format_count(int(width)) for width in widths[::step]],
        "tickangle": 0,
        "title": {"text": _("width")},
    }


def _draw_step(
    means: pd.DataFrame, judged: pd.DataFrame, scale: Scale, axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    """Draw the layers of a step: those of one verdict as one trace, which NaN breaks."""
    palette = PALETTES[mode]
    colours = {"grows": palette.backward, "flat": palette.muted, "shrinks": palette.forward}
    parts: dict[str, list[tuple[float, float, str]]] = {name: [] for name in _NAMES}
    broken: list[tuple[float, float, str]] = []
    names = ("layer", "module", "exponent", "growth")
    for layer, module, exponent, growth in judged[[*names]].to_numpy().tolist():
        own = means[means["layer"] == layer]
        values = own["rms"].to_numpy()
        texts = [
            _("{module}, width {width}: RMS {rms}<br>like width to the power {power}").format(
                module=escape(str(name_module(module, layer))),
                width=format_count(int(width)),
                rms=format_number(float(value)),
                power=format_number(exponent, 2),
            )
            for width, value in zip(own["width"], values, strict=True)
        ]
        x, y = np.log10(own["width"].to_numpy()), scale.to_axis(values)
        points = list(zip(x.tolist(), y.tolist(), texts, strict=True))
        parts[str(growth)] += [*points, (np.nan, np.nan, "")]
        lost = zip(points, np.isfinite(values).tolist(), strict=True)
        broken += [(at, scale.ceiling, text) for (at, _y, text), known in lost if not known]
    traces = [
        _draw_points(points, axes)
        | {
            "name": _(_NAMES[growth]),
            "legendgroup": growth,
            "mode": "lines+markers",
            "line": {"color": colours[growth], "dash": _DASHES[growth], "width": 2},
            "marker": {"symbol": _SYMBOLS[growth], "size": 7, "color": colours[growth]},
        }
        for growth, points in parts.items()
        if points
    ]
    if broken:
        mark = {"symbol": "x", "size": 11, "color": palette.alarm}
        traces.append(
            _draw_points(broken, axes) | {"name": "marks", "mode": "markers", "marker": mark}
        )
    return traces


def _draw_points(points: list[tuple[float, float, str]], axes: PanelAxes) -> dict[str, Any]:
    x, y, texts = zip(*points, strict=True)
    return {
        "type": "scatter",
        **axes.trace_keys,
        "yaxis": "y",
        "x": np.array(x),
        "y": np.array(y),
        "hovertext": list(texts),
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
