"""Names of modules and blocks on the axis of a figure over the layers of somebody's own model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from gradflow.charts.figure import name_rows, read_column
from gradflow.charts.flow.columns import Columns, Order, make_columns
from gradflow.charts.flow.labels import LINE_HEIGHT, USUAL_WIDTH, Labels, Span, choose_labels
from gradflow.charts.theme import PALETTES, Mode, escape
from gradflow.core.grouping import shorten_path, write_module
from gradflow.core.report import Report
from gradflow.core.text import _

GROUPED = "groups"
"""In ``layout.meta``: how many columns each label of the axis names (``names.js``)."""


@dataclass(frozen=True)
class NamedAxis:
    """What names the places of an axis over layers.

    Attributes:
        columns: what stands there, if each place is not simply a layer.
        names: below the axis.
    """

    columns: Columns | None
    names: tuple[Span, ...]

    @property
    def room(self) -> int:
        """Pixels that the names take below the numbers."""
        return LINE_HEIGHT if self.names else 0

    def choose_labels(self, axis: Mapping[str, Any], pixels: float = USUAL_WIDTH) -> Labels:
        """Choose the labels of an axis over layers, whose numbers it has, in so many pixels."""
        if self.columns is not None:
            return choose_labels(self.columns.ticks, self.names, len(self.columns.pools), pixels)
        places = axis["tickvals"]
        ticks = list(zip(places, map(str, axis.get("ticktext", places)), strict=True))
        count = round(axis["range"][1] - axis["range"][0])
        return choose_labels(ticks, self.names, count, pixels)

    def label(self, layout: dict[str, Any], mode: Mode) -> None:
        """Put the names on the x axis of a figure, and lines between groups into it."""
        axis = layout["xaxis"]
        if self.columns is not None:
            word = name_rows("layer")[1] if self.columns.order == "layer" else _("column")
            axis |= {
                "range": [0.5, len(self.columns.pools) + 0.5],
                "title": {"text": self.columns.title},
                "unifiedhovertitle": {"text": f"<b>{word} %{{x}}</b>"},
            }
            layout["shapes"] = [*layout.get("shapes", ()), *_draw_edges(self.columns.edges, mode)]
        if self.names:
            labels = self.choose_labels(axis)
            axis |= {"tickvals": list(labels.places), "ticktext": list(labels.texts)}
            layout["meta"] = {**layout.get("meta", {}), GROUPED: list(labels.sizes)}


UNNAMED = NamedAxis(None, ())
"""An axis with numbers alone."""


def name_axis(report: Report, order: Order = "layer", opened: int = 0) -> NamedAxis:
    """Find the names below the columns of a report; arguments as for ``make_columns``.

    Layers of networks of ours are known by their numbers, which verdicts and tables name, too.
    """
    if report.rows == "block":
        return NamedAxis(None, make_stream_names(report))
    columns = make_columns(report, order, opened)
    if columns is not None:
        return NamedAxis(columns, columns.spans)
    if report.rows != "layer" or report.experiment is not None:
        return NamedAxis(None, ())
    return NamedAxis(None, _name_layers(report))


def _name_layers(report: Report) -> tuple[Span, ...]:
    """Name single layers; not by numbers that stand beside those of the axis."""
    table = report.get_table("layers")
    if "module" not in table:
        return ()
    names = [shorten_path(str(module)) for module in table["module"]]
    numbers = [int(number) for number in table["layer"]]
    spans = zip(names, numbers, strict=True)
    return tuple(Span(escape(name), n, n) for name, n in spans if not name.isdecimal() and name)


def make_stream_names(stream: Report) -> tuple[Span, ...]:
    """Make the names below the branches of a residual stream: the lists that its blocks are in.

    Empty if there is one list alone.
    """
    table = stream.get_table("layers")
    parents = [str(name).partition("#")[0].rpartition(".")[0] for name in table["module"]]
    spans = []
    numbers = table["layer"].tolist()
    for parent, run in groupby(zip(parents, numbers, strict=True), lambda item: item[0]):
        members = [number for _parent, number in run if number > 0]
        if members and parent:
            spans.append(Span(escape(parent.rpartition(".")[2]), members[0], members[-1]))
    return tuple(spans) if len(spans) > 1 else ()


def _draw_edges(edges: Sequence[float], mode: Mode) -> list[dict[str, Any]]:
    """Draw the lines between groups, all as one path."""
    if not edges:
        return []
    path = "".join(f"M{edge},0V1" for edge in edges)
    line = {"color": PALETTES[mode].muted, "width": 1}
    place = {"type": "path", "path": path, "xref": "x", "yref": "paper"}
    return [{**place, "line": line, "opacity": 0.45}]


def draw_hover_names(report: Report, height: float) -> list[dict[str, Any]]:
    """Draw an invisible line, at a place of the y axis, whose points name the module of each row.

    It comes first of all traces, so that the name stands at the top of a hover.
    """
    table = report.get_table("layers")
    if "module" not in table or report.rows == "step":
        return []
    return [
        {
            "type": "scatter",
            "name": "modules",
            "showlegend": False,
            "mode": "lines",
            "x": read_column(table, "layer"),
            "y": np.full(len(table), height),
            "hovertext": [escape(str(write_module(str(name)))) for name in table["module"]],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "line": {"color": "rgba(0,0,0,0)", "width": 0},
        }
    ]
