"""A batch before and after a normalization: histograms, and statistics per channel and sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build, legend, note
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode, number, share
from gradflow.core.text import _

if TYPE_CHECKING:
    import numpy.typing as npt

    from gradflow.core.teaching.normalization.batch import Pushed

HEIGHT = 520
BINS = 48
DRAWN_SAMPLES = 32
"""So many samples are drawn one by one."""
FEW_MEMBERS = 24
"""Fewer entries than these are drawn one by one."""
_COLUMNS = ((0.0, 0.36), (0.43, 0.66), (0.73, 1.0))
_ROWS = ((0.56, 1.0), (0.0, 0.44))
_USUAL_REACH = 4.0
"""Axes after the normalization reach at least so far, so that γ and β move what is drawn."""


@dataclass(frozen=True, eq=False)
class BatchShape:
    """What is drawn of a batch at one place.

    Attributes:
        edges: of the bins, shape ``(BINS + 1,)``.
        shares: of all entries, per bin.
        own: the same among the entries that share statistics with the followed one.
        few: these entries themselves where a histogram would be mere spikes, else empty.
        channels, samples: mean and standard deviation of each, shape ``(2, C)`` and ``(2, ≤ 32)``.
    """

    edges: FloatArray
    shares: FloatArray
    own: FloatArray
    few: FloatArray
    channels: FloatArray
    samples: FloatArray


def shape_batch(x: FloatArray, own: npt.NDArray[np.bool_]) -> BatchShape:
    """Bin and summarize a batch.

    Args:
        x: shape ``(N, C, H, W)``.
        own: which samples and channels share statistics with the followed entry, ``(N, C)``.
    """
    counts, edges = np.histogram(x, BINS)
    members = x[own].ravel()
    mine, _edges = np.histogram(members, edges)
    each = x[:DRAWN_SAMPLES]
    return BatchShape(
        edges,
        counts / x.size,
        mine / len(members),
        members if len(members) < FEW_MEMBERS else members[:0],
        np.stack([x.mean((0, 2, 3)), x.std((0, 2, 3))]),
        np.stack([each.mean((1, 2, 3)), each.std((1, 2, 3))]),
    )


def batch_figure(pushed: Pushed, *, mode: Mode = "light") -> go.Figure:
    """Above the batch before, below after the normalization.

    Left: shares of all entries per bin, and of those that share statistics with the followed
    entry, which a diamond marks. Middle and right: mean ± standard deviation of each channel and
    of each of the first 32 samples.
    """
    palette = PALETTES[mode]
    stages = [shape_batch(x, pushed.own) for x in (pushed.before, pushed.after)]
    values = (pushed.followed.x, pushed.followed.output)
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 76, "r": 12, "t": 76, "b": 52},
        "bargap": 0,
        "barmode": "overlay",
        "dragmode": False,
        "legend": legend() | {"y": 1.09},
        "showlegend": True,
        "annotations": [],
    }
    for row, (stage, value, colour) in enumerate(
        zip(stages, values, (palette.muted, palette.forward), strict=True)
    ):
        usual = _USUAL_REACH if row else 0.0
        data += _draw_histogram(stage, value, colour, _axes(row, 0), mode, named=not row)
        data.append(_draw_points(stage.channels, colour, _axes(row, 1), _("channel {i}: {values}")))
        data.append(_draw_points(stage.samples, colour, _axes(row, 2), _("sample {i}: {values}")))
        bins = [min(float(stage.edges[0]), -usual), max(float(stage.edges[-1]), usual)]
        layout |= _lay_out_panel(row, 0, bins, [0, _find_top(stage)])
        for column, pairs in ((1, stage.channels), (2, stage.samples)):
            layout |= _lay_out_panel(
                row, column, [0.3, pairs.shape[1] + 0.7], _fit_range(pairs, usual)
            )
    titles = (_("entries"), _("channels: mean ± std"), _("samples: mean ± std"))
    for (left, _right), title in zip(_COLUMNS, titles, strict=True):
        layout["annotations"].append(note(f"<b>{title}</b>", left, 1.01, font={"size": TITLE_SIZE}))
    layout["yaxis"]["title"] = {"text": _("before")}
    layout["yaxis4"]["title"] = {"text": _("after")}
    for name, title in (("xaxis4", "x"), ("xaxis5", _("channel")), ("xaxis6", _("sample"))):
        layout[name]["title"] = {"text": title}
    layout["xaxis4"]["title"] = {"text": _("value")}
    return build(data, layout, mode)


def _axes(row: int, column: int) -> dict[str, str]:
    number_ = 3 * row + column + 1
    suffix = "" if number_ == 1 else str(number_)
    return {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}


def _lay_out_panel(
    row: int, column: int, x_range: list[float], y_range: list[float]
) -> dict[str, Any]:
    """Both axes of a panel; histograms are in the first column."""
    own = _axes(row, column)
    x = {"domain": _COLUMNS[column], "anchor": own["yaxis"], "range": x_range, "nticks": 7}
    y = {"domain": _ROWS[row], "anchor": own["xaxis"], "range": y_range, "nticks": 5}
    if column:
        y["zeroline"] = True
        x |= {"showgrid": False} | ({"dtick": 1} if x_range[1] < 10 else {})
    else:
        y["tickformat"] = ".2~%"
    return {"xaxis" + own["xaxis"][1:]: x, "yaxis" + own["yaxis"][1:]: y}


def _find_top(stage: BatchShape) -> float:
    """Of a histogram's axis; a set of equal entries may rise beyond it."""
    most = float(stage.shares.max())
    return 1.08 * min(max(most, 0.0 if len(stage.few) else float(stage.own.max())), 3 * most)


