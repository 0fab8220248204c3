"""Gradients before and after many cures, as small multiples.

Each kind of line is one trace with gaps, because many traces are slow.
"""

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
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, escape, list_styles, shorten
from gradflow.core.numbers import format_number
from gradflow.core.report import Report
from gradflow.core.text import _

PANEL_HEIGHT = 124
MARGIN = {"l": 104, "r": 14, "t": 30, "b": 60}
LONGEST_TITLE = 34
"""Characters of a title that fit above a panel 270 pixels wide."""


@dataclass(frozen=True, eq=False)
class NormCourse:
    """‖∂L/∂z_l‖ over the hidden layers of one network.

    Attributes:
        name: name of the network or its cure.
        layers: layer numbers, from the input side.
        norms: the norms as measured.
        relative: ``norms`` over the norm of the last hidden layer (of the last one with a positive
            finite norm); 0, NaN and infinity stay 0, NaN and infinity.
    """

    name: str
    layers: FloatArray
    norms: FloatArray
    relative: FloatArray


def remedies_figure(
    before: Report, outcomes: Sequence[tuple[str, Report]], *, mode: Mode = "light"
) -> go.Figure:
    """Draw one panel per cure: ‖∂L/∂z_l‖ before (thin, dotted) and after (strong).

    Layer 1 is at the left. Frobenius norms over batch × units, each network's relative to its own
    last hidden layer: a flat line at 1 is a gradient that keeps its size. All panels, four in a
    row, share one logarithmic scale. Zeros lie on the floor of their panel, NaN and infinite norms
    are crosses at its ceiling.

    Args:
        before: the network without a cure, drawn in every panel.
        outcomes: ``(label, report)`` in the order in which to show them, best first.
        mode: for a light or a dark page; the figure's own background is transparent.

    The ``customdata`` of a point is the index of its cure in ``outcomes``, from 0.
    """
    old = read_norm_course(before, _("before"))
    new = [read_norm_course(report, label) for label, report in outcomes]
    if not new:
        return empty_figure(_("No cure applies to this network"), mode=mode)
    if not any(len(course.layers) for course in (old, *new)):
        return empty_figure(_("Nothing was recorded: no gradient norms to show"), mode=mode)
    series = [Series(course.name, course.layers, course.relative) for course in (old, *new)]
    panels = Panels.fit(series, len(new))
    height = round(panels.rows * PANEL_HEIGHT * (1 + GAP_Y))
    marks, notes = _draw_marks(panels, old, new, mode)
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
        "annotations": [*_write_titles(panels, new), *_make_footnote(notes, height, mode)],
    }
    return build_figure([*_draw_lines(panels, old, new, mode), *marks], layout, mode)


def read_norm_course(report: Report, name: str) -> NormCourse:
    """Read the gradient norms of the hidden layers of ``report``."""
    hidden = report.layers.iloc[:-1]
    layers, norms = read_column(hidden, "layer"), read_column(hidden, "delta_norm")
    usable = norms[np.isfinite(norms) & (norms > 0)]
    with np.errstate(over="ignore"):
        return NormCourse(name, layers, norms, norms / usable[-1] if len(usable) else norms)


def _draw_lines(
    panels: Panels, old: NormCourse, new: Sequence[NormCourse], mode: Mode
) -> list[dict[str, Any]]:
    palette, style = PALETTES[mode], list_styles(mode)[0]

    def join_with_gaps(parts: Iterable[FloatArray]) -> FloatArray:
        return np.concatenate([a for part in parts for a in (part, [math.nan])]).astype(np.float32)

    def draw(name: str, courses: Sequence[NormCourse], **look: Any) -> dict[str, Any]:
        values = [panels.scale.to_axis(course.relative) for course in courses]
        return {
            "type": "scatter",
            "name": name,
            "x": join_with_gaps(panels.place_layers(i, c.layers) for i, c in enumerate(courses)),
            "y": join_with_gaps(panels.place_values(i, v) for i, v in enumerate(values)),
            **look,
        }

    return [
        draw(
            _("before"),
            [old] * len(new),
            mode="lines",
            hoverinfo="skip",
            line={"color": palette.muted, "dash": "dot", "width": 2},
        ),
        draw(
            _("after"),
            new,
            mode="lines+markers",
            customdata=[i for i, course in enumerate(new) for _l in range(len(course.layers) + 1)],
            hovertext=[text for course in new for text in (*_write_hover(course, old), "")],
            hovertemplate="%{hovertext}<extra></extra>",
            line={"color": style.colour, "width": 3},
            marker={"symbol": style.symbol, "size": 5, "color": style.colour},
        ),
    ]


