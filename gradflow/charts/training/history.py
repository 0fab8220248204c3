"""The distributions of one layer over the steps of training runs, as an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.describe import SIGNED, SPOKEN
from gradflow.charts.figure import build_figure, empty_figure
from gradflow.charts.flow.axes import make_signal_axis
from gradflow.charts.flow.text import NAMES, SYMBOLS
from gradflow.charts.flow.traces import draw_heatmap
from gradflow.charts.rebin import Grid
from gradflow.charts.theme import PALETTES, Mode
from gradflow.charts.training.data import Lane
from gradflow.charts.training.film import GRADIENT, SIGNAL, FilmLane, fit_axes, spread_columns
from gradflow.charts.training.layers import HEIGHT, frame_panels, make_step_axis
from gradflow.charts.training.signed import make_signed_grid, place_sizes, spread_signed
from gradflow.core.report import Quantity
from gradflow.core.text import _


def history_figure(
    lanes: Sequence[Lane],
    films: Sequence[FilmLane],
    *,
    layer: int,
    band: int = SIGNAL,
    mode: Mode = "light",
) -> go.Figure:
    """Draw the distribution of a layer at every kept step: an image step × value for each run.

    A column is a kept step. Its shade is the share of the layer's entries in each row, relative to
    the column's fullest row (to the power 0.65). Gradients keep their sign: each side of 0 has the
    logarithm of their size as axis, and the RMS as a line.

    Args:
        lanes: the runs, which fix the axis of steps.
        films: their kept steps.
        layer: which layer, from 1 at the input side; of a network that has fewer, the last one.
        band: ``SIGNAL`` for the activations or ``GRADIENT``.
        mode: for a light or a dark page.
    """
    if not any(len(film.steps) for film in films):
        return empty_figure(_("No step was recorded yet"), mode=mode, height=HEIGHT)
    films = [film.take_layer(layer) for film in films]
    axes_of_all = fit_axes([film for film in films if len(film.steps)])
    grid = axes_of_all.signal if band == SIGNAL else make_signed_grid(axes_of_all.gradient)
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    for i, film in enumerate(films):
        axes = PanelAxes(i)
        layout[axes.x_key] = make_step_axis(i, lanes)
        if len(film.steps):
            data += _draw_panel(film, band, grid, axes, mode)
    shade = _("darker") if mode == "light" else _("brighter")
    notes = [_("{shade}: more of the layer’s entries in that step").format(shade=shade)]
    what: Quantity = "activation" if band == SIGNAL else films[0].gradient
    if band == GRADIENT:
        notes.append(_("━ ±RMS"))
    if grid.kind == "symlog":
        notes.append(_("axis: linear near 0, logarithmic beyond"))
    axis = make_signal_axis(grid, f"{_(NAMES[what])} {SYMBOLS[what]}")
    layout |= frame_panels(lanes, notes, mode) | {"yaxis": axis}
    return build_figure(data, layout, mode)


def _draw_panel(
    film: FilmLane, band: int, grid: Grid, axes: PanelAxes, mode: Mode
) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    columns = (
        spread_columns(film, band, slice(None), grid)
        if band == SIGNAL
        else spread_signed(film, grid)
    )
    scale = palette.forward_scale if band == SIGNAL else palette.backward_scale
    heatmap = draw_heatmap(columns, "y", scale)
    for name in ("x0", "dx"):
        del heatmap[name]
    step = _("step {step}").format(step="%{x}")
    place = f"{film.letter}, {step}" if film.letter else step
    heatmap |= {
        "xaxis": axes.x,
        "x": film.steps.astype(np.float32),
        "hovertemplate": f"{place}<br>{heatmap['hovertemplate']}",
    }
    if band == SIGNAL:
        return [heatmap]
    level = place_sizes(grid, film.level[:, 0]).astype(np.float32)
    lines = [
        {
            "type": "scatter",
            "name": name,
            "meta": meta,
            "mode": "lines",
            "xaxis": axes.x,
            "yaxis": "y",
            "x": film.steps.astype(np.float32),
            "y": height,
            "hoverinfo": "skip",
            "line": line,
        }
        for height in (level, -level)
        for name, meta, line in (
            ("casing", None, {"color": palette.page, "width": 5}),
            (
                f"{film.letter} {_('RMS')}".strip(),
                SPOKEN | {SIGNED: grid.threshold} if height is level else None,
                {"color": palette.ink, "width": 2},
            ),
        )
    ]
    return [heatmap, *lines]
