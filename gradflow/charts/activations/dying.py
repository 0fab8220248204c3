"""Dying ReLU: dead units and loss over the steps, and every unit's reach, animated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build, legend
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode, number, share, styles
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.dying import Training

Named = tuple[str, "Training"]

MOST_FRAMES = 40
"""At most so many steps are frames of the animation, and the last one."""
_FRAME_MS = 120
_BLOCK_GAP = 6
_FURTHEST = 100.0


def dying_figure(trainings: Sequence[Named], *, mode: Mode = "light") -> go.Figure:
    """Over the steps: the share of dead units above, the loss below on a log axis."""
    ends = [t.overflowed + 1 if t.overflowed >= 0 else len(t.loss) for _n, t in trainings]
    losses = [
        Series(name, np.arange(end, dtype=float), t.loss[:end])
        for (name, t), end in zip(trainings, ends, strict=True)
    ]
    dead = [
        Series(name, one.layers, t.dead[: len(one.layers)].mean(1))
        for (name, t), one in zip(trainings, losses, strict=True)
    ]
    scale = Scale.fitting(losses, log=True)
    flat = Scale(False, -0.05, 1.05)
    data = [
        *_draw_lines(dead, flat, mode, "y", share),
        *_draw_lines(losses, scale, mode, "y2", number),
        *_mark_overflows(losses, scale, mode),
    ]
    layout: dict[str, Any] = {
        "height": 500,
        "margin": {"l": 84, "r": 24, "t": 50, "b": 56},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "dragmode": False,
        "legend": legend(),
        "showlegend": True,
        "xaxis": {
            "anchor": "y2",
            "title": {"text": _("step of SGD")},
            "showgrid": False,
            "range": [0, max(max(len(t.loss) for _n, t in trainings) - 1, 1)],
            "unifiedhovertitle": {"text": f"<b>{_('step')} %{{x}}</b>"},
        },
        "yaxis": {
            **flat.axis(_("dead units")),
            "domain": [0.56, 1.0],
            "tickvals": [0, 0.5, 1],
            "ticktext": ["0", "50 %", "100 %"],
        },
        "yaxis2": {**scale.axis(_("loss")), "domain": [0.0, 0.46]},
    }
    return build(data, layout, mode)


def _draw_lines(
    series: Sequence[Series], scale: Scale, mode: Mode, axis: str, shown: Any
) -> list[dict[str, Any]]:
    traces = []
    for i, (one, style) in enumerate(zip(series, styles(mode), strict=False)):
        # Several lines often lie on each other: what lies below is wider.
        width = 2.5 + 0.9 * (len(series) - 1 - i)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": one.name,
                "legendgroup": one.name,
                "showlegend": axis == "y",
                "x": one.layers,
                "y": scale.drawn(one.values),
                "yaxis": axis,
                "line": {"color": style.colour, "dash": style.dash, "width": width},
                "hovertext": [f"{one.name} {shown(v)}" for v in one.values.tolist()],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )
    return traces


def _mark_overflows(losses: Sequence[Series], scale: Scale, mode: Mode) -> list[dict[str, Any]]:
    """A cross where a loss is no longer a finite number."""
    ends = [(float(one.layers[-1]), one.name) for one in losses if not np.isfinite(one.values[-1])]
    if not ends:
        return []
    text = _("{name}: infinite from step {step} on, training stopped")
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": _("overflow"),
            "yaxis": "y2",
            "x": [step for step, _name in ends],
            "y": [scale.ceiling] * len(ends),
            "hovertext": [text.format(name=name, step=int(step)) for step, name in ends],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "marker": {"symbol": "x", "size": 13, "color": PALETTES[mode].alarm},
        }
    ]


def units_figure(trainings: Sequence[Named], *, mode: Mode = "light") -> go.Figure:
    """One upright stroke per unit, from its smallest to its largest z over all samples.

    A stroke wholly below 0 is a unit that is off for every sample. Buttons and a slider below
    the figure move through the steps; all of it runs in the browser.
    """
    steps = pick_frame_steps(len(trainings[0][1].loss))
    height = _fit_height(trainings)
    contents = [_draw_step(trainings, step, height, mode) for step in steps]
    frames = [
        {"name": str(step), "data": moving, "traces": [0, 1, 2]}
        for step, moving in zip(steps, contents, strict=True)
    ]
    units = trainings[0][1].low.shape[1]
    centres = [i * (units + _BLOCK_GAP) + (units - 1) / 2 for i in range(len(trainings))]
    palette = PALETTES[mode]
    layout: dict[str, Any] = {
        "height": 470,
        "margin": {"l": 70, "r": 24, "t": 44, "b": 130},
        "dragmode": False,
        "hovermode": False,
        "legend": legend(),
        "showlegend": True,
        "xaxis": {
            "range": [-_BLOCK_GAP / 2, len(trainings) * (units + _BLOCK_GAP) - _BLOCK_GAP / 2],
            "tickvals": centres,
            "ticktext": [name for name, _t in trainings],
            "showgrid": False,
            "ticks": "",
        },
        "yaxis": {
            "range": [height[0], height[1] + 0.14 * (height[1] - height[0])],
            "title": {"text": _("z of each unit")},
            "zeroline": True,
            "zerolinecolor": palette.ink,
            "zerolinewidth": 2,
        },
        "updatemenus": [_make_buttons(mode)],
        "sliders": [_make_slider(steps, mode)],
    }
    figure = build([{**one} for one in contents[0]], layout, mode)
    figure.frames = frames
    return figure


def pick_frame_steps(rows: int) -> list[int]:
    """The steps shown as frames: the first, the last, and evenly spaced ones between."""
    every = max(1, -(-(rows - 1) // MOST_FRAMES))
    return sorted({*range(0, rows, every), rows - 1})


def _fit_height(trainings: Sequence[Named]) -> tuple[float, float]:
    """Of the y axis; explosions are cut off."""
    low = np.concatenate([t.low.ravel() for _n, t in trainings])
    high = np.concatenate([t.high.ravel() for _n, t in trainings])
    low, high = low[np.isfinite(low)], high[np.isfinite(high)]
    return (
        max(float(low.min()), -20.0) - 0.5,
        min(max(float(high.max()), 1.0), 20.0) + 0.5,
    )


def _draw_step(
    trainings: Sequence[Named], step: int, height: tuple[float, float], mode: Mode
) -> list[dict[str, Any]]:
    """The strokes of units that are on, of units that are off, and a line of text per block."""
    palette = PALETTES[mode]
    on: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    off: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    texts = []
    for i, (_name, one) in enumerate(trainings):
        units = one.low.shape[1]
        x = i * (units + _BLOCK_GAP) + np.arange(units, dtype=float)
        low, high, dark = one.low[step], one.high[step], one.off[step]
        for found, chosen in ((on, ~dark), (off, dark)):
            found.append((x[chosen], low[chosen], high[chosen]))
        texts.append(_write_caption(one, step))
    centres = [
        i * (t.low.shape[1] + _BLOCK_GAP) + (t.low.shape[1] - 1) / 2
        for i, (_n, t) in enumerate(trainings)
    ]
    top = height[1] + 0.07 * (height[1] - height[0])
    return [
        _draw_strokes(on, _("on for some samples"), {"color": palette.forward, "width": 4}),
        _draw_strokes(
            off,
            _("off: z ≤ 0 for every sample"),
            {"color": palette.backward, "width": 2},
        ),
        {
            "type": "scatter",
            "mode": "text",
            "x": centres,
            "y": [top] * len(centres),
            "text": texts,
            "showlegend": False,
            "hoverinfo": "skip",
        },
    ]


def _write_caption(one: Training, step: int) -> str:
    if 0 <= one.overflowed <= step:
        return _("overflow at step {step}").format(step=one.overflowed)
    return _("{off} off, {dead} dead").format(
        off=int(one.off[step].sum()), dead=int(one.dead[step].sum())
    )


def _draw_strokes(
    blocks: Sequence[tuple[FloatArray, FloatArray, FloatArray]], name: str, line: dict[str, Any]
) -> dict[str, Any]:
    x, low, high = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    gap = np.full(len(x), np.nan)
    y = np.stack(
        [np.clip(low, -_FURTHEST, _FURTHEST), np.clip(high, -_FURTHEST, _FURTHEST), gap], 1
    ).ravel()
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "hoverinfo": "skip",
        "line": line,
        "x": _shorten(np.stack([x, x, gap], 1).ravel()),
        "y": _shorten(y),
    }


def _shorten(values: FloatArray) -> list[float | None]:
    """Short numbers, because every frame carries them."""
    return [round(v, 2) if np.isfinite(v) else None for v in values.tolist()]


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
