"""Colours and templates: the only place in the project that knows them.

Colour is never the only carrier: heatmap scales run monotonously from the page's lightness to the
other end, so that they survive greyscale, and series differ by dash and marker as well.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Mode = Literal["light", "dark"]

FONT = '"Source Sans", "Source Sans Pro", "Source Sans 3", "Segoe UI", Arial, sans-serif'
TICK_SIZE, TEXT_SIZE, TITLE_SIZE = 15, 15, 17
"""Pixels; what the last row of a class room can still read."""

ColourScale = tuple[tuple[float, str], ...]


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Colours of one mode.

    Attributes:
        page: the background behind transparent figures; also the casing of lines on heatmaps.
        ink: text and lines that must stand out.
        muted: text and lines that stay in the background.
        grid: grid lines, the least prominent of all.
        panel: opaque background of labels.
        forward, backward: text and lines that stand for the signal and for the gradient.
        forward_scale, backward_scale: heatmap scales over 0 … 1; transparent at exactly 0.
        alarm: non-finite values.
        theory: predicted lines.
        series: for categories, safe for colour-blind readers (after Okabe and Ito).
    """

    page: str
    ink: str
    muted: str
    grid: str
    panel: str
    forward: str
    backward: str
    forward_scale: ColourScale
    backward_scale: ColourScale
    alarm: str
    theory: str
    series: tuple[str, ...]


def _make_colour_scale(*colours: str) -> ColourScale:
    """Space colours evenly; the step to the first one makes a single entry visible."""
    stops = [(0.0, "rgba(128,128,128,0)"), (0.002, colours[0])]
    step = 1 / (len(colours) - 1)
    return (*stops, *((round(i * step, 3), c) for i, c in enumerate(colours) if i))


PALETTES: dict[Mode, Palette] = {
    "light": Palette(
        page="#ffffff",
        ink="#10151f",
        muted="#525c6b",
        grid="#e3e7ed",
        panel="#ffffff",
        forward="#0b5fb0",
        backward="#b34700",
        forward_scale=_make_colour_scale(
            "#e1edf8", "#a6cdea", "#5ea3d6", "#2474b7", "#0d4a8f", "#062a5c"
        ),
        backward_scale=_make_colour_scale(
            "#ffeedd", "#fdcb9b", "#f99d52", "#e06c15", "#a84303", "#5f2402"
        ),
        alarm="#b00020",
        theory="#6b1fa8",
        series=("#0072b2", "#c04e00", "#007a5a", "#9b3f7f", "#5b6475"),
    ),
    "dark": Palette(
        page="#0e1117",
        ink="#f6f8fb",
        muted="#a9b2c0",
        grid="#2a313d",
        panel="#1b212c",
        forward="#7dbcf5",
        backward="#ff9f4d",
        forward_scale=_make_colour_scale(
            "#14263d", "#184273", "#2267ae", "#4a97de", "#92c6f5", "#dceefd"
        ),
        backward_scale=_make_colour_scale(
            "#33200f", "#653408", "#a5530b", "#e27f22", "#fcb26f", "#fee6cd"
        ),
        alarm="#ff7a85",
        theory="#a869ff",
        series=("#56b4e9", "#f5a83a", "#2fc796", "#e08fc0", "#aeb7c5"),
    ),
}


def fade(colour: str, opacity: float) -> str:
    """Make a colour ``#rrggbb`` partly transparent; ``opacity`` 0 is invisible."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


@dataclass(frozen=True)
class Style:
    """The look of one series: colour, dash and symbol each tell it apart from the others."""

    colour: str
    dash: str
    symbol: str


_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")


def list_styles(mode: Mode) -> tuple[Style, ...]:
    """List one style per category, in the order in which to use them."""
    return tuple(map(Style, PALETTES[mode].series, _DASHES, _SYMBOLS))


@lru_cache
def make_template(mode: Mode) -> dict[str, Any]:
    """Make the Plotly template of a mode as plain data: fonts, axes, legend and hover."""
    palette = PALETTES[mode]
    axis = {
        "gridcolor": palette.grid,
        "linecolor": palette.muted,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 5,
        "tickcolor": palette.grid,
        "tickfont": {"size": TICK_SIZE},
        # Else Plotly measures every label at every change, 10 ms a figure, to hide those that
        # stick out; ours have room.
        "ticklabeloverflow": "allow",
        "title": {"font": {"size": TITLE_SIZE}, "standoff": 8},
        "exponentformat": "power",
        "separatethousands": True,
    }
    # A click selects a layer; the page marks it, so Plotly need not fade all other points.
    steady = [{"unselected": {"marker": {"opacity": 1}}}]
    return {
        "data": {"scatter": steady, "bar": steady},
        "layout": {
            "font": {"family": FONT, "size": TEXT_SIZE, "color": palette.ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {
                "bgcolor": palette.panel,
                "bordercolor": palette.muted,
                "font": {"family": FONT, "size": TEXT_SIZE, "color": palette.ink},
                "align": "left",
                "namelength": -1,
            },
            "title": {
                "font": {"size": TITLE_SIZE + 3},
                "x": 0,
                "xref": "paper",
                "xanchor": "left",
            },
            "legend": {"font": {"size": TEXT_SIZE}},
            "modebar": {
                "bgcolor": palette.page,  # it may stand on a long legend
                "color": palette.muted,
                "activecolor": palette.ink,
            },
        },
    }


def escape(text: object) -> str:
    """Escape text from outside (module names, titles): Plotly and HTML show it literally."""
    return html.escape(str(text))


def shorten(text: str, longest: int) -> str:
    """Cut text to ``longest`` characters; a text that was longer ends in “…”."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
