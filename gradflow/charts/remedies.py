"""Before and after of many cures, as small multiples; each kind of line is one trace with gaps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import (
    FloatArray,
    build_figure,
    empty_figure,
    make_legend,
    make_note,
    read_column,
)
from gradflow.charts.flow.text import SYMBOLS
from gradflow.charts.panels import GAP_Y, Panels, draw_frames
from gradflow.charts.series import Series
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, escape, format_number, list_styles
from gradflow.core.report import Report
from gradflow.core.text import _

PANEL_HEIGHT = 124
MARGIN = {"l": 104, "r": 14, "t": 30, "b": 60}
TITLE_LENGTH = 34
"""Characters of a title that fit above a panel 270 pixels wide."""


@dataclass(frozen=True, eq=False)
class Course:
    """‖∂L/∂z_l‖ over the hidden layers of one network.

    Attributes:
        name: what the network is called.
        layers: layer numbers, from the input side.
        norms: the true norms.
        relative: ``norms`` over the norm of the last hidden layer (of the last one with a positive
            finite norm); 0, NaN and infinity stay what they are.
    """

    name: str
    layers: FloatArray
    norms: FloatArray
    relative: FloatArray


def course(report: Report, name: str) -> Course:
    """The course of the gradient through the hidden layers of ``report``."""
    layers, norms = (
        read_column(report.layers, "layer")[:-1],
        read_column(report.layers, "delta_norm")[:-1],
    )
    usable = norms[np.isfinite(norms) & (norms > 0)]
    with np.errstate(over="ignore"):
        return Course(name, layers, norms, norms / usable[-1] if len(usable) else norms)


def remedies_figure(
    before: Report, outcomes: Sequence[tuple[str, Report]], *, mode: Mode = "light"
) -> go.Figure:
    """One panel per cure: ‖∂L/∂z_l‖ before (thin, dotted) and after (strong), layer 1 at the left.

    Frobenius norms over batch × units, each network's relative to its own last hidden layer: a flat
    line at 1 is a gradient that keeps its size. All panels, four in a row, share one logarithmic
    scale. Zeros lie on the floor of their panel, NaN and infinite norms are crosses at its ceiling.

    Args:
        before: the network without a cure, drawn in every panel.
        outcomes: ``(label, report)`` in the order in which to show them, best first.
        mode: for a light or a dark page; the figure's own background is transparent.

    The ``customdata`` of a point is the place of its cure in ``outcomes``, from 0.
    """
    old = course(before, _("before"))
    new = [course(report, label) for label, report in outcomes]
    if not new:
        return empty_figure(_("No cure applies to this network"), mode=mode)
    if not any(len(one.layers) for one in (old, *new)):
        return empty_figure(_("Nothing was recorded: no gradient norms to show"), mode=mode)
    series = [Series(one.name, one.layers, one.relative) for one in (old, *new)]
    panels = Panels.fit(series, len(new))
    height = round(panels.rows * PANEL_HEIGHT * (1 + GAP_Y))
    marks, notes = _marks(panels, old, new, mode)
    layout = {
        "height": MARGIN["t"] + height + MARGIN["b"] + (24 if notes else 0),
        "margin": MARGIN | {"b": MARGIN["b"] + (24 if notes else 0)},
        "dragmode": False,
        "hovermode": "closest",
        "showlegend": True,
        "legend": make_legend() | {"y": 1, "yref": "container", "yanchor": "top"},
        **panels.make_axes(
            _("‖{symbol}‖ relative to<br>last hidden layer").format(symbol=SYMBOLS["delta"])
        ),
        "shapes": draw_frames(panels, mode),
        "annotations": [*_titles(panels, new), *_footnote(notes, height, mode)],
    }
    return build_figure([*_lines(panels, old, new, mode), *marks], layout, mode)


def _lines(panels: Panels, old: Course, new: Sequence[Course], mode: Mode) -> list[dict[str, Any]]:
    palette, style = PALETTES[mode], list_styles(mode)[0]

    def joined(parts: Iterable[FloatArray]) -> FloatArray:
        return np.concatenate([a for part in parts for a in (part, [math.nan])]).astype(np.float32)

    def trace(name: str, courses: Sequence[Course], **look: Any) -> dict[str, Any]:
        return {
            "type": "scatter",
            "name": name,
            "x": joined(panels.place_layers(i, one.layers) for i, one in enumerate(courses)),
            "y": joined(
                panels.place_values(i, panels.scale.to_axis(o.relative))
                for i, o in enumerate(courses)
            ),
            **look,
        }

    return [
        trace(
            _("before"),
            [old] * len(new),
            mode="lines",
            hoverinfo="skip",
            line={"color": palette.muted, "dash": "dot", "width": 2},
        ),
        trace(
            _("after"),
            new,
            mode="lines+markers",
            customdata=[i for i, one in enumerate(new) for _l in range(len(one.layers) + 1)],
            hovertext=[text for one in new for text in (*_hover(one, old), "")],
            hovertemplate="%{hovertext}<extra></extra>",
            line={"color": style.colour, "width": 3},
            marker={"symbol": style.symbol, "size": 5, "color": style.colour},
        ),
    ]


def _hover(one: Course, old: Course) -> list[str]:
    same_depth = len(one.layers) == len(old.layers)
    texts = []
    for i, (layer, norm) in enumerate(zip(one.layers.tolist(), one.norms.tolist(), strict=True)):
        lines = [
            f"<b>{escape(one.name)}</b>",
            f"{_('layer')} {layer:.0f}",
            f"‖{SYMBOLS['delta']}‖ {format_number(norm)}",
        ]
        if same_depth:
            lines.append(_("before: {norm}").format(norm=format_number(float(old.norms[i]))))
        texts.append("<br>".join(lines))
    return texts


def _marks(
    panels: Panels, old: Course, new: Sequence[Course], mode: Mode
) -> tuple[list[dict[str, Any]], list[str]]:
    """Zeros and non-finite norms as traces of marks (none without them), and what they mean."""
    palette, style = PALETTES[mode], list_styles(mode)[0]
    kinds: list[tuple[Callable[[FloatArray], Any], float, str, str, str]] = [
        (lambda v: v == 0, panels.scale.floor, "triangle-down-open", style.colour,
         _("▽ exactly 0")),
        (lambda v: ~np.isfinite(v), panels.scale.ceiling, "x-thin", palette.alarm,
         _("✕ NaN or infinite")),
    ]  # fmt: skip
    traces, notes = [], []
    for is_marked, at, symbol, strong, meaning in kinds:
        for courses, colour, share in (([old] * len(new), palette.muted, 0.6), (new, strong, 1)):
            shown = [np.flatnonzero(is_marked(one.norms)) for one in courses]
            if not sum(map(len, shown)):
                continue
            trace = {
                "type": "scatter",
                "name": "marks",
                "showlegend": False,
                "mode": "markers",
                "x": np.concatenate(
                    [panels.place_layers(i, courses[i].layers[k]) for i, k in enumerate(shown)]
                ),
                "y": np.repeat(
                    [float(panels.place_values(i, np.array(at))) for i in range(len(new))],
                    list(map(len, shown)),
                ),
                "customdata": np.repeat(np.arange(len(new)), list(map(len, shown))),
                "marker": {
                    "symbol": symbol,
                    "size": share * panels.mark_size,
                    "color": colour,
                    "line": {"width": 2 * share, "color": colour},
                },
            }
            if courses is new:
                texts = [_hover(one, old) for one in new]
                trace["hovertext"] = [texts[i][k] for i, ks in enumerate(shown) for k in ks]
                trace["hovertemplate"] = "%{hovertext}<extra></extra>"
            else:
                trace["hoverinfo"] = "skip"
            traces.append(trace)
            if meaning not in notes:
                notes.append(meaning)
    return traces, notes


def _titles(panels: Panels, new: Sequence[Course]) -> list[dict[str, Any]]:
    top = np.array(panels.scale.high)
    titles = []
    for i, one in enumerate(new):
        short = one.name if len(one.name) <= TITLE_LENGTH else one.name[: TITLE_LENGTH - 1] + "…"
        text = f"<b>{i + 1}</b>  {escape(short)}"
        x, y = float(panels.place_layers(i, np.array(0.5))), float(panels.place_values(i, top))
        titles.append(make_note(text, x, y, xref="x", yref="y", font={"size": TEXT_SIZE}))
    return titles


def _footnote(notes: Sequence[str], height: int, mode: Mode) -> list[dict[str, Any]]:
    font = {"size": TEXT_SIZE - 1, "color": PALETTES[mode].muted}
    where = {"yanchor": "top", "font": font}
    return [make_note("   ".join(notes), 0, -MARGIN["b"] / height, **where)] if notes else []
