"""A report as a notebook shows it: a card without scripts, small, that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradflow.charts.figure import make_layer_axis, name_rows
from gradflow.charts.flow.data import FlowData, shape_flow
from gradflow.charts.flow.labels import SECOND_LINE
from gradflow.charts.flow.names import NamedAxis, name_axis
from gradflow.charts.flow.thumbnail import Canvas, draw_parts, find_lower_band
from gradflow.charts.rebin import Grid
from gradflow.charts.theme import FONT, PALETTES, Mode, escape
from gradflow.core.numbers import format_count, format_number, format_power
from gradflow.core.report import Report, Rows
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.comparison import Comparison
    from gradflow.core.verdict import Finding

_LEFT, _RIGHT, _FOOT = 74, 14, 34
"""Room for the ticks, the right margin and the axis of layers, in pixels."""
_HALF_LETTER = 3.4
"""Pixels of half a letter of a label, about."""
_CANVAS = Canvas(680, (22.0, 140.0), (176.0, 330.0), 22.0)
_MOST_FINDINGS = 4
_MODE: Mode = "light"
"""A notebook does not say how it looks, so the card brings its own page along."""


def write_card(report: Report) -> str:
    """Write a report as HTML: title, what is to say, the Flow figure, coverage.

    It is a picture of some 20 kB without a script. ``gradflow.figure(report)`` is the figure with
    hovers and zoom.
    """
    parts = [
        _write_head(report),
        _write_findings(report.findings),
        _draw_figure(report),
        f"<p>{escape(str(report.coverage.text))}</p>" if report.coverage.places else "",
    ]
    return _wrap(parts)


def write_comparison(comparison: Comparison) -> str:
    """Write two reports one below the other as HTML, and what has changed."""
    parts = [f"<p>{escape(str(comparison.text))}</p>"]
    for name, report in ((_("Before"), comparison.before), (_("After"), comparison.after)):
        parts += [
            f"<h4 style='margin:8px 0'>{name}</h4>",
            _write_head(report),
            _draw_figure(report),
        ]
    return _wrap(parts)


def _wrap(parts: Sequence[str]) -> str:
    palette = PALETTES[_MODE]
    style = (
        f"font:14px/1.5 {FONT};color:{palette.ink};background:{palette.page};"
        "max-width:800px;padding:12px 16px;border-radius:8px"
    )
    return f'<div style="{escape(style)}">{"".join(parts)}</div>'


def _write_head(report: Report) -> str:
    facts = [
        (_("loss"), format_number(report.loss)),
        (_name_rows(report.rows), format_count(report.count_rows())),
        (_("parameters"), format_count(report.parameter_count)),
    ]
    line = " · ".join(f"{name} {value}" for name, value in facts)
    return f"<div><b>{escape(report.title)}</b> &nbsp; {escape(line)}</div>"


def _name_rows(rows: Rows) -> str:
    return {"layer": _("layers"), "block": _("blocks"), "step": _("steps")}[rows]


def _write_findings(findings: Sequence[Finding]) -> str:
    items = [
        f"<li>{escape(f'{finding.text} {finding.cause}'.strip())}</li>"
        for finding in findings[:_MOST_FINDINGS]
    ]
    return f'<ul style="margin:6px 0;padding-left:20px">{"".join(items)}</ul>'


def _draw_figure(report: Report) -> str:
    flow = shape_flow(report, "activation_grad" if report.rows == "block" else "delta")
    if flow is None:
        return ""
    width = _LEFT + _CANVAS.width + _RIGHT
    names = name_axis(report)
    height = _CANVAS.backward[1] + _FOOT + names.room
    bands = "".join(draw_parts(flow, _CANVAS, _MODE))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'style="width:100%;max-width:{width:g}px;display:block" role="img" '
        f'aria-label="{escape(_("Signal and gradient through the network"))}" '
        f'font-size="12" fill="{PALETTES[_MODE].ink}">'
        f'<g transform="translate({_LEFT} 0)">{bands}</g>{_write_axes(flow, names)}</svg>'
    )


def _write_axes(flow: FlowData, names: NamedAxis) -> str:
    palette = PALETTES[_MODE]
    forward, lower = _CANVAS.forward, find_lower_band(flow, _CANVAS)
    texts = [
        _text(_LEFT, forward[0] - 7, f"{_('forward signal')} → ({flow.signal})", palette.forward),
        _text(
            _LEFT,
            lower[0] - 7,
            f"← {_('gradient on its way back')} ({flow.symbol}, ━ RMS)",
            palette.backward,
        ),
        *_write_ticks(forward, _list_signal_ticks(flow.forward.grid)),
        *_write_ticks(lower, _list_gradient_ticks(flow.backward.grid)),
    ]
    first, bottom = int(flow.layers[0]), _CANVAS.backward[1]
    axis = make_layer_axis(int(flow.layers[-1]), first=first)
    step = _CANVAS.width / len(flow.layers)
    labels = names.choose_labels(axis, _CANVAS.width)
    for at, text in zip(labels.places, labels.texts, strict=True):
        below, x = text.startswith(SECOND_LINE), _LEFT + (at - first + 0.5) * step
        y = bottom + 15 + (names.room if below else 0)
        name = html.unescape(text.removeprefix(SECOND_LINE))
        x = min(x, _LEFT + _CANVAS.width + _RIGHT - _HALF_LETTER * len(name))
        texts.append(_text(x, y, name, palette.ink, "middle"))
    title = name_rows(flow.rows)[1] if names.columns is None else names.columns.title
    middle, low = _LEFT + _CANVAS.width / 2, bottom + 31 + names.room
    texts.append(_text(middle, low, title, palette.muted, "middle"))
    if lower != _CANVAS.backward:
        texts.append(_text(_LEFT - 6, bottom - 4, _("zeros"), palette.muted, "end"))
    return "".join(texts)


def _write_ticks(extent: tuple[float, float], ticks: Sequence[tuple[float, str]]) -> list[str]:
    top, bottom = extent
    ink = PALETTES[_MODE].ink
    return [
        _text(_LEFT - 6, bottom - share * (bottom - top) + 4, label, ink, "end")
        for share, label in ticks
    ]


def _list_signal_ticks(grid: Grid) -> list[tuple[float, str]]:
    """List place and label of the ends of an axis, and of 0 if it is well between them."""
    edges = grid.from_axis(np.array([grid.low, 0.0, grid.high]))
    low, high = float(edges[0]), float(edges[2])
    ticks = [(0.0, format_number(low, 2)), (1.0, format_number(high, 2))]
    place = -grid.low / (grid.high - grid.low)
    return [*ticks, (place, "0")] if 0.15 < place < 0.85 else ticks


def _list_gradient_ticks(grid: Grid) -> list[tuple[float, str]]:
    """List some whole decades."""
    first, last = int(np.ceil(grid.low)), int(np.floor(grid.high))
    step = max(1, (last - first) // 4)
    span = grid.high - grid.low
    return [
        ((power - grid.low) / span, format_power(power)) for power in range(first, last + 1, step)
    ]


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )
