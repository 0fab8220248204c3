"""The animation of a descent: moving traces, frames, and controls that run in the browser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradflow.charts.descent.paths import (
    DescentPath,
    Ground,
    choose_frame_steps,
    choose_style,
    find_last_seen,
    find_window,
    join_with_gaps,
    project_path,
)
from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, fade
from gradflow.core.text import _

TAIL_STEPS = 8
"""Steps in the tail behind a head."""
ANIMATION_SECONDS = 6
"""About the length of an animation of many steps."""
STAY_MILLISECONDS = 10**9
"""Milliseconds that stand for "until the next press"."""


def draw_moving_traces(
    ground: Ground, paths: Sequence[DescentPath], mode: Mode
) -> list[dict[str, Any]]:
    """Draw the two traces that move, at their last step: tails, then heads."""
    palette = PALETTES[mode]
    last = choose_frame_steps(paths)[-1]
    tails, heads = _move(ground, [project_path(path, ground) for path in paths], last)
    styles = [choose_style(path.style_index, mode) for path in paths]
    common = {"type": "scatter", "showlegend": False, "hoverinfo": "skip"}
    return [
        common
        | {
            "name": "tails",
            "mode": "lines",
            "line": {"color": fade(palette.ink, 0.75), "width": 4},
            **tails,
        },
        common
        | {
            "name": "heads",
            "mode": "markers",
            "marker": {
                "symbol": [style.symbol for style in styles],
                "color": [style.colour for style in styles],
                "size": 16,
                "line": {"color": palette.ink, "width": 2},
            },
            **heads,
        },
    ]


def make_frames(
    ground: Ground, paths: Sequence[DescentPath], traces: tuple[int, int]
) -> list[dict[str, Any]]:
    """Make one frame per shown step, named after it, with the coordinates of tails and heads.

    Args:
        ground: the loss.
        paths: the trajectories; one that has ended stays where it was seen last.
        traces: the indices of tails and heads among the figure's traces.
    """
    positions = [project_path(path, ground) for path in paths]
    low, high = np.array(find_window(ground)).T
    decimals = max(0, 4 - math.floor(math.log10(float((high - low).max()))))
    return [
        {
            "name": str(step),
            "data": [
                {"type": "scatter", **part} for part in _move(ground, positions, step, decimals)
            ],
            "traces": list(traces),
        }
        for step in choose_frame_steps(paths)
    ]


def _move(
    ground: Ground, positions: Sequence[FloatArray], step: int, decimals: int = 6
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Move tails and heads to a step; heads out of the window wait where they left it."""
    tails, heads = [], []
    for points in positions:
        last = min(step, len(points) - 1)
        heads.append(find_last_seen(points[: last + 1], ground))
        tails.append(points[max(0, last - TAIL_STEPS) : last + 1])
    return _list_coordinates(join_with_gaps(tails), decimals), _list_coordinates(
        np.array(heads), decimals
    )


def _list_coordinates(points: FloatArray, decimals: int) -> dict[str, Any]:
    x, y = (
        [round(v, decimals) if math.isfinite(v) else None for v in axis]
        for axis in points.T.tolist()
    )
    return {"x": x, "y": y}


def make_controls(paths: Sequence[DescentPath], mode: Mode) -> dict[str, Any]:
    """Make buttons and slider as parts of a layout; they run without the server."""
    names = [str(step) for step in choose_frame_steps(paths)]
    return {"updatemenus": [_make_buttons(names, mode)], "sliders": [_make_slider(names, mode)]}


def _make_buttons(names: Sequence[str], mode: Mode) -> dict[str, Any]:
    palette = PALETTES[mode]
    pace = min(250, max(30, round(1000 * ANIMATION_SECONDS / len(names))))
    return {
        "type": "buttons",
        "direction": "left",
        "showactive": False,
        "buttons": [
            _make_button(_("▶ Play"), None, {"fromcurrent": True, "frame": _hold_frame(pace)}),
            _make_button(_("Pause"), [None], {"frame": _hold_frame(0)}),
            _make_button(_("◀ Step"), *_make_step_back(names)),
            _make_button(_("Step ▶"), *_make_step_forward(names)),
        ],
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 92},
        "bgcolor": palette.panel,
        "bordercolor": palette.muted,
        "font": {"color": palette.ink},
    }


def _make_slider(names: Sequence[str], mode: Mode) -> dict[str, Any]:
    palette = PALETTES[mode]
    jump = {"mode": "immediate", "frame": _hold_frame(0), "transition": {"duration": 0}}
    return {
        "active": len(names) - 1,
        "steps": [{"label": name, "method": "animate", "args": [[name], jump]} for name in names],
        "currentvalue": {
            "prefix": _("step") + " ",
            "xanchor": "right",
            "font": {"color": palette.ink, "size": TEXT_SIZE},
        },
        "x": 0.42,
        "len": 0.58,
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 62},
        "ticklen": 0,
        "minorticklen": 0,
        "font": {"color": fade(palette.ink, 0)},
        "activebgcolor": palette.muted,
        "bgcolor": palette.grid,
        "bordercolor": palette.muted,
    }


def _make_button(label: str, frames: Any, options: dict[str, Any]) -> dict[str, Any]:
    common = {"mode": "immediate", "transition": {"duration": 0}}
    return {"label": label, "method": "animate", "args": [frames, {**common, **options}]}


def _hold_frame(duration: int) -> dict[str, Any]:
    # Without it Plotly takes contours, which are no part of a frame, off the figure.
    return {"duration": duration, "redraw": True}


# Plotly has no button for "one frame on". The nearest is to play a list of frames that begins
# with the current one, and to let the next frame stay. Plotly looks for the current frame in the
# list and drops all entries up to and including it; but it drops nothing if the frame is not in
# the list, or is its first or last entry. The lists below are arranged for these cases, and for
# the state before any animation, which shows the last step.


def _make_step_forward(names: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Make the arguments of a button from step k to k + 1; at the last step it does nothing."""
    return [names[-1], *names], {"fromcurrent": True, "frame": _hold_frame(STAY_MILLISECONDS)}


def _make_step_back(names: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Make the arguments of a button from step k to k − 1; at the first step it does nothing.

    The list is n, n−1, n−1, …, 0, 0, 0. After Plotly has dropped its beginning it starts with the
    current step, which passes at once, then comes the step before it, which stays.
    """
    last, *others = reversed(names)
    frames = [last, *(name for name in others for _twice in range(2)), names[0], names[0]]
    return frames, {"fromcurrent": True, "frame": [_hold_frame(0), _hold_frame(STAY_MILLISECONDS)]}
