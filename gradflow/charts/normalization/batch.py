"""A batch before and after a normalization: histograms, and statistics per channel and sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import FloatArray, build_figure, make_legend, make_note
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

if TYPE_CHECKING:
    import numpy.typing as npt

    from gradflow.core.teaching.normalization.batch import PushResult

HEIGHT = 520
BINS = 48
DRAWN_SAMPLES = 32
"""This many samples are drawn one by one."""
FEW_MEMBERS = 24
"""Fewer entries than these are drawn one by one."""
_COLUMNS = ((0.0, 0.36), (0.43, 0.66), (0.73, 1.0))
_ROWS = ((0.56, 1.0), (0.0, 0.44))
_USUAL_REACH = 4.0
"""Axes after the normalization reach at least this far, so that γ and β move the bars."""


@dataclass(frozen=True, eq=False)
class BatchSummary:
    """Numbers to draw of a batch, before or after the normalization.

    Members are the entries that share mean and variance with the followed entry.

    Attributes:
        edges: of the bins, shape ``(BINS + 1,)``.
        shares: of all entries, per bin.
        member_shares: of the members, per bin.
        few_members: the members themselves if they are so few that a histogram would be mere
            spikes, else empty.
        channels, samples: mean and standard deviation of each, shape ``(2, C)`` and ``(2, ≤ 32)``.
    """

    edges: FloatArray
    shares: FloatArray
    member_shares: FloatArray
    few_members: FloatArray
    channels: FloatArray
    samples: FloatArray


def summarize_batch(x: FloatArray, own: npt.NDArray[np.bool_]) -> BatchSummary:
    """Bin the entries of a batch, and average them over each channel and sample.

    Args:
        x: shape ``(N, C, H, W)``.
        own: which samples and channels share statistics with the followed entry, ``(N, C)``.
    """
    counts, edges = np.histogram(x, BINS)
    members = x[own].ravel()
    member_counts, _edges = np.histogram(members, edges)
    first = x[:DRAWN_SAMPLES]
    return BatchSummary(
        edges=edges,
        shares=counts / x.size,
        member_shares=member_counts / len(members),
        few_members=members if len(members) < FEW_MEMBERS else members[:0],
        channels=np.stack([x.mean((0, 2, 3)), x.std((0, 2, 3))]),
        samples=np.stack([first.mean((1, 2, 3)), first.std((1, 2, 3))]),
    )


def batch_figure(pushed: PushResult, *, mode: Mode = "light") -> go.Figure:
    """Draw the batch before the normalization above, and after it below.

    Left: shares of all entries per bin, and of those that share statistics with the followed
    entry, which a diamond marks. Middle and right: mean ± standard deviation of each channel and
    of each of the first 32 samples.
    """
    palette = PALETTES[mode]
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 76, "r": 12, "t": 76, "b": 52},
        "bargap": 0,
        "barmode": "overlay",
        "dragmode": False,
        "legend": make_legend() | {"y": 1.09},
        "showlegend": True,
        "annotations": [],
    }
    before = summarize_batch(pushed.before, pushed.own)
    after = summarize_batch(pushed.after, pushed.own)
    data = [
        *_draw_row(0, before, pushed.followed.x, palette.muted, mode),
        *_draw_row(1, after, pushed.followed.output, palette.forward, mode),
    ]
    layout |= _lay_out_row(0, before, 0.0) | _lay_out_row(1, after, _USUAL_REACH)
    titles = (_("entries"), _("channels: mean ± std"), _("samples: mean ± std"))
    for (left, _right), title in zip(_COLUMNS, titles, strict=True):
        layout["annotations"].append(
            make_note(f"<b>{title}</b>", left, 1.01, font={"size": TITLE_SIZE})
        )
    for name, title in (
        ("yaxis", _("before")),
        ("yaxis4", _("after")),
        ("xaxis4", _("value")),
        ("xaxis5", _("channel")),
        ("xaxis6", _("sample")),
    ):
        layout[name]["title"] = {"text": title}
    return build_figure(data, layout, mode)


def _find_axes(row: int, column: int) -> PanelAxes:
    return PanelAxes(len(_COLUMNS) * row + column)


def _draw_row(
    row: int, batch: BatchSummary, followed: float, colour: str, mode: Mode
) -> list[dict[str, Any]]:
    """Draw the three panels of a batch in which the followed entry has the value ``followed``."""
    entries, channels, samples = (_find_axes(row, column) for column in range(3))
    return [
        *_draw_histogram(batch, followed, colour, entries, mode, named=row == 0),
        _draw_points(batch.channels, colour, channels, _("channel {i}: {values}")),
        _draw_points(batch.samples, colour, samples, _("sample {i}: {values}")),
    ]


def _draw_histogram(
    batch: BatchSummary, followed: float, colour: str, axes: PanelAxes, mode: Mode, *, named: bool
) -> list[dict[str, Any]]:
    """Draw the entries, the members and the followed entry; ``named`` puts them in the legend."""
    palette = PALETTES[mode]
    low, high = batch.edges[:-1], batch.edges[1:]
    text = [
        _("{low} to {high}: {all} of all entries, {own} of those that share the mean").format(
            low=format_number(a), high=format_number(b), all=format_share(s), own=format_share(o)
        )
        for a, b, s, o in zip(low, high, batch.shares, batch.member_shares, strict=True)
    ]
    entries = {
        "type": "bar",
        "x": (low + high) / 2,
        "y": batch.shares,
        "width": high - low,
        "name": _("all entries"),
        "showlegend": named,
        "legendgroup": "all",
        "marker": {"color": colour, "line": {"width": 0}, "opacity": 0.6},
        "hovertext": text,
        "hovertemplate": "%{hovertext}<extra></extra>",
        **axes.trace_keys,
    }
    members = {
        "type": "scatter",
        "name": _("entries that share its mean"),
        "showlegend": named,
        "legendgroup": "own",
        "hoverinfo": "skip",
        **_draw_members(batch, palette.backward),
        **axes.trace_keys,
    }
    diamond = {
        "type": "scatter",
        "mode": "markers",
        "x": [followed],
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
        "hovertext": [_("the followed entry: {x}").format(x=format_number(followed, 4))],
        "hovertemplate": "%{hovertext}<extra></extra>",
        **axes.trace_keys,
    }
    return [entries, members, diamond]


def _draw_members(batch: BatchSummary, colour: str) -> dict[str, Any]:
    """Draw few members as upright strokes on the axis, many as the outline of a histogram."""
    few = batch.few_members
    if len(few):
        ends = np.tile([0, _find_top(batch) / 4, np.nan], len(few))
        line = {"color": colour, "width": 3}
        return {"mode": "lines", "x": np.repeat(few, 3), "y": ends, "line": line}
    middle = (batch.edges[:-1] + batch.edges[1:]) / 2
    line = {"color": colour, "width": 3, "shape": "hvh"}
    return {"mode": "lines", "x": middle, "y": batch.member_shares, "line": line}


def _draw_points(pairs: FloatArray, colour: str, axes: PanelAxes, label: str) -> dict[str, Any]:
    """Draw mean ± standard deviation of each channel, or of each sample."""
    mean, std = pairs
    texts = [
        label.format(
            i=i, values=f"{format_number(m)} ± {format_number(s)}, σ² = {format_number(s * s)}"
        )
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
        **axes.trace_keys,
    }


def _lay_out_row(row: int, batch: BatchSummary, reach: float) -> dict[str, Any]:
    """Make the axes of a row; those of the values reach from −``reach`` to ``reach`` at least."""
    bins = [min(float(batch.edges[0]), -reach), max(float(batch.edges[-1]), reach)]
    layout = _lay_out_panel(row, 0, bins, [0, _find_top(batch)])
    for column, pairs in ((1, batch.channels), (2, batch.samples)):
        numbers = [0.3, pairs.shape[1] + 0.7]
        layout |= _lay_out_panel(row, column, numbers, _fit_range(pairs, reach))
    return layout


def _lay_out_panel(
    row: int, column: int, x_range: list[float], y_range: list[float]
) -> dict[str, Any]:
    """Make both axes of a panel; histograms are in column 0."""
    axes = _find_axes(row, column)
    x = {"domain": _COLUMNS[column], "anchor": axes.y, "range": x_range, "nticks": 7}
    y = {"domain": _ROWS[row], "anchor": axes.x, "range": y_range, "nticks": 5}
    if column:
        y["zeroline"] = True
        x |= {"showgrid": False} | ({"dtick": 1} if x_range[1] < 10 else {})
    else:
        y["tickformat"] = ".2~%"
    return {axes.x_key: x, axes.y_key: y}


def _find_top(batch: BatchSummary) -> float:
    """Find the end of a histogram's axis; a set of equal entries may rise beyond it."""
    highest = float(batch.shares.max())
    highest_member = 0.0 if len(batch.few_members) else float(batch.member_shares.max())
    return 1.08 * min(max(highest, highest_member), 3 * highest)


def _fit_range(pairs: FloatArray, reach: float) -> list[float]:
    """Fit an axis to mean ± standard deviation, and at least to ±``reach``."""
    mean, std = pairs
    low, high = float((mean - std).min()), float((mean + std).max())
    room = 0.08 * (high - low) + 1e-9
    return [min(low - room, -reach), max(high + room, reach)]
