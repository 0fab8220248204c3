"""The legend of the Flow figure's lines, drawn as shapes: some fonts lack glyphs for them."""

from __future__ import annotations

from typing import Any, NamedTuple

from gradflow.charts.figure import make_note
from gradflow.charts.flow.data import FlowData
from gradflow.charts.overlay import THEORY_LINE, choose_colour
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, fade
from gradflow.core.text import _

_SAMPLE, _SPACE, _LETTER = 34, 8, 8
"""Pixels: length of a line sample, space around it, room for a letter."""
_SAMPLE_HEIGHT = 13
"""Pixels of a sample above the band, half the height of the text next to it."""


class Legend(NamedTuple):
    """A legend as layout items."""

    shapes: list[dict[str, Any]]
    texts: list[dict[str, Any]]


def draw_line_legend(flow: FlowData, top: float, mode: Mode) -> Legend:
    """Draw samples and names in a row from the left, above the lower band, whose end is ``top``."""
    ink = PALETTES[mode].ink
    legend = Legend([], [])
    left = 0
    names = {"measured": _("RMS, measured")} | {o.kind: o.name for o, _range in flow.overlays}
    for kind, name in names.items():
        key = {"name": f"key {kind}"}  # by which a narrow screen moves sample and name together
        if kind == "measured":
            line = _draw_sample_line(left, top, {"color": ink, "width": 3.5})
            legend.shapes.extend([line | key, _draw_dot(left, top, mode) | key])
        elif kind == "theory":
            look = {**THEORY_LINE, "color": choose_colour("theory", mode)}
            legend.shapes.append(_draw_sample_line(left, top, look) | key)
        else:
            legend.shapes.append(_draw_box(left, top, choose_colour("seeds", mode)) | key)
        left += _SAMPLE + _SPACE
        font = {"size": TEXT_SIZE, "color": ink}
        legend.texts.append(make_note(name, 0, top, xshift=left, font=font, **key))
        left += _LETTER * len(name) + 2 * _SPACE
    return legend


def _draw_sample_line(left: int, top: float, look: dict[str, Any]) -> dict[str, Any]:
    return {**_place_shape("line", top, (left, left + _SAMPLE), (0, 0)), "line": look}


def _draw_dot(left: int, top: float, mode: Mode) -> dict[str, Any]:
    middle = left + _SAMPLE // 2
    palette = PALETTES[mode]
    shape = _place_shape("circle", top, (middle - 5, middle + 5), (-5, 5))
    return {**shape, "fillcolor": palette.page, "line": {"color": palette.ink, "width": 2.5}}


def _draw_box(left: int, top: float, colour: str) -> dict[str, Any]:
    look = {"color": colour, "width": 2, "dash": "dot"}
    shape = _place_shape("rect", top, (left, left + _SAMPLE), (-7, 7))
    return {**shape, "fillcolor": fade(colour, 0.2), "line": look}


def _place_shape(kind: str, top: float, x: tuple[int, int], y: tuple[int, int]) -> dict[str, Any]:
    """Place a shape above the band; ``x`` from the left, ``y`` from the samples' middle."""
    return {
        "type": kind,
        "xref": "paper",
        "yref": "paper",
        "xsizemode": "pixel",
        "ysizemode": "pixel",
        "xanchor": 0,
        "yanchor": top,
        "x0": x[0],
        "x1": x[1],
        "y0": _SAMPLE_HEIGHT + y[0],
        "y1": _SAMPLE_HEIGHT + y[1],
    }
