"""Running statistics over the batches, and test outputs in training and evaluation mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import FloatArray, build_figure, make_legend, make_note
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode, fade
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization.running import Outputs, RunningCourse

HEIGHT = 300
BINS = 60
_HALVES = ((0.0, 0.46), (0.54, 1.0))
_FEWEST_BATCHES = 10
"""The axis of the batches reaches at least this far."""


def running_statistics_figure(
    course: RunningCourse, mean: float, variance: float, *, mode: Mode = "light"
) -> go.Figure:
    """Draw mean and variance of every batch, and the running mean and variance.

    Args:
        course: the statistics.
        mean: of the distribution that the batches come from.
        variance: of the same distribution.
        mode: for a light or a dark page.
    """
    sides = (
        _Side(
            course.mean, course.running_mean, course.expected_mean, course.mean_spread, true=mean
        ),
        _Side(
            course.variance,
            course.running_variance,
            course.expected_variance,
            course.variance_spread,
            true=variance,
        ),
    )
    data: list[dict[str, Any]] = []
    layout = _lay_out_panels(mode, [_("mean"), _("variance")])
    last = max(len(course.mean), _FEWEST_BATCHES)
    for i, side in enumerate(sides):
        axes = PanelAxes(i)
        data += _draw_statistics(side, last, axes, mode)
        layout[axes.x_key] |= {
            "range": [-0.02 * last, 1.02 * last],
            "title": {"text": _("training batches")},
        }
    return build_figure(data, layout, mode)


@dataclass(frozen=True, eq=False)
class _Side:
    """One statistic, mean or variance.

    Attributes:
        batches: of each of k batches.
        running: after 0 … k batches.
        expected, spread: mean and standard deviation of ``running`` over all draws.
        true: of the distribution that the batches come from.
    """

    batches: FloatArray
    running: FloatArray
    expected: FloatArray
    spread: FloatArray
    true: float


def _lay_out_panels(mode: Mode, titles: list[str]) -> dict[str, Any]:
    """Lay out two panels side by side."""
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 60, "r": 12, "t": 70, "b": 50},
        "dragmode": False,
        "legend": make_legend() | {"y": 1.14},
        "showlegend": True,
        "annotations": [],
    }
    for i, title in enumerate(titles):
        axes = PanelAxes(i)
        layout[axes.x_key] = {"domain": _HALVES[i], "anchor": axes.y}
        layout[axes.y_key] = {"anchor": axes.x, "nticks": 6}
        font = {"size": TITLE_SIZE, "color": PALETTES[mode].ink}
        layout["annotations"].append(make_note(f"<b>{title}</b>", _HALVES[i][0], 1.01, font=font))
    return layout


def _draw_statistics(side: _Side, last: int, axes: PanelAxes, mode: Mode) -> list[dict[str, Any]]:
    """Draw the batches and the running statistic up to batch ``last``, and its expectation."""
    palette = PALETTES[mode]
    steps = np.arange(0.0, len(side.running))
    low, high = side.expected - 2 * side.spread, side.expected + 2 * side.spread

    def make_trace(name: str, group: str, **rest: Any) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "legendgroup": group,
            "showlegend": axes.panel == 0,
            "hovertemplate": "%{y:.4g}<extra>%{fullData.name}</extra>",
            **axes.trace_keys,
            **rest,
        }

    return [
        make_trace(
            _("running, expected ± 2 std"),
            "expected",
            x=np.concatenate([steps, steps[::-1]]),
            y=np.concatenate([low, high[::-1]]),
            fill="toself",
            fillcolor=fade(palette.theory, 0.2),
            hoverinfo="skip",
            line={"color": palette.theory, "width": 0},
            hovertemplate=None,
        ),
        make_trace(
            _("training distribution"),
            "true",
            x=[0, last],
            y=[side.true, side.true],
            line={"color": palette.ink, "width": 2, "dash": "dash"},
        ),
        make_trace(
            _("of each batch"),
            "batch",
            mode="markers",
            x=steps[1:],
            y=side.batches,
            marker={
                "color": palette.muted,
                "size": 7,
                "symbol": "circle-open",
                "line": {"width": 2},
            },
        ),
        make_trace(
            _("running"),
            "running",
            mode="lines+markers" if len(steps) == 1 else "lines",
            x=steps,
            y=side.running,
            line={"color": palette.forward, "width": 4},
        ),
    ]


def outputs_figure(outputs: Outputs, *, mode: Mode = "light") -> go.Figure:
    """Draw histograms of the test outputs in both modes, on the same bins as the ideal outputs."""
    palette = PALETTES[mode]
    names = [_("training mode"), _("evaluation mode")]
    colours = (palette.backward, palette.forward)
    edges, shares = shape_outputs(outputs)
    *modes, ideal = shares
    data: list[dict[str, Any]] = []
    layout = _lay_out_panels(mode, names)
    top = 1.08 * max(float(heights.max()) for heights in shares)
    for i, (name, heights, colour) in enumerate(zip(names, modes, colours, strict=True)):
        axes = PanelAxes(i)
        data += [
            _draw_bars(name, edges, heights, colour, axes),
            _draw_ideal(edges, ideal, axes, mode),
        ]
        layout[axes.x_key] |= {
            "range": [float(edges[0]), float(edges[-1])],
            "title": {"text": _("output")},
        }
        layout[axes.y_key] |= {"range": [0, top], "tickformat": ".2~%"}
    layout["bargap"] = 0
    return build_figure(data, layout, mode)


def shape_outputs(outputs: Outputs) -> tuple[FloatArray, list[FloatArray]]:
    """Find bin edges, and the shares of training, evaluation and ideal outputs in each bin.

    The bins cover −4 … 4 and every output.
    """
    groups = (outputs.training, outputs.evaluation, outputs.ideal)
    low = min(-4.0, *(float(values.min()) for values in groups))
    high = max(4.0, *(float(values.max()) for values in groups))
    edges = np.linspace(low, high, BINS + 1)
    return edges, [np.histogram(values, edges)[0] / len(values) for values in groups]


def _draw_bars(
    name: str, edges: FloatArray, shares: FloatArray, colour: str, axes: PanelAxes
) -> dict[str, Any]:
    return {
        "type": "bar",
        "x": (edges[:-1] + edges[1:]) / 2,
        "y": shares,
        "width": np.diff(edges),
        "name": name,
        "showlegend": False,
        "marker": {"color": colour, "line": {"width": 0}, "opacity": 0.75},
        "hovertext": [
            _("{low} to {high}: {share}").format(
                low=format_number(a), high=format_number(b), share=format_share(s)
            )
            for a, b, s in zip(edges, edges[1:], shares, strict=False)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        **axes.trace_keys,
    }


def _draw_ideal(
    edges: FloatArray, shares: FloatArray, axes: PanelAxes, mode: Mode
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": (edges[:-1] + edges[1:]) / 2,
        "y": shares,
        "name": _("ideal: the training distribution's mean and variance"),
        "showlegend": axes.panel == 0,
        "legendgroup": "ideal",
        "hoverinfo": "skip",
        "line": {"color": PALETTES[mode].ink, "width": 2, "dash": "dash", "shape": "hvh"},
        **axes.trace_keys,
    }
