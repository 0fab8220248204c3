"""What clipping does to a gradient: its length, its direction, its parts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build, empty_figure, legend, note
from gradflow.charts.laws import Curve, laws_figure
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TICK_SIZE, Mode, number, styles
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.recurrent.clipping import ClippingCourse, ClippingReport

HEIGHT = 400
_BAR_PATTERNS = ("", "/", ".")
_MOST_TICKS = 9
"""About so many are written on the axis of thresholds."""
_SHORTEST_ARROW = 0.4
"""Arrows do not become shorter than this share of the longest."""


def list_gradient_colours(mode: Mode) -> tuple[str, str, str]:
    """Of the three gradients."""
    by_norm, by_value, *_others = styles(mode)
    return PALETTES[mode].muted, by_norm.colour, by_value.colour


def list_gradient_names() -> tuple[str, str, str]:
    """Names of the three gradients, in their order everywhere."""
    return _("before"), _("clipped by norm"), _("clipped by value")


def parameters_figure(report: ClippingReport, *, mode: Mode = "light") -> go.Figure:
    """‖g‖ of each parameter before and after, as bars on a log axis; ✕: NaN or infinite."""
    series = make_parameter_series(report)
    known = np.concatenate([values for _name, values in series])
    known = known[np.isfinite(known) & (known > 0)]
    if not len(known):
        return empty_figure(_("The gradient is zero or not finite: nothing to clip"), mode=mode)
    scale = Scale.fitting([Series("", np.zeros(0), known)], log=True)
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "name": name,
            "x": [name.removeprefix("recurrent.") for name in report.names],
            "y": np.where(values > 0, scale.drawn(values) - scale.low, 0),
            "base": scale.low,
            "hovertext": [f"{name}: {number(value)}" for value in values.tolist()],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "text": [label_bar(value) for value in values.tolist()],
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
        for i, (name, values) in enumerate(series)
    ]
    layout = {
        "height": HEIGHT,
        "margin": {"l": 84, "r": 24, "t": 44, "b": 46},
        "barmode": "group",
        "bargap": 0.25,
        "hovermode": "x unified",
        "dragmode": False,
        "legend": legend(),
        "xaxis": {"tickfont": {"size": TICK_SIZE - 1}, "showgrid": False},
        "yaxis": scale.axis(_("norm of the parameter’s gradient")),
    }
    return build(data, layout, mode)


def label_bar(value: float) -> str:
    """What stands where a bar has no height."""
    return "0" if value == 0 else "" if math.isfinite(value) else "✕"


def make_parameter_series(report: ClippingReport) -> list[tuple[str, FloatArray]]:
    """Norms per parameter of the three gradients."""
    columns = (report.before, report.by_norm.norms, report.by_value.norms)
    return list(zip(list_gradient_names(), columns, strict=True))


def directions_figure(report: ClippingReport, *, mode: Mode = "light") -> go.Figure:
    """Three arrows: the gradient, and both clipped ones at their true angle to it.

    Lengths are drawn relative to the longest, but never below ``_SHORTEST``.
    """
    arrows = shape_arrows(report)
    if arrows is None:
        return empty_figure(_("The gradient is zero or not finite: no direction"), mode=mode)
    looks, palette = list_gradient_colours(mode), PALETTES[mode]
    tips = [
        {
            "x": x,
            "y": y,
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
            "arrowwidth": 8 - 2 * i,
            "arrowcolor": looks[i],
        }
        for i, (x, y) in enumerate(arrows)
    ]
    angle = math.degrees(math.acos(min(1.0, max(-1.0, report.by_value.cosine))))
    names = [
        note(
            f"<span style='color:{looks[i]}'>━</span> {name}, ‖g‖ = {number(norm)}",
            0,
            1,
            yanchor="top",
            yshift=-22 * i,
            font={"size": TEXT_SIZE, "color": palette.ink},
        )
        for i, (name, norm) in enumerate(
            zip(
                list_gradient_names(),
                (report.norm, report.by_norm.norm, report.by_value.norm),
                strict=True,
            )
        )
    ]
    text = _("by value: turned by {angle}°").format(angle=number(angle))
    names.append(note(text, 0, 0, font={"size": TEXT_SIZE, "color": looks[2]}))
    hidden = {"visible": False, "fixedrange": True}
    layout = {
        "height": HEIGHT,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "dragmode": False,
        "xaxis": {**hidden, "range": [-0.08, 1.12]},
        "yaxis": {**hidden, "range": [-0.16, 1.1], "scaleanchor": "x"},
        "annotations": [*tips, *names],
    }
    # Plotly draws no axes, and so no arrows, without a trace.
    origin = {
        "type": "scatter",
        "x": [0],
        "y": [0],
        "mode": "markers",
        "hoverinfo": "skip",
        "showlegend": False,
        "marker": {"size": 9, "color": palette.ink},
    }
    return build([origin], layout, mode)


def shape_arrows(report: ClippingReport) -> list[tuple[float, float]] | None:
    """Tips of the three arrows; ``None`` if the gradient has no direction."""
    if not (0 < report.norm < math.inf) or math.isnan(report.by_value.cosine):
        return None
    angle = math.acos(min(1.0, max(-1.0, report.by_value.cosine)))
    tips = []
    for norm, turned in (
        (report.norm, 0.0),
        (report.by_norm.norm, 0.0),
        (report.by_value.norm, angle),
    ):
        length = max(norm / report.norm, _SHORTEST_ARROW)
        tips.append((length * math.cos(turned), length * math.sin(turned)))
    return tips


def cosine_figure(
    course: ClippingCourse, thresholds: tuple[float, float], *, mode: Mode = "light"
) -> go.Figure:
    """Cosine of the gradient before and after against the threshold, on a log axis.

    Args:
        course: both ways over a range of thresholds.
        thresholds: those in force, by norm and by value; marked.
        mode: for a light or a dark page.
    """
    curves = make_cosine_curves(course)
    looks = list_gradient_colours(mode)
    low = min((float(curve.values.min()) for curve in curves if len(curve.x)), default=0.0)
    ends = course.thresholds[[0, -1]] if len(course.thresholds) else np.ones(2)
    marks = [
        {
            "type": "line",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "x0": math.log10(c),
            "x1": math.log10(c),
            "line": {"color": looks[i + 1], "width": 2, "dash": "dot"},
        }
        for i, c in enumerate(thresholds)
    ]
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
        scale=Scale(False, min(0.0, low), 1.08),
        shapes=marks,
        notes=[_("┆ the thresholds in force")],
    )


def make_cosine_curves(course: ClippingCourse) -> list[Curve]:
    """One per way of clipping."""
    x = np.log10(course.thresholds)
    return [
        Curve(name, x, values)
        for name, values in zip(
            list_gradient_names()[1:], (course.norm_cosine, course.value_cosine), strict=True
        )
    ]
