"""A Gaussian before and behind an activation function: three histograms side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import build_figure, make_note
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.gaussian import Distribution, Passage

_DOMAINS = ((0.0, 0.29), (0.355, 0.645), (0.71, 1.0))


def gaussian_figure(passage: Passage, *, mode: Mode = "light") -> go.Figure:
    """Draw histograms of z, φ(z) and φ′(z): the share of the samples in each of 80 bins.

    Numbers that many samples equal stand apart as stems with their share: binned, they would
    dwarf everything else. The dashed line is the mean of the samples.

    Args:
        passage: distributions of z, φ(z) and φ′(z).
        mode: for a light or a dark page.
    """
    palette = PALETTES[mode]
    panels = (
        ("z", passage.before, palette.muted),
        ("φ(z)", passage.value, palette.forward),
        ("φ′(z)", passage.slope, palette.backward),
    )
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": 400,
        "margin": {"l": 64, "r": 16, "t": 48, "b": 60},
        "showlegend": False,
        "bargap": 0,
        "dragmode": False,
        "annotations": [],
        "shapes": [],
    }
    for i, (name, distribution, colour) in enumerate(panels):
        axes = PanelAxes(i)
        top = _find_height(distribution)
        data += _draw_bars(distribution, colour, axes)
        data += _draw_stems(distribution, top, mode, axes)
        left, right = _DOMAINS[i]
        layout[axes.x_key] = {
            "domain": [left, right],
            "anchor": axes.y,
            "title": {"text": name},
            "range": _fit_range(distribution),
            "nticks": 6,
        }
        layout[axes.y_key] = {
            "anchor": axes.x,
            "range": [0, 1.25 * top],
            "tickformat": ".2~%",
            "nticks": 5,
            **({} if i else {"title": {"text": _("share of samples")}}),
        }
        title = f"<b>{name}</b>  " + _write_nonfinite(distribution)
        font = {"size": TITLE_SIZE, "color": palette.ink}
        layout["annotations"].append(make_note(title, left, 1.02, font=font))
        if math.isfinite(distribution.mean):
            layout["shapes"].append(_mark_mean(distribution.mean, top, mode, axes))
    return build_figure(data, layout, mode)


def _find_height(distribution: Distribution) -> float:
    """Find the highest bar, or the highest stem if there are no bars."""
    binned = float(distribution.shares.max(initial=0.0))
    return binned or max((s for _value, s in distribution.atoms), default=1.0)


def _fit_range(distribution: Distribution) -> list[float]:
    """Fit the x axis to all bins and stems."""
    atoms = [value for value, _s in distribution.atoms]
    bins = distribution.edges[[0, -1]].tolist() if len(distribution.edges) else []
    ends = [*bins, *atoms] or [0.0]
    low, high = float(min(ends)), float(max(ends))
    room = 0.08 * (high - low) or max(abs(high), 1.0) / 2
    return [low - room, high + room]


def _draw_bars(distribution: Distribution, colour: str, axes: PanelAxes) -> list[dict[str, Any]]:
    edges = distribution.edges
    if not len(edges):
        return []
    text = [
        _("{low} to {high}: {share}").format(
            low=format_number(a), high=format_number(b), share=format_share(s)
        )
        for a, b, s in zip(edges, edges[1:], distribution.shares, strict=False)
    ]
    return [
        {
            "type": "bar",
            "x": edges[:-1] / 2 + edges[1:] / 2,
            "y": distribution.shares,
            "width": np.diff(edges),
            "marker": {"color": colour, "line": {"width": 0}},
            "hovertext": text,
            "hovertemplate": "%{hovertext}<extra></extra>",
            **axes.trace_keys,
        }
    ]


def _draw_stems(
    distribution: Distribution, top: float, mode: Mode, axes: PanelAxes
) -> list[dict[str, Any]]:
    """Draw a stem per atom, cut off near the axis's end, with its share above it and the bins."""
    atoms = distribution.atoms
    if not atoms:
        return []
    ink = PALETTES[mode].ink
    x = [value for value, _s in atoms]
    heights = [min(s, 1.05 * top) for _value, s in atoms]
    stems = {
        "type": "scatter",
        "mode": "lines",
        "x": [end for value in x for end in (value, value, None)],
        "y": [end for height in heights for end in (0, height, None)],
        "hoverinfo": "skip",
        "line": {"color": ink, "width": 5},
        **axes.trace_keys,
    }
    labels = {
        "type": "scatter",
        "mode": "text",
        "x": x,
        "y": [max(height, top) for height in heights],
        "text": [format_share(round(s, 3)) for _value, s in atoms],
        "textposition": "top center",
        "textfont": {"size": TEXT_SIZE - 1},
        "cliponaxis": False,
        "hoverinfo": "skip",
        **axes.trace_keys,
    }
    heads = {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": heights,
        "marker": {"symbol": "diamond", "size": 10, "color": ink},
        "hovertext": [
            _("exactly {number}: {share} of the samples").format(
                number=format_number(v), share=format_share(s)
            )
            for v, s in atoms
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
        **axes.trace_keys,
    }
    return [stems, labels, heads]


def _write_nonfinite(distribution: Distribution) -> str:
    if not distribution.nonfinite:
        return ""
    return _("{share} not finite").format(share=format_share(distribution.nonfinite))


def _mark_mean(mean: float, top: float, mode: Mode, axes: PanelAxes) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": axes.x,
        "yref": axes.y,
        "x0": mean,
        "x1": mean,
        "y0": 0,
        "y1": 1.25 * top,
        "line": {"color": PALETTES[mode].ink, "width": 2, "dash": "dash"},
    }
