"""Scatter of batch statistics and error of the output against the batch size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import FloatArray, build_figure, make_legend, make_note
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode, Style, list_styles
from gradflow.core.numbers import format_number
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization.small_batches import Spreads

HEIGHT = 430
_SPREAD_TICKS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]
_PANELS = ((0.0, 0.29), (0.355, 0.645), (0.71, 1.0))


@dataclass(frozen=True, eq=False)
class _Family:
    """One quantity of batch norm or of group norm, over the batch size."""

    name: str
    drawn: FloatArray
    theory: FloatArray
    style: Style


def spreads_figure(
    sizes: Sequence[int], spreads: Spreads, chosen: int, *, mode: Mode = "light"
) -> go.Figure:
    """Draw three panels over the batch size, both axes logarithmic; lines are theory.

    Args:
        sizes: batch sizes.
        spreads: of batch norm and group norm.
        chosen: the batch size that a dotted line marks.
        mode: for a light or a dark page.
    """
    titles = (_("spread of the mean"), _("spread of the variance"), _("error of the output"))
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 60, "r": 12, "t": 80, "b": 56},
        "dragmode": False,
        "legend": make_legend() | {"y": 1.1},
        "showlegend": True,
        "annotations": [],
        "shapes": [],
    }
    for i, (title, quantity) in enumerate(zip(titles, ("mean", "variance", "error"), strict=True)):
        axes = PanelAxes(i)
        families = _list_families(spreads, quantity, mode)
        for family in families:
            data += _draw_family(family, sizes, axes, mode)
        layout |= _lay_out_panel(families, sizes, axes)
        layout["annotations"].append(
            make_note(f"<b>{title}</b>", _PANELS[i][0], 1.01, font={"size": TITLE_SIZE})
        )
        layout["shapes"].append(_mark_size(chosen, axes, mode))
    return build_figure(data, layout, mode)


def _list_families(spreads: Spreads, quantity: str, mode: Mode) -> list[_Family]:
    batch_style, group_style, *_others = list_styles(mode)
    return [
        _Family(
            _("batch norm"),
            getattr(spreads.batch, quantity),
            getattr(spreads.batch_theory, quantity),
            batch_style,
        ),
        _Family(
            _("group norm"),
            getattr(spreads.group, quantity),
            getattr(spreads.group_theory, quantity),
            group_style,
        ),
    ]


def _draw_family(
    family: _Family, sizes: Sequence[int], axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    """Draw theory as a line, and the values of random batches as marks."""
    common = {
        "x": list(sizes),
        "legendgroup": family.name,
        "showlegend": axes.panel == 0,
        **axes.trace_keys,
    }
    style = family.style
    theory = {
        "type": "scatter",
        "mode": "lines",
        "y": family.theory,
        "name": _("{norm}: theory").format(norm=family.name),
        "line": {"color": style.colour, "dash": style.dash, "width": 2.5},
        "hoverinfo": "skip",
        **common,
    }
    marks = {
        "type": "scatter",
        "mode": "markers",
        "y": family.drawn,
        "name": _("{norm}: drawn").format(norm=family.name),
        "marker": {
            "color": style.colour,
            "symbol": style.symbol,
            "size": 10,
            "line": {"color": PALETTES[mode].page, "width": 1.5},
        },
        "hovertext": [
            _("{norm}, N = {n}: {drawn}; theory {theory}").format(
                norm=family.name, n=n, drawn=format_number(a), theory=format_number(b)
            )
            for n, a, b in zip(sizes, family.drawn, family.theory, strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        **common,
    }
    return [theory, marks]


def _lay_out_panel(
    families: Sequence[_Family], sizes: Sequence[int], axes: PanelAxes
) -> dict[str, Any]:
    """Make the axes of a panel; the one upwards holds all values."""
    logs = np.log10([values for family in families for values in (family.drawn, family.theory)])
    return {
        axes.x_key: {
            "type": "log",
            "domain": _PANELS[axes.panel],
            "anchor": axes.y,
            "tickvals": list(sizes)[::2],
            "ticktext": [str(size) for size in sizes[::2]],
            "range": np.log10([sizes[0] / 1.3, sizes[-1] * 1.3]).tolist(),
            "title": {"text": _("batch size N")},
        },
        axes.y_key: {
            "type": "log",
            "anchor": axes.x,
            "range": [float(logs.min()) - 0.1, float(logs.max()) + 0.1],
            "tickvals": _SPREAD_TICKS,
            "ticktext": [format_number(tick) for tick in _SPREAD_TICKS],
        },
    }


def _mark_size(size: int, axes: PanelAxes, mode: Mode) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": axes.x,
        "yref": f"{axes.y} domain",
        "x0": size,
        "x1": size,
        "y0": 0,
        "y1": 1,
        "line": {"color": PALETTES[mode].ink, "width": 2, "dash": "dot"},
    }
