"""A lesson's figure: the run over what was predicted; and the same lines as a small sketch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, empty_figure, make_legend
from gradflow.charts.series import MARKER_LIMIT, Scale, Series, explain_marks
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

_HEIGHT = 420
_SKETCHED = 40
"""Points of a small sketch, at most."""
_WIDEST_LINEAR = 20.0
"""Values that differ by a larger factor have a log axis."""


class Role(StrEnum):
    """What a line is to the learner."""

    RUN = "run"
    CHOSEN = "chosen"
    OTHER = "other"


@dataclass(frozen=True, eq=False)
class LessonLine:
    """A line with its part in the lesson.

    Attributes:
        series: the line; its name is for the legend.
        role: its part.
        letter: what stands at its end; may be empty.
        backwards: whether that is at the left.
    """

    series: Series
    role: Role
    letter: str = ""
    backwards: bool = False


def choose_scale(series: Sequence[Series]) -> Scale:
    """Choose a log axis for sizes that differ much; shares have a linear one from 0 to 1."""
    values = np.concatenate([line.values for line in series] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if any(line.is_share for line in series):
        return Scale(log=False, low=-0.03, high=1.0)
    positive = values[values > 0]
    wide = len(positive) > 0 and positive.max() > _WIDEST_LINEAR * positive.min()
    if not wide:
        return Scale.fit(series, log=False)
    scale = Scale.fit(series, log=True)
    return Scale(log=True, low=math.floor(scale.low), high=math.ceil(scale.high))


def sketch_line(series: Series, scale: Scale) -> list[tuple[float, float | None]]:
    """Shape a line for a small drawing: points in the unit square, y upwards.

    ``None`` where nothing finite is left; every line has the same places.
    """
    count = len(series.values)
    places = np.unique(np.linspace(0, count - 1, min(count, _SKETCHED)).round().astype(int))
    heights = (scale.to_axis(series.values)[places] - scale.low) / (scale.high - scale.low)
    across = places / max(count - 1, 1)
    return [
        (round(float(x), 4), round(float(y), 4) if np.isfinite(y) else None)
        for x, y in zip(across, heights, strict=True)
    ]


def write_value(value: float, *, is_share: bool) -> str:
    """Write a value of the axis as its reader does."""
    return format_share(value) if is_share else format_number(value)


def lesson_figure(
    lines: Sequence[LessonLine],
    *,
    x_axis: str,
    y_axis: str,
    mode: Mode = "light",
) -> go.Figure:
    """Draw the run of a lesson over what was predicted, and what other settings give.

    The run is thick and solid, the prediction dashed, all others are thin. Values that are not
    finite are crosses at the top.

    Args:
        lines: in the order of the legend; the run is drawn last.
        x_axis: its title.
        y_axis: its title.
        mode: for a light or a dark page.
    """
    if not lines:
        return empty_figure(_("Nothing was run"), mode=mode, height=_HEIGHT)
    series = [line.series for line in lines]
    scale = choose_scale(series)
    ranks = {line: rank for rank, line in enumerate(lines)}
    ordered = sorted(lines, key=lambda line: [Role.OTHER, Role.CHOSEN, Role.RUN].index(line.role))
    data = [trace for line in ordered for trace in _draw_line(line, ranks[line], scale, mode)]
    y = scale.make_axis(y_axis)
    if series[0].is_share:
        y |= {"tickvals": [0, 0.25, 0.5, 0.75, 1], "ticktext": ["0%", "25%", "50%", "75%", "100%"]}
    marks = explain_marks(series, scale)
    layout = {
        "height": _HEIGHT,
        "margin": {"l": 76, "r": 20, "t": 44, "b": 58},
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": {
            "title": {"text": "   ".join([x_axis, *marks])},
            "showgrid": False,
            "range": _find_range(series),
        },
        "yaxis": y,
    }
    return build_figure(data, layout, mode)


def _find_range(series: Sequence[Series]) -> list[float]:
    low = min(float(line.layers[0]) for line in series)
    high = max(float(line.layers[-1]) for line in series)
    room = 0.04 * (high - low)
    return [low - room, high + room]


def _draw_line(line: LessonLine, rank: int, scale: Scale, mode: Mode) -> list[dict[str, Any]]:
    palette, series = PALETTES[mode], line.series
    colour, width, dash = {
        Role.RUN: (palette.backward, 4.5, "solid"),
        Role.CHOSEN: (palette.forward, 3.0, "dash"),
        Role.OTHER: (palette.muted, 1.5, "dot"),
    }[line.role]
    texts = [
        f"{series.name}: {write_value(value, is_share=series.is_share)}"
        for value in series.values.tolist()
    ]
    few = len(series.layers) <= MARKER_LIMIT and line.role is Role.RUN
    letters = [""] * len(series.values)
    seen = np.flatnonzero(np.isfinite(series.values))
    if line.letter and len(seen):  # where the lines are furthest apart
        letters[int(seen[0 if line.backwards else -1])] = f" {line.letter} "
    trace = {
        "type": "scatter",
        "name": series.name,
        "legendrank": rank,
        "mode": "lines" + "+markers" * few + "+text" * bool(line.letter),
        "text": letters,
        "textposition": "middle left" if line.backwards else "middle right",
        "textfont": {"color": colour, "size": TITLE_SIZE},
        "cliponaxis": False,
        "x": series.layers,
        "y": scale.to_axis(series.values),
        "hovertext": texts,
        "hovertemplate": "%{x}: %{hovertext}<extra></extra>",
        "line": {"color": colour, "width": width, "dash": dash},
        "marker": {"color": colour, "size": 9},
    }
    broken = np.flatnonzero(~np.isfinite(series.values))
    if not len(broken):
        return [trace]
    first = int(broken[0])
    cross = {
        "type": "scatter",
        "name": "marks",
        "showlegend": False,
        "mode": "markers",
        "x": [float(series.layers[first])],
        "y": [scale.ceiling],
        "hovertext": [texts[first]],
        "hovertemplate": "%{x}: %{hovertext}<extra></extra>",
        "marker": {"symbol": "x", "size": 13, "color": palette.alarm},
    }
    return [trace, cross]
