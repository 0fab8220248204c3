"""A gradient before and after clipping: its length, its direction, its parts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, empty_figure, make_legend, make_note
from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TICK_SIZE, Mode, list_styles
from gradflow.core.numbers import format_number
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.recurrent.clipping import ClippingCourse, ClippingReport

HEIGHT = 400
_BAR_PATTERNS = ("", "/", ".")
_MOST_TICKS = 9
"""The axis of thresholds has about this many."""
_SHORTEST_ARROW = 0.4
"""Arrows do not become shorter than this share of the longest."""


def parameters_figure(report: ClippingReport, *, mode: Mode = "light") -> go.Figure:
    """Draw ‖g‖ of each parameter before and after, as bars on a log axis; ✕: NaN or infinite."""
    columns = (report.before, report.by_norm.norms, report.by_value.norms)
    known = np.concatenate(columns)
    known = known[np.isfinite(known) & (known > 0)]
    if not len(known):
        return empty_figure(_("The gradient is zero or not finite: nothing to clip"), mode=mode)
    scale = Scale.fit([Series("", np.zeros(0), known)], log=True)
    parameters = [name.removeprefix("recurrent.") for name in report.names]
    data = [_draw_bars(i, parameters, norms, scale, mode) for i, norms in enumerate(columns)]
    layout = {
        "height": HEIGHT,
        "margin": {"l": 84, "r": 24, "t": 44, "b": 46},
        "barmode": "group",
        "bargap": 0.25,
        "hovermode": "x unified",
        "dragmode": False,
        "legend": make_legend(),
        "xaxis": {"tickfont": {"size": TICK_SIZE - 1}, "showgrid": False},
        "yaxis": scale.make_axis(_("norm of the parameter’s gradient")),
    }
    return build_figure(data, layout, mode)


def _draw_bars(
    i: int, parameters: list[str], norms: FloatArray, scale: Scale, mode: Mode
) -> dict[str, Any]:
    """Draw the bars of gradient i, from the bottom of the axis up to log10 of the norms."""
    name = list_gradient_names()[i]
    return {
        "type": "bar",
        "name": name,
        "x": parameters,
        "y": np.where(norms > 0, scale.to_axis(norms) - scale.low, 0),
        "base": scale.low,
        "hovertext": [f"{name}: {format_number(norm)}" for norm in norms.tolist()],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "text": [label_bar(norm) for norm in norms.tolist()],
        "textposition": "outside",
        "textfont": {"size": TEXT_SIZE, "color": PALETTES[mode].alarm},
        "cliponaxis": False,
        "marker": {
            "color": list_gradient_colours(mode)[i],
            "line": {"width": 0},
            "pattern": {
                "shape": _BAR_PATTERNS[i],
                "fgcolor": PALETTES[mode].page,
                "size": 7,
                "fillmode": "overlay",
            },
        },
    }


def label_bar(norm: float) -> str:
    """Write a label in the place of a bar that has no height."""
    return "0" if norm == 0 else "" if math.isfinite(norm) else "✕"


def directions_figure(report: ClippingReport, *, mode: Mode = "light") -> go.Figure:
    """Draw three arrows: the gradient, and both clipped ones at their true angle to it.

    Lengths are drawn relative to the longest, but never below ``_SHORTEST_ARROW``.
    """
    tips = shape_arrows(report)
    if tips is None:
        return empty_figure(_("The gradient is zero or not finite: no direction"), mode=mode)
    colours, ink = list_gradient_colours(mode), PALETTES[mode].ink
    norms = (report.norm, report.by_norm.norm, report.by_value.norm)
    degrees = format_number(math.degrees(_find_angle(report)))
    turned = _("by value: turned by {angle}°").format(angle=degrees)
    hidden = {"visible": False, "fixedrange": True}
    layout = {
        "height": HEIGHT,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "dragmode": False,
        "xaxis": {**hidden, "range": [-0.08, 1.12]},
        "yaxis": {**hidden, "range": [-0.16, 1.1], "scaleanchor": "x"},
        "annotations": [
            *(_draw_arrow(tip, 8 - 2 * i, colours[i]) for i, tip in enumerate(tips)),
            *(_write_norm(i, norm, mode) for i, norm in enumerate(norms)),
            make_note(turned, 0, 0, font={"size": TEXT_SIZE, "color": colours[2]}),
        ],
    }
    # Plotly draws no axes, and so no arrows, without a trace.
    origin = {
        "type": "scatter",
        "x": [0],
        "y": [0],
        "mode": "markers",
        "hoverinfo": "skip",
        "showlegend": False,
        "marker": {"size": 9, "color": ink},
    }
    return build_figure([origin], layout, mode)


def shape_arrows(report: ClippingReport) -> list[tuple[float, float]] | None:
    """Find the tips of the three arrows; ``None`` if the gradient has no direction."""
    if not (0 < report.norm < math.inf) or math.isnan(report.by_value.cosine):
        return None
    arrows = (
        (report.norm, 0.0),
        (report.by_norm.norm, 0.0),
        (report.by_value.norm, _find_angle(report)),
    )
    tips = []
    for norm, angle in arrows:
        length = max(norm / report.norm, _SHORTEST_ARROW)
        tips.append((length * math.cos(angle), length * math.sin(angle)))
    return tips


def _find_angle(report: ClippingReport) -> float:
    """Find by how much clipping by value turns the gradient, in radians."""
    return math.acos(min(1.0, max(-1.0, report.by_value.cosine)))


def _draw_arrow(tip: tuple[float, float], width: float, colour: str) -> dict[str, Any]:
    return {
        "x": tip[0],
        "y": tip[1],
        "ax": 0,
        "ay": 0,
        "xref": "x",
        "yref": "y",
        "axref": "x",
        "ayref": "y",
        "text": "",
        "showarrow": True,
        "arrowhead": 2,
        "arrowsize": 0.8,
        "arrowwidth": width,
        "arrowcolor": colour,
    }


def _write_norm(i: int, norm: float, mode: Mode) -> dict[str, Any]:
    """Write name and length of gradient i into line i of the figure."""
    colour, name = list_gradient_colours(mode)[i], list_gradient_names()[i]
    text = f"<span style='color:{colour}'>━</span> {name}, ‖g‖ = {format_number(norm)}"
    font = {"size": TEXT_SIZE, "color": PALETTES[mode].ink}
    return make_note(text, 0, 1, yanchor="top", yshift=-22 * i, font=font)


def cosine_figure(
    course: ClippingCourse, thresholds: tuple[float, float], *, mode: Mode = "light"
) -> go.Figure:
    """Draw the cosine of the gradients before and after against the threshold, on a log axis.

    Args:
        course: both ways over a range of thresholds.
        thresholds: those in force, by norm and by value; marked.
        mode: for a light or a dark page.
    """
    curves = make_cosine_curves(course)
    low = min((float(curve.values.min()) for curve in curves if len(curve.x)), default=0.0)
    ends = course.thresholds[[0, -1]] if len(course.thresholds) else np.ones(2)
    _before, *colours = list_gradient_colours(mode)
    return laws_figure(
        curves,
        x={
            "title": {"text": _("threshold c")},
            "dtick": math.ceil(max(math.log10(ends[1] / ends[0]), 1) / _MOST_TICKS),
            "tickprefix": "10<sup>",
            "ticksuffix": "</sup>",
            "unifiedhovertitle": {"text": "<b>c = 10<sup>%{x:.2f}</sup></b>"},
        },
        y_title=_("cosine of the angle"),
        mode=mode,
        scale=Scale(False, min(0.0, low), 1.2),  # room for the keys above, on a phone
        shapes=[
            {
                "type": "line",
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "x0": math.log10(threshold),
                "x1": math.log10(threshold),
                "line": {"color": colour, "width": 2, "dash": "dot"},
            }
            for threshold, colour in zip(thresholds, colours, strict=True)
        ],
        notes=[_("┆ the thresholds in force")],
    )


def make_cosine_curves(course: ClippingCourse) -> list[LawCurve]:
    """Make one curve per way of clipping, over log10 of the threshold."""
    x = np.log10(course.thresholds)
    _before, by_norm, by_value = list_gradient_names()
    return [LawCurve(by_norm, x, course.norm_cosine), LawCurve(by_value, x, course.value_cosine)]


def list_gradient_names() -> tuple[str, str, str]:
    """Name the three gradients, in their order everywhere."""
    return _("before"), _("clipped by norm"), _("clipped by value")


def list_gradient_colours(mode: Mode) -> tuple[str, str, str]:
    """List the colours of the three gradients."""
    by_norm, by_value, *_others = list_styles(mode)
    return PALETTES[mode].muted, by_norm.colour, by_value.colour
