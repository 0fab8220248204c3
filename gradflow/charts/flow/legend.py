"""The legend of the Flow figure's lines, drawn: the glyphs for it are missing in some fonts."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradflow.charts.figure import make_note
from gradflow.charts.flow.data import Flow
from gradflow.charts.overlay import THEORY_LINE, choose_colour
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, fade
from gradflow.core.text import _

_SAMPLE, _SPACE, _LETTER = 34, 8, 8
"""Pixels: length of a line sample, space around it, room for a letter."""


class Legend(NamedTuple):
    """Layout items."""

    shapes: list[dict[str, Any]]
    texts: list[dict[str, Any]]


def line_legend(flow: Flow, top: float, mode: Mode) -> Legend:
    """Samples and names in a row, from the left, above the lower band (which ends at ``top``)."""
    ink = PALETTES[mode].ink
    legend = Legend([], [])
    place = 0
    names = {"measured": _("RMS, measured")} | {o.kind: o.name for o, _range in flow.over}
    for kind, name in names.items():
        if kind == "measured":
            legend.shapes.append(_line(place, top, {"color": ink, "width": 3.5}))
            legend.shapes.append(_dot(place, top, mode))
        elif kind == "theory":
            look = {**THEORY_LINE, "color": choose_colour("theory", mode)}
            legend.shapes.append(_line(place, top, look))
        else:
            colour = choose_colour("seeds", mode)
            legend.shapes.append(_box(place, top, colour))
        left = place + _SAMPLE + _SPACE
        font = {"size": TEXT_SIZE, "color": ink}
        legend.texts.append(make_note(name, 0, top, xshift=left, font=font))
        place = left + _LETTER * len(name) + 2 * _SPACE
    return legend


_MIDDLE = 13  # pixels above the band, half the height of the text beside it


def _placed(kind: str, place: int, top: float, x: tuple[int, int], y: tuple[int, int]) -> Any:
    return {
        "type": kind, "xref": "paper", "yref": "paper", "xsizemode": "pixel",
        "ysizemode": "pixel", "xanchor": 0, "yanchor": top,
        "x0": place + x[0], "x1": place + x[1], "y0": _MIDDLE + y[0], "y1": _MIDDLE + y[1],
    }  # fmt: skip


def _line(place: int, top: float, look: dict[str, Any]) -> dict[str, Any]:
    return {**_placed("line", place, top, (0, _SAMPLE), (0, 0)), "line": look}


def _dot(place: int, top: float, mode: Mode) -> dict[str, Any]:
    middle = _SAMPLE // 2
    palette = PALETTES[mode]
    shape = _placed("circle", place, top, (middle - 5, middle + 5), (-5, 5))
    return {**shape, "fillcolor": palette.page, "line": {"color": palette.ink, "width": 2.5}}


def _box(place: int, top: float, colour: str) -> dict[str, Any]:
    look = {"color": colour, "width": 2, "dash": "dot"}
    shape = _placed("rect", place, top, (0, _SAMPLE), (-7, 7))
    return {**shape, "fillcolor": fade(colour, 0.2), "line": look}
