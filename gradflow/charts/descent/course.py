"""Loss and gradient norm of descents over the steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.descent.paths import DescentPath, choose_style
from gradflow.charts.figure import FloatArray, build_figure, empty_figure, make_note
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode
from gradflow.core.numbers import format_number
from gradflow.core.text import _

HEIGHT = 480
_SPLIT = 0.54
"""Share of the height below which the gradient is drawn, and above which the loss."""


def descent_course_figure(
    paths: Sequence[DescentPath], *, clipped: bool = False, mode: Mode = "light"
) -> go.Figure:
    """Draw the loss above and ‖∂L/∂x‖ below, both on a log axis, over the steps.

    Zeros lie on the floor of the axis; infinite values and NaN are crosses at its ceiling.

    Args:
        paths: the trajectories.
        clipped: also draw the norm of the gradient after clipping, thin and dotted.
        mode: for a light or a dark page.
    """
    if not paths:
        return empty_figure(_("Choose at least one optimizer"), mode=mode, height=HEIGHT)
    loss = Scale.fit([_make_series(path, path.loss) for path in paths], log=True)
    norms = [_make_series(path, path.gradient_norm) for path in paths]
    if clipped:
        norms += [_make_series(path, path.clipped_norm) for path in paths]
    gradient = Scale.fit(norms, log=True)
    data = [_draw_line(path, path.loss, loss, "y", mode) for path in paths]
    data += [_draw_line(path, path.gradient_norm, gradient, "y2", mode) for path in paths]
    if clipped:
        data += [_draw_clipped_line(path, gradient, mode) for path in paths]
    marked, notes = _draw_marks(paths, loss, gradient, mode)
    layout = {
        "height": HEIGHT,
        "margin": {"l": 84, "r": 24, "t": 44, "b": 62 + (24 if notes else 0)},
        "hovermode": "x unified",
        "dragmode": False,
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": {
            "title": {"text": _("step n")},
            "anchor": "y2",
            "range": [-0.5, max(len(path.loss) for path in paths) - 0.5],
            "unifiedhovertitle": {"text": f"<b>{_('step')} %{{x}}</b>"},
        },
        "yaxis": loss.make_axis(_("loss L")) | {"domain": [_SPLIT, 1]},
        "yaxis2": gradient.make_axis(_("|g|")) | {"domain": [0, _SPLIT - 0.08]},
        "annotations": [
            make_note(
                "   ".join(notes),
                0,
                -0.18,
                yanchor="top",
                font={"size": TEXT_SIZE - 1, "color": PALETTES[mode].muted},
            )
        ]
        if notes
        else [],
    }
    return build_figure([*data, *marked], layout, mode)


def _make_series(path: DescentPath, values: FloatArray) -> Series:
    return Series(path.name, np.arange(len(values), dtype=np.float64), values)


def _draw_line(
    path: DescentPath, values: FloatArray, scale: Scale, axis: str, mode: Mode
) -> dict[str, Any]:
    style = choose_style(path.style_index, mode)
    return {
        "type": "scatter",
        "name": path.name,
        "legendgroup": path.name,
        "showlegend": axis == "y",
        "mode": "lines",
        "x": np.arange(len(values), dtype=np.float32),
        "y": scale.to_axis(values).astype(np.float32),
        "yaxis": axis,
        "line": {"color": style.colour, "dash": style.dash, "width": 2.5},
        "hovertext": [f"{path.name} {format_number(value)}" for value in values.tolist()],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _draw_clipped_line(path: DescentPath, scale: Scale, mode: Mode) -> dict[str, Any]:
    line = _draw_line(path, path.clipped_norm, scale, "y2", mode)
    line |= {
        "name": _("{optimizer}, clipped").format(optimizer=path.name),
        "line": {"color": choose_style(path.style_index, mode).colour, "dash": "dot", "width": 1.5},
        "hoverinfo": "skip",
    }
    del line["hovertext"], line["hovertemplate"]
    return line


def _draw_marks(
    paths: Sequence[DescentPath], loss: Scale, gradient: Scale, mode: Mode
) -> tuple[list[dict[str, Any]], list[str]]:
    """Mark zeros and non-finite values, one trace per kind and axis, and explain the marks.

    Returns:
        The traces, and one text per kind of mark.
    """
    kinds: list[tuple[Callable[[FloatArray], Any], str, str]] = [
        (lambda v: v == 0, "triangle-down-open", _("▽ exactly 0")),
        (lambda v: ~np.isfinite(v), "x", _("✕ NaN or infinite")),
    ]
    traces, notes = [], []
    for is_marked, symbol, meaning in kinds:
        for scale, axis, name in ((loss, "y", "loss"), (gradient, "y2", "gradient_norm")):
            points = [
                (step, path, values[step])
                for path in paths
                for values in (getattr(path, name),)
                for step in np.flatnonzero(is_marked(values)).tolist()
            ]
            if not points:
                continue
            notes += [] if meaning in notes else [meaning]
            broken = not math.isfinite(points[0][2])
            colours = [
                PALETTES[mode].alarm if broken else choose_style(path.style_index, mode).colour
                for _s, path, _v in points
            ]
            traces.append(
                {
                    "type": "scatter",
                    "name": "marks",
                    "showlegend": False,
                    "mode": "markers",
                    "x": [step for step, _p, _v in points],
                    "y": [scale.ceiling if broken else scale.floor] * len(points),
                    "yaxis": axis,
                    "hovertext": [
                        f"{path.name} {format_number(value)}" for _s, path, value in points
                    ],
                    "hovertemplate": "%{hovertext}<extra></extra>",
                    "marker": {
                        "symbol": symbol,
                        "size": 11,
                        "color": colours,
                        "line": {"width": 2, "color": colours},
                    },
                }
            )
    return traces, notes
