"""Dying ReLU: the range of z of every unit, animated over the steps of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, make_legend
from gradflow.charts.theme import PALETTES, Mode
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.dying import DyingTraining

MOST_FRAMES = 40
"""The animation has at most this many frames, and one more for the last step."""
_FRAME_MS = 120
_BLOCK_GAP = 6
"""Empty columns between the units of two trainings."""
_FURTHEST = 100.0
"""Strokes end here, far outside the axis: an overflow has no coordinate."""

_TOP = 0.86
"""Where the captions begin, as a share of the plot's height."""

Strokes = tuple[FloatArray, FloatArray, FloatArray]
"""Column, lowest and highest z of some units of one training."""


def units_figure(
    trainings: Sequence[tuple[str, DyingTraining]], *, mode: Mode = "light"
) -> go.Figure:
    """Draw one upright stroke per unit, from its smallest to its largest z over all samples.

    A stroke wholly below 0 is a unit that is off for every sample. Buttons and a slider below
    the figure move through the steps; all of it runs in the browser.

    Args:
        trainings: name and numbers of each training, all of the same width and length.
        mode: for a light or a dark page.
    """
    steps = choose_steps(len(trainings[0][1].loss))
    height = _fit_height(trainings)
    contents = [_draw_step(trainings, step, mode) for step in steps]
    frames = [
        {"name": str(step), "data": traces, "traces": [0, 1, 2]}
        for step, traces in zip(steps, contents, strict=True)
    ]
    units = trainings[0][1].low.shape[1]
    layout: dict[str, Any] = {
        "height": 470,
        "margin": {"l": 70, "r": 24, "t": 44, "b": 130},
        "dragmode": False,
        "hovermode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": {
            "range": [-_BLOCK_GAP / 2, len(trainings) * (units + _BLOCK_GAP) - _BLOCK_GAP / 2],
            "tickvals": _find_centres(trainings),
            "ticktext": [name for name, _training in trainings],
            "showgrid": False,
            "ticks": "",
        },
        "yaxis": {
            "range": list(height),
            "domain": [0, _TOP],
            "title": {"text": _("z of each unit")},
            "zeroline": True,
            "zerolinecolor": PALETTES[mode].ink,
            "zerolinewidth": 2,
        },
        # The captions stand above the plot, where no line of its grid goes through them.
        "yaxis2": {"range": [0, 1], "domain": [_TOP, 1], "visible": False, "anchor": "x"},
        "updatemenus": [_make_buttons(mode)],
        "sliders": [_make_slider(steps, mode)],
    }
    return build_figure([dict(trace) for trace in contents[0]], layout, mode, frames)


