"""The animation of a descent: what moves, its frames, and the buttons that run in the browser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradflow.charts.descent.paths import (
    DescentPath,
    Ground,
    frame_steps,
    gaps,
    last_seen,
    look,
    planar,
    window,
)
from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, fade
from gradflow.core.text import _

TAIL = 8
"""Steps that the tail behind a head shows."""
SECONDS = 6
"""An animation takes about so long, unless it is short."""
STAY = 10**9
"""Milliseconds for which a frame that was stepped to stays: until the next press."""


def moving(ground: Ground, paths: Sequence[DescentPath], mode: Mode) -> list[dict[str, Any]]:
    """The two traces that move, at their last step: tails, then heads."""
    palette = PALETTES[mode]
    last = frame_steps(paths)[-1]
    tails, heads = _moved(ground, [planar(path, ground) for path in paths], last)
    looks = [look(path.place, mode) for path in paths]
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
                "symbol": [one.symbol for one in looks],
                "color": [one.colour for one in looks],
                "size": 16,
                "line": {"color": palette.ink, "width": 2},
            },
            **heads,
        },
    ]


def frames(
    ground: Ground, paths: Sequence[DescentPath], traces: tuple[int, int]
) -> list[dict[str, Any]]:
    """One frame per shown step, named after it, with the coordinates of what moves only.

    Args:
        ground: the loss.
        paths: the trajectories; one that has ended stays where it was seen last.
        traces: the places of tails and heads among the figure's traces.
    """
    placed = [planar(path, ground) for path in paths]
    low, high = np.array(window(ground)).T
    decimals = max(0, 4 - math.floor(math.log10(float((high - low).max()))))
    return [
        {
            "name": str(step),
            "data": [
                {"type": "scatter", **part} for part in _moved(ground, placed, step, decimals)
            ],
            "traces": list(traces),
        }
        for step in frame_steps(paths)
    ]


def _moved(
    ground: Ground, placed: Sequence[FloatArray], step: int, decimals: int = 6
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tails and heads at a step; heads out of the window wait where they left it."""
    tails, heads = [], []
    for places in placed:
        at = min(step, len(places) - 1)
        heads.append(last_seen(places[: at + 1], ground))
        tails.append(places[max(0, at - TAIL) : at + 1])
    return _listed(gaps(tails), decimals), _listed(np.array(heads), decimals)


def _listed(places: FloatArray, decimals: int) -> dict[str, Any]:
    x, y = (
        [round(v, decimals) if math.isfinite(v) else None for v in axis]
        for axis in places.T.tolist()
    )
    return {"x": x, "y": y}


def controls(paths: Sequence[DescentPath], mode: Mode) -> dict[str, Any]:
    """Buttons and slider as parts of a layout; none of them asks the server."""
    palette = PALETTES[mode]
    names = [str(step) for step in frame_steps(paths)]
    pace = min(250, max(30, round(1000 * SECONDS / len(names))))
    buttons = [
        _button(_("▶ Play"), None, {"fromcurrent": True, "frame": _still(pace)}),
        _button(_("Pause"), [None], {"frame": _still(0)}),
        _button(_("◀ Step"), *_back(names)),
        _button(_("Step ▶"), *_forward(names)),
    ]
    look_of_all = {
        "bgcolor": palette.panel,
        "bordercolor": palette.muted,
        "font": {"color": palette.ink},
    }
    return {
        "updatemenus": [
            {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "buttons": buttons,
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yanchor": "top",
                "pad": {"t": 92},
                **look_of_all,
            }
        ],
        "sliders": [
            {
                "active": len(names) - 1,
                "steps": [
                    {
                        "label": name,
                        "method": "animate",
                        "args": [[name], {"mode": "immediate", "frame": _still(0),
                                          "transition": {"duration": 0}}],
                    }
                    for name in names
                ],
                "currentvalue": {"prefix": _("step") + " ", "xanchor": "right",
                                 "font": {"color": palette.ink, "size": TEXT_SIZE}},
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
        ],
    }  # fmt: skip


def _button(label: str, played: Any, options: dict[str, Any]) -> dict[str, Any]:
    common = {"mode": "immediate", "transition": {"duration": 0}}
    return {"label": label, "method": "animate", "args": [played, {**common, **options}]}


def _still(duration: int) -> dict[str, Any]:
    return {"duration": duration, "redraw": False}


# Plotly has no button for "one frame on". What comes near it is to play a list from the current
# frame on, with a frame that stays. It looks for the current frame in the list and drops what
# comes before and it itself; but if it finds nothing, or the first or the last entry, it drops
# nothing. So the lists are arranged for these cases, the state before any animation (which shows
# the last step) among them.


def _forward(names: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """From step k to k + 1, from the last one nowhere."""
    return [names[-1], *names], {"fromcurrent": True, "frame": _still(STAY)}


def _back(names: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """From step k to k − 1, from the first one nowhere.

    The list is n, n−1, n−1, …, 0, 0, 0: what is left of it after dropping begins with the current
    step, which passes at once, and goes on with the one before it, which stays.
    """
    last, *others = reversed(names)
    played = [last, *(name for name in others for _twice in range(2)), names[0], names[0]]
    return played, {"fromcurrent": True, "frame": [_still(0), _still(STAY)]}