def _fit_range(pairs: FloatArray, usual: float) -> list[float]:
    mean, std = pairs
    low, high = float((mean - std).min()), float((mean + std).max())
    room = 0.08 * (high - low) + 1e-9
    return [min(low - room, -usual), max(high + room, usual)]


def _draw_histogram(
    stage: BatchShape, value: float, colour: str, own: dict[str, str], mode: Mode, *, named: bool
) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    low, high = stage.edges[:-1], stage.edges[1:]
    text = [
        _("{low} to {high}: {all} of all entries, {own} of those that share the mean").format(
            low=number(a), high=number(b), all=share(s), own=share(o)
        )
        for a, b, s, o in zip(low, high, stage.shares, stage.own, strict=True)
    ]
    return [
        {
            "type": "bar",
            "x": (low + high) / 2,
            "y": stage.shares,
            "width": high - low,
            "name": _("all entries"),
            "showlegend": named,
            "legendgroup": "all",
            "marker": {"color": colour, "line": {"width": 0}, "opacity": 0.6},
            "hovertext": text,
            "hovertemplate": "%{hovertext}<extra></extra>",
            **own,
        },
        {
            "type": "scatter",
            "name": _("entries that share its mean"),
            "showlegend": named,
            "legendgroup": "own",
            "hoverinfo": "skip",
            **_draw_members(stage, palette.backward),
            **own,
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": [value],
            "y": [0],
            "cliponaxis": False,
            "name": _("the followed entry"),
            "showlegend": named,
            "legendgroup": "one",
            "marker": {
                "symbol": "diamond",
                "size": 13,
                "color": palette.ink,
                "line": {"color": palette.page, "width": 2},
            },
            "hovertext": [_("the followed entry: {x}").format(x=number(value, 4))],
            "hovertemplate": "%{hovertext}<extra></extra>",
            **own,
        },
    ]


def _draw_members(stage: BatchShape, colour: str) -> dict[str, Any]:
    """Upright strokes on the axis for few entries, a histogram's outline for many."""
    if len(stage.few):
        ends = np.tile([0, _find_top(stage) / 4, np.nan], len(stage.few))
        line = {"color": colour, "width": 3}
        return {"mode": "lines", "x": np.repeat(stage.few, 3), "y": ends, "line": line}
    middle = (stage.edges[:-1] + stage.edges[1:]) / 2
    line = {"color": colour, "width": 3, "shape": "hvh"}
    return {"mode": "lines", "x": middle, "y": stage.own, "line": line}


def _draw_points(pairs: FloatArray, colour: str, own: dict[str, str], label: str) -> dict[str, Any]:
    """Mean ± standard deviation, one after the other."""
    mean, std = pairs
    texts = [
        label.format(i=i, values=f"{number(m)} ± {number(s)}, σ² = {number(s * s)}")
        for i, (m, s) in enumerate(zip(mean.tolist(), std.tolist(), strict=True), start=1)
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": np.arange(1.0, len(mean) + 1),
        "y": mean,
        "error_y": {
            "type": "data",
            "array": std.tolist(),
            "color": colour,
            "thickness": 2.5,
            "width": 4,
        },
        "marker": {"color": colour, "size": 8},
        "showlegend": False,
        "hovertext": texts,
        "hovertemplate": "%{hovertext}<extra></extra>",
        **own,
    }
