"""Running statistics over the batches, and test outputs in training and evaluation mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build, legend, note
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode, faded, number, share
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization.running import Course, Outputs

HEIGHT = 300
BINS = 60
_HALVES = ((0.0, 0.46), (0.54, 1.0))
_FEWEST_BATCHES = 10
"""The axis of the batches reaches at least so far."""


def running_statistics_figure(
    course: Course, mean: float, variance: float, *, mode: Mode = "light"
) -> go.Figure:
    """Mean and variance of every batch, and what runs along with them.

    Args:
        course: the statistics.
        mean: of the distribution that the batches come from.
        variance: of the same.
        mode: light or dark.
    """
    sides = (
        (course.mean, course.running_mean, course.expected_mean, course.mean_spread, mean),
        (
            course.variance,
            course.running_variance,
            course.expected_variance,
            course.variance_spread,
            variance,
        ),
    )
    data: list[dict[str, Any]] = []
    layout = _lay_out_panels(mode, [_("mean"), _("variance")])
    last = max(len(course.mean), _FEWEST_BATCHES)
    for i, side in enumerate(sides):
        own = _axes(i)
        data += _draw_statistics(*side, last, own, mode)
        layout["xaxis" + own["xaxis"][1:]] |= {
            "range": [-0.02 * last, 1.02 * last],
            "title": {"text": _("training batches")},
        }
    return build(data, layout, mode)


def _lay_out_panels(mode: Mode, titles: list[str]) -> dict[str, Any]:
    """Two panels side by side."""
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 60, "r": 12, "t": 70, "b": 50},
        "dragmode": False,
        "legend": legend() | {"y": 1.14},
        "showlegend": True,
        "annotations": [],
    }
    for i, title in enumerate(titles):
        own = _axes(i)
        layout["xaxis" + own["xaxis"][1:]] = {"domain": _HALVES[i], "anchor": own["yaxis"]}
        layout["yaxis" + own["yaxis"][1:]] = {"anchor": own["xaxis"], "nticks": 6}
        font = {"size": TITLE_SIZE, "color": PALETTES[mode].ink}
        layout["annotations"].append(note(f"<b>{title}</b>", _HALVES[i][0], 1.01, font=font))
    return layout


def _axes(panel: int) -> dict[str, str]:
    suffix = str(panel + 1) if panel else ""
    return {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}


def _draw_statistics(
    batches: FloatArray,
    running: FloatArray,
    expected: FloatArray,
    spread: FloatArray,
    true: float,
    last: int,
    own: dict[str, str],
    mode: Mode,
) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    named = own["xaxis"] == "x"
    steps = np.arange(0.0, len(running))
    hover = {"hovertemplate": "%{y:.4g}<extra>%{fullData.name}</extra>"}

    def trace(name: str, group: str, **rest: Any) -> dict[str, Any]:
        base = {"type": "scatter", "mode": "lines", "name": name, "legendgroup": group}
        return base | {"showlegend": named} | hover | own | rest

    return [
        trace(
            _("running, expected ± 2 std"),
            "expected",
            x=np.concatenate([steps, steps[::-1]]),
            y=np.concatenate([expected - 2 * spread, (expected + 2 * spread)[::-1]]),
            fill="toself",
            fillcolor=faded(palette.theory, 0.2),
            hoverinfo="skip",
            line={"color": palette.theory, "width": 0},
            hovertemplate=None,
        ),
        trace(
            _("training distribution"),
            "true",
            x=[0, last],
            y=[true, true],
            line={"color": palette.ink, "width": 2, "dash": "dash"},
        ),
        trace(
            _("of each batch"),
            "batch",
            mode="markers",
            x=steps[1:],
            y=batches,
            marker={
                "color": palette.muted,
                "size": 7,
                "symbol": "circle-open",
                "line": {"width": 2},
            },
        ),
        trace(
            _("running"),
            "running",
            mode="lines+markers" if len(steps) == 1 else "lines",
            x=steps,
            y=running,
            line={"color": palette.forward, "width": 4},
        ),
    ]


def outputs_figure(outputs: Outputs, *, mode: Mode = "light") -> go.Figure:
    """Histograms of the test outputs in both modes, on the same bins as the ideal outputs."""
    palette = PALETTES[mode]
    edges, shares = shape_outputs(outputs)
    layout = _lay_out_panels(mode, [_("training mode"), _("evaluation mode")])
    top = 1.08 * max(float(one.max()) for one in shares)
    middle = (edges[:-1] + edges[1:]) / 2
    data: list[dict[str, Any]] = []
    for i, (name, found, colour) in enumerate(
        (
            (_("training mode"), shares[0], palette.backward),
            (_("evaluation mode"), shares[1], palette.forward),
        )
    ):
        own = _axes(i)
        texts = [
            _("{low} to {high}: {share}").format(low=number(a), high=number(b), share=share(s))
            for a, b, s in zip(edges, edges[1:], found, strict=False)
        ]
        data += [
            {
                "type": "bar",
                "x": middle,
                "y": found,
                "width": np.diff(edges),
                "name": name,
                "showlegend": False,
                "marker": {"color": colour, "line": {"width": 0}, "opacity": 0.75},
                "hovertext": texts,
                "hovertemplate": "%{hovertext}<extra></extra>",
                **own,
            },
            {
                "type": "scatter",
                "mode": "lines",
                "x": middle,
                "y": shares[2],
                "name": _("ideal: the training distribution's mean and variance"),
                "showlegend": not i,
                "legendgroup": "ideal",
                "hoverinfo": "skip",
                "line": {"color": palette.ink, "width": 2, "dash": "dash", "shape": "hvh"},
                **own,
            },
        ]
        layout["xaxis" + own["xaxis"][1:]] |= {
            "range": [float(edges[0]), float(edges[-1])],
            "title": {"text": _("output")},
        }
        layout["yaxis" + own["yaxis"][1:]] |= {"range": [0, top], "tickformat": ".2~%"}
    layout["bargap"] = 0
    return build(data, layout, mode)


def shape_outputs(outputs: Outputs) -> tuple[FloatArray, list[FloatArray]]:
    """Bin edges, and the shares of training, evaluation and ideal outputs in each bin.

    The bins cover −4 … 4 and every output.
    """
    every = (outputs.training, outputs.evaluation, outputs.ideal)
    low = min(-4.0, *(float(one.min()) for one in every))
    high = max(4.0, *(float(one.max()) for one in every))
    edges = np.linspace(low, high, BINS + 1)
    return edges, [np.histogram(one, edges)[0] / len(one) for one in every]