def _write_hover(new: NormCourse, old: NormCourse) -> list[str]:
    same_depth = len(new.layers) == len(old.layers)
    texts = []
    for i, (layer, norm) in enumerate(zip(new.layers.tolist(), new.norms.tolist(), strict=True)):
        lines = [
            f"<b>{escape(new.name)}</b>",
            f"{_('layer')} {layer:.0f}",
            f"‖{SYMBOLS['delta']}‖ {format_number(norm)}",
        ]
        if same_depth:
            lines.append(_("before: {norm}").format(norm=format_number(float(old.norms[i]))))
        texts.append("<br>".join(lines))
    return texts


def _draw_marks(
    panels: Panels, old: NormCourse, new: Sequence[NormCourse], mode: Mode
) -> tuple[list[dict[str, Any]], list[str]]:
    """Mark zeros and non-finite norms, if there are any, and explain the marks.

    Returns:
        The traces, and one text per kind of mark.
    """
    palette, style = PALETTES[mode], list_styles(mode)[0]
    scale, drop, cross = panels.scale, "triangle-down-open", "x-thin"
    kinds: list[tuple[Callable[[FloatArray], Any], float, str, str, str]] = [
        (lambda v: v == 0, scale.floor, drop, style.colour, _("▽ exactly 0")),
        (lambda v: ~np.isfinite(v), scale.ceiling, cross, palette.alarm, _("✕ NaN or infinite")),
    ]
    traces, notes = [], []
    for is_marked, height, symbol, strong, meaning in kinds:
        for courses, colour, size in (([old] * len(new), palette.muted, 0.6), (new, strong, 1)):
            marked = [np.flatnonzero(is_marked(course.norms)) for course in courses]
            counts = list(map(len, marked))
            if not sum(counts):
                continue
            trace = {
                "type": "scatter",
                "name": "marks",
                "showlegend": False,
                "mode": "markers",
                "x": np.concatenate(
                    [panels.place_layers(i, courses[i].layers[k]) for i, k in enumerate(marked)]
                ),
                "y": np.repeat(
                    [float(panels.place_values(i, np.array(height))) for i in range(len(new))],
                    counts,
                ),
                "customdata": np.repeat(np.arange(len(new)), counts),
                "marker": {
                    "symbol": symbol,
                    "size": size * panels.mark_size,
                    "color": colour,
                    "line": {"width": 2 * size, "color": colour},
                },
            }
            if courses is new:
                texts = [_write_hover(course, old) for course in new]
                trace["hovertext"] = [texts[i][k] for i, ks in enumerate(marked) for k in ks]
                trace["hovertemplate"] = "%{hovertext}<extra></extra>"
            else:
                trace["hoverinfo"] = "skip"
            traces.append(trace)
            if meaning not in notes:
                notes.append(meaning)
    return traces, notes


def _write_titles(panels: Panels, new: Sequence[NormCourse]) -> list[dict[str, Any]]:
    top = np.array(panels.scale.high)
    titles = []
    for i, course in enumerate(new):
        text = f"<b>{i + 1}</b>  {escape(shorten(course.name, LONGEST_TITLE))}"
        x, y = float(panels.place_layers(i, np.array(0.5))), float(panels.place_values(i, top))
        titles.append(make_note(text, x, y, xref="x", yref="y", font={"size": TEXT_SIZE}))
    return titles


def _make_footnote(notes: Sequence[str], height: int, mode: Mode) -> list[dict[str, Any]]:
    if not notes:
        return []
    font = {"size": TEXT_SIZE - 1, "color": PALETTES[mode].muted}
    return [
        make_note("   ".join(notes), 0, -MARGIN["b"] / height, yanchor="top", font=font),
    ]
