"""Measured lines, and the law that theory gives for each, dashed in the same colour."""

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
from gradflow.charts.series import Scale, Series, draw_series, explain_marks
from gradflow.charts.theme import Mode, list_styles
from gradflow.core.text import _

HEIGHT = 420
_MARKERS_OF_LONG_LINE = 40
"""Markers that a line shows if it has more points than this."""


@dataclass(frozen=True, eq=False)
class LawCurve:
    """One measured line and its law.

    Attributes:
        name: for legend and hover.
        x, values: the points; values that are 0, infinite or NaN are marked.
        law: the values that theory gives, NaN where it gives none; empty without a law.
        law_x: x of the law; that of the points unless given.
    """

    name: str
    x: FloatArray
    values: FloatArray
    law: FloatArray = field(default_factory=lambda: np.zeros(0))
    law_x: FloatArray | None = None

    @property
    def series(self) -> Series:
        """The measured points as charts over layers take them."""
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
    """Draw a line per curve on one axis, logarithmic unless ``scale`` says else; laws dashed.

    Args:
        curves: the lines; their order fixes colour and marker.
        x: options of the x axis.
        y_title: title of the y axis.
        mode: for a light or a dark page.
        scale: the y axis; fitted to curves and laws unless given.
        y: more options of the y axis.
        law: name of the dashed lines; "theory" unless given.
        notes: texts below the figure, after those on marks.
        more: traces to draw above the lines.
        shapes: shapes to draw.
    """
    if not any(len(curve.x) for curve in curves):
        return empty_figure(_("Nothing was computed: no lines to draw"), mode=mode)
    if scale is None:
        scale = fit_scale(curves, log=True)
    texts = [*explain_marks([curve.series for curve in curves], scale), *notes]
    room, footnote = make_footnote(texts, mode)
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
        "annotations": footnote,
    }
    return build_figure([*draw_curves(curves, scale, mode, law=law), *more], layout, mode)


def fit_scale(curves: Sequence[LawCurve], *, log: bool) -> Scale:
    """Fit the smallest comfortable axis to lines and laws."""
    series = [curve.series for curve in curves]
    overlays = _make_overlays(curves, "")
    return Scale.fit(add_overlay_series(series, overlays, _name_columns(curves)), log)


def draw_curves(
    curves: Sequence[LawCurve],
    scale: Scale,
    mode: Mode,
    *,
    axis: str = "y",
    law: str | None = None,
    in_legend: bool = True,
) -> list[dict[str, Any]]:
    """Draw laws, lines and marks on one y axis, and a legend entry for laws if there are any."""
    series, columns = [curve.series for curve in curves], _name_columns(curves)
    overlays = _make_overlays(curves, law or _("theory"))
    lines = [_make_solid(trace, in_legend) for trace in draw_series(series, scale, mode, axis=axis)]
    data = draw_overlays(series, overlays, columns, scale, list_styles(mode), mode, axis=axis)
    entries = make_legend_entries(overlays[:1], columns, mode) if in_legend else []
    return [*data, *lines, *entries]


def _name_columns(curves: Sequence[LawCurve]) -> list[str]:
    return [str(i) for i in range(len(curves))]


def _make_overlays(curves: Sequence[LawCurve], name: str) -> list[Overlay]:
    overlays = []
    for column, curve in zip(_name_columns(curves), curves, strict=True):
        if np.isfinite(curve.law).any():
            unknown = np.full(len(curve.law), np.nan)
            x = curve.x if curve.law_x is None else curve.law_x
            law = Range(unknown, curve.law, unknown)
            overlays.append(Overlay("theory", name, x, {column: law}))
    return overlays


def _make_solid(trace: dict[str, Any], in_legend: bool) -> dict[str, Any]:
    """Make a measured line solid: dashes mean theory here, markers tell the lines apart."""
    if "line" not in trace:
        return trace | {"x": trace["customdata"]}  # a mark stands at its x, not shifted from it
    few = len(trace["x"]) <= _MARKERS_OF_LONG_LINE
    outline = trace["marker"]["line"] | {"width": 1}
    marker = {"size": 8, "line": outline, "maxdisplayed": 0 if few else _MARKERS_OF_LONG_LINE}
    return trace | {
        "mode": "lines+markers",
        "line": trace["line"] | {"width": 2.5, "dash": "solid"},
        "marker": trace["marker"] | marker,
        "showlegend": in_legend,
    }
