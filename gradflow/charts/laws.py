"""Measured lines with what a law says of them, dashed, in the same colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import (
    FloatArray,
    build_figure,
    empty_figure,
    make_footnote,
    make_legend,
)
from gradflow.charts.overlay import (
    Overlay,
    Range,
    add_overlay_series,
    draw_overlays,
    make_legend_entries,
)
from gradflow.charts.series import Scale, Series, draw_series, has_marks
from gradflow.charts.theme import Mode, list_styles
from gradflow.core.text import _

HEIGHT = 420
_MARKERS = 40
"""A line with more points than this shows so many markers."""


def _nothing() -> FloatArray:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class LawCurve:
    """One measured line.

    Attributes:
        name: for legend and hover.
        x, values: the points; values that are 0, infinite or NaN are marked.
        law: what theory says, NaN where nothing; empty: there is no law.
        law_x: where; the points' own x unless given.
    """

    name: str
    x: FloatArray
    values: FloatArray
    law: FloatArray = field(default_factory=_nothing)
    law_x: FloatArray | None = None

    @property
    def series(self) -> Series:
        """As charts over layers have it."""
        return Series(self.name, self.x, self.values)


def laws_figure(
    curves: Sequence[LawCurve],
    *,
    x: dict[str, Any],
    y_title: str,
    mode: Mode,
    scale: Scale | None = None,
    y: dict[str, Any] | None = None,
    law: str | None = None,
    notes: Sequence[str] = (),
    more: Sequence[dict[str, Any]] = (),
    shapes: Sequence[dict[str, Any]] = (),
) -> go.Figure:
    """A line per curve on one axis, logarithmic unless ``scale`` says else; laws are dashed.

    Args:
        curves: what to draw; a place in the sequence has a colour and a marker of its own.
        x: the x axis.
        y_title: what the values are.
        mode: for a light or a dark page.
        scale: the y axis; fitted to curves and laws unless given.
        y: what else the y axis is to have.
        law: what the dashed lines are called; "theory" unless given.
        notes: what else is to be said, below the figure.
        more: other traces, above the lines.
        shapes: other shapes.
    """
    if not any(len(curve.x) for curve in curves):
        return empty_figure(_("Nothing was computed: no lines to draw"), mode=mode)
    if scale is None:
        scale = fit_scale(curves, log=True)
    texts = [*explain_marks(curves, scale), *notes]
    room, foots = make_footnote(texts, mode)
    layout = {
        "height": HEIGHT + room,
        "margin": {"l": 84, "r": 24, "t": 44, "b": 66 + room},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": {"showgrid": False, **x},
        "yaxis": scale.make_axis(y_title) | (y or {}),
        "shapes": list(shapes),
        "annotations": foots,
    }
    return build_figure([*draw_curves(curves, scale, mode, law=law), *more], layout, mode)


def fit_scale(curves: Sequence[LawCurve], *, log: bool) -> Scale:
    """The smallest comfortable axis for lines and laws."""
    series = [curve.series for curve in curves]
    return Scale.fit(add_overlay_series(series, _overlays(curves, ""), _columns(curves)), log)


def explain_marks(curves: Sequence[LawCurve], scale: Scale) -> list[str]:
    """What the marks that occur mean."""
    zeros, broken = has_marks([curve.series for curve in curves], scale)
    return [_("▽ exactly 0")] * zeros + [_("✕ NaN or infinite")] * broken


def draw_curves(
    curves: Sequence[LawCurve],
    scale: Scale,
    mode: Mode,
    *,
    axis: str = "y",
    law: str | None = None,
    in_legend: bool = True,
) -> list[dict[str, Any]]:
    """Laws, lines and marks on one y axis, and, if there is a law, what dashes mean."""
    series, columns = [curve.series for curve in curves], _columns(curves)
    overlays = _overlays(curves, law or _("theory"))
    lines = [_solid(trace, in_legend) for trace in draw_series(series, scale, mode, axis=axis)]
    data = draw_overlays(series, overlays, columns, scale, list_styles(mode), mode, axis=axis)
    entries = make_legend_entries(overlays[:1], columns, mode) if in_legend else []
    return [*data, *lines, *entries]


def _columns(curves: Sequence[LawCurve]) -> list[str]:
    return [str(i) for i in range(len(curves))]


def _overlays(curves: Sequence[LawCurve], name: str) -> list[Overlay]:
    found = []
    for column, curve in zip(_columns(curves), curves, strict=True):
        if np.isfinite(curve.law).any():
            unknown = np.full(len(curve.law), np.nan)
            x = curve.x if curve.law_x is None else curve.law_x
            found.append(Overlay("theory", name, x, {column: Range(unknown, curve.law, unknown)}))
    return found


def _solid(trace: dict[str, Any], in_legend: bool) -> dict[str, Any]:
    """Dashes mean theory here; markers tell the lines apart."""
    if "line" not in trace:
        return trace | {"x": trace["customdata"]}  # where the point is, not beside it
    few = len(trace["x"]) <= _MARKERS
    outline = trace["marker"]["line"] | {"width": 1}
    marker = {"size": 8, "line": outline, "maxdisplayed": 0 if few else _MARKERS}
    return trace | {
        "mode": "lines+markers",
        "line": trace["line"] | {"width": 2.5, "dash": "solid"},
        "marker": trace["marker"] | marker,
        "showlegend": in_legend,
    }