def choose_steps(rows: int) -> list[int]:
    """Choose the steps shown as frames: the first, the last, and evenly spaced ones between."""
    every = max(1, -(-(rows - 1) // MOST_FRAMES))
    return sorted({*range(0, rows, every), rows - 1})


def _fit_height(trainings: Sequence[tuple[str, DyingTraining]]) -> tuple[float, float]:
    """Fit the y axis to all finite z, but cut explosions off at ±20."""
    low = np.concatenate([training.low.ravel() for _name, training in trainings])
    high = np.concatenate([training.high.ravel() for _name, training in trainings])
    low, high = low[np.isfinite(low)], high[np.isfinite(high)]
    return (
        max(float(low.min()), -20.0) - 0.5,
        min(max(float(high.max()), 1.0), 20.0) + 0.5,
    )


def _find_centres(trainings: Sequence[tuple[str, DyingTraining]]) -> list[float]:
    """Find the middle of the columns of each training."""
    return [
        i * (training.low.shape[1] + _BLOCK_GAP) + (training.low.shape[1] - 1) / 2
        for i, (_name, training) in enumerate(trainings)
    ]


def _draw_step(
    trainings: Sequence[tuple[str, DyingTraining]],
    step: int,
    mode: Mode,
) -> list[dict[str, Any]]:
    """Draw the units that are on, those that are off, and a caption above each training."""
    palette = PALETTES[mode]
    on: list[Strokes] = []
    off: list[Strokes] = []
    for i, (_name, training) in enumerate(trainings):
        units = training.low.shape[1]
        columns = i * (units + _BLOCK_GAP) + np.arange(units, dtype=float)
        low, high, is_off = training.low[step], training.high[step], training.off[step]
        on.append((columns[~is_off], low[~is_off], high[~is_off]))
        off.append((columns[is_off], low[is_off], high[is_off]))
    centres = _find_centres(trainings)
    return [
        _draw_strokes(on, _("on for some samples"), {"color": palette.forward, "width": 4}),
        _draw_strokes(
            off, _("off: z ≤ 0 for every sample"), {"color": palette.backward, "width": 2}
        ),
        {
            "type": "scatter",
            "mode": "text",
            "x": centres,
            "y": [0.5] * len(centres),
            "yaxis": "y2",
            "text": [_write_caption(training, step) for _name, training in trainings],
            "showlegend": False,
            "hoverinfo": "skip",
        },
    ]


def _draw_strokes(blocks: Sequence[Strokes], name: str, line: dict[str, Any]) -> dict[str, Any]:
    columns, low, high = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    low, high = np.clip(low, -_FURTHEST, _FURTHEST), np.clip(high, -_FURTHEST, _FURTHEST)
    gap = np.full(len(columns), np.nan)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "hoverinfo": "skip",
        "line": line,
        "x": _round(np.stack([columns, columns, gap], 1).ravel()),
        "y": _round(np.stack([low, high, gap], 1).ravel()),
    }


def _round(values: FloatArray) -> list[float | None]:
    """Keep two decimals, because every frame carries these numbers."""
    return [v if math.isfinite(v) else None for v in np.round(values, 2).tolist()]


def _write_caption(training: DyingTraining, step: int) -> str:
    if 0 <= training.overflowed <= step:
        return _("overflow at step {step}").format(step=training.overflowed)
    return _("{off} off,<br>{dead} dead").format(
        off=int(training.off[step].sum()), dead=int(training.dead[step].sum())
    )


def _make_buttons(mode: Mode) -> dict[str, Any]:
    palette = PALETTES[mode]
    play = {
        "frame": {"duration": _FRAME_MS, "redraw": True},
        "transition": {"duration": 0},
        "fromcurrent": True,
    }
    pause = {"frame": {"duration": 0, "redraw": False}, "mode": "immediate"}
    return {
        "type": "buttons",
        "direction": "left",
        "x": 0,
        "y": -0.16,
        "xanchor": "left",
        "yanchor": "top",
        "pad": {"t": 0, "r": 10},
        "showactive": False,
        "bgcolor": palette.panel,
        "bordercolor": palette.muted,
        "font": {"color": palette.ink},
        "buttons": [
            {"label": "▶ " + _("Play"), "method": "animate", "args": [None, play]},
            {"label": _("Pause"), "method": "animate", "args": [[None], pause]},
        ],
    }


def _make_slider(steps: Sequence[int], mode: Mode) -> dict[str, Any]:
    palette = PALETTES[mode]
    jump = {
        "frame": {"duration": 0, "redraw": True},
        "transition": {"duration": 0},
        "mode": "immediate",
    }
    return {
        "active": 0,
        "x": 0.2,
        "len": 0.8,
        "y": -0.12,
        "yanchor": "top",
        "pad": {"t": 0, "b": 0},
        "currentvalue": {"prefix": _("step") + " ", "xanchor": "left"},
        "bgcolor": palette.grid,
        "activebgcolor": palette.muted,
        "bordercolor": palette.muted,
        "tickcolor": palette.muted,
        "minorticklen": 0,
        "font": {"color": palette.ink},
        "steps": [
            {"label": str(step), "method": "animate", "args": [[str(step)], jump]} for step in steps
        ],
    }
