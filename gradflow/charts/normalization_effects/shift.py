"""What a unit gets while the layers before it learn, with and without batch norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import build_figure, make_legend, make_note
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode, fade, list_styles
from gradflow.core.numbers import format_number
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization_effects.shift import ShiftCourse

HEIGHT = 440
_COLUMNS = ((0.0, 0.29), (0.37, 0.66), (0.75, 1.0))


def shift_figure(
    courses: Sequence[tuple[str, ShiftCourse]], layer: int, *, mode: Mode = "light"
) -> go.Figure:
    """Draw percentiles of a unit's input over the steps, a panel per network, and the losses.

    Args:
        courses: name of each network, two of them, and what was seen.
        layer: number of the layer, from 1.
        mode: for a light or a dark page.
    """
    data: list[dict[str, Any]] = []
    seen = np.concatenate([course.percentiles[:, layer - 1].ravel() for _name, course in courses])
    low, high = np.percentile(seen[np.isfinite(seen)], [0, 100]) if len(seen) else (-1, 1)
    room = 0.06 * (high - low) + 1e-9
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 64, "r": 16, "t": 66, "b": 60},
        "dragmode": False,
        "legend": make_legend() | {"y": 1.09},
        "showlegend": True,
        "annotations": [],
    }
    titles = [_("input of φ, {name}").format(name=name) for name, _course in courses]
    for panel, title in enumerate([*titles, _("training loss")]):
        axes = PanelAxes(panel)
        layout["annotations"].append(
            make_note(f"<b>{title}</b>", _COLUMNS[panel][0], 1.01, font={"size": TITLE_SIZE})
        )
        layout[axes.x_key] = {
            "domain": _COLUMNS[panel],
            "anchor": axes.y,
            "title": {"text": _("step")},
            "showgrid": False,
            "nticks": 5,
        }
        layout[axes.y_key] = {"anchor": axes.x, "nticks": 7}
        if panel < len(courses):
            layout[axes.y_key] |= {"range": [low - room, high + room], "zeroline": True}
    for index, (name, course) in enumerate(courses):
        data += _draw_percentiles(course, layer, PanelAxes(index), mode, named=index == 0)
        data.append(_draw_losses(name, course, index, PanelAxes(len(courses)), mode))
    layout[PanelAxes(len(courses)).y_key] |= {"rangemode": "tozero"}
    return build_figure(data, layout, mode)


def _draw_percentiles(
    course: ShiftCourse, layer: int, axes: PanelAxes, mode: Mode, *, named: bool
) -> list[dict[str, Any]]:
    low, middle, high = course.percentiles[:, layer - 1].T
    colour = PALETTES[mode].forward
    band = {
        "type": "scatter",
        "mode": "lines",
        "name": _("middle 70% of the digits"),
        "showlegend": named,
        "legendgroup": "band",
        "x": np.concatenate([course.steps, course.steps[::-1]]),
        "y": np.concatenate([low, high[::-1]]),
        "fill": "toself",
        "fillcolor": fade(colour, 0.25),
        "line": {"width": 1, "color": colour},
        "hoverinfo": "skip",
        **axes.trace_keys,
    }
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": _("median"),
        "showlegend": named,
        "legendgroup": "median",
        "x": course.steps,
        "y": middle,
        "line": {"color": PALETTES[mode].ink, "width": 3},
        "hovertext": [
            _("step {step}: {low}, {middle}, {high}").format(
                step=int(step),
                low=format_number(a),
                middle=format_number(b),
                high=format_number(c),
            )
            for step, a, b, c in zip(
                course.steps.tolist(), low.tolist(), middle.tolist(), high.tolist(), strict=True
            )
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        **axes.trace_keys,
    }
    return [band, line]


def _draw_losses(
    name: str, course: ShiftCourse, index: int, axes: PanelAxes, mode: Mode
) -> dict[str, Any]:
    style = list_styles(mode)[index + 2]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": np.arange(1.0, len(course.losses) + 1),
        "y": course.losses,
        "line": {"color": style.colour, "dash": ("solid", "dash")[index], "width": 2.5},
        "hovertemplate": f"{name}: %{{y:.3g}}<extra></extra>",
        **axes.trace_keys,
    }
