"""A Gaussian before and behind an activation function: three histograms side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build, note
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, number, share
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.gaussian import Distribution, Passage

_DOMAINS = ((0.0, 0.29), (0.355, 0.645), (0.71, 1.0))


def gaussian_figure(passage: Passage, *, mode: Mode = "light") -> go.Figure:
    """z, φ(z) and φ'(z): the share of the samples in each of 80 bins.

    Single numbers that many samples equal stand apart as stems with their share: binned, they
    would dwarf everything else. The dashed line is the mean of the samples.
    """
    palette = PALETTES[mode]
    panels: Sequence[tuple[str, Distribution, str]] = (
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
    for i, (name, found, colour) in enumerate(panels, start=1):
        suffix = "" if i == 1 else str(i)
        own = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        top = _find_height(found)
        data += _draw_bars(found, colour, own)
        data += _draw_stems(found, top, mode, own)
        left, right = _DOMAINS[i - 1]
        layout[f"xaxis{suffix}"] = {
            "domain": [left, right],
            "anchor": f"y{suffix}",
            "title": {"text": name},
            "range": _fit_range(found),
            "nticks": 6,
        }
        layout[f"yaxis{suffix}"] = {
            "anchor": f"x{suffix}",
            "range": [0, 1.25 * top],
            "tickformat": ".2~%",
            "nticks": 5,
            **({"title": {"text": _("share of samples")}} if i == 1 else {}),
        }
        layout["annotations"].append(
            note(
                f"<b>{name}</b>  " + _write_nonfinite(found),
                left,
                1.02,
                font={"size": TITLE_SIZE, "color": palette.ink},
            )
        )
        if math.isfinite(found.mean):
            layout["shapes"].append(
                {
                    "type": "line",
                    "xref": f"x{suffix}",
                    "yref": f"y{suffix}",
                    "x0": found.mean,
                    "x1": found.mean,
                    "y0": 0,
                    "y1": 1.25 * top,
                    "line": {"color": palette.ink, "width": 2, "dash": "dash"},
                }
            )
    return build(data, layout, mode)


def _write_nonfinite(found: Distribution) -> str:
    if not found.nonfinite:
        return ""
    return _("{share} not finite").format(share=share(found.nonfinite))


def _find_height(found: Distribution) -> float:
    binned = float(found.shares.max(initial=0.0))
    return binned or max((s for _number, s in found.atoms), default=1.0)


def _fit_range(found: Distribution) -> list[float]:
    ends = [*found.edges[[0, -1]], *(n for n, _s in found.atoms)] if len(found.edges) else []
    ends = ends or [n for n, _s in found.atoms] or [0.0]
    low, high = float(min(ends)), float(max(ends))
    room = 0.08 * (high - low) or max(abs(high), 1.0) / 2
    return [low - room, high + room]


def _draw_bars(found: Distribution, colour: str, own: dict[str, str]) -> list[dict[str, Any]]:
    if not len(found.edges):
        return []
    edges = found.edges
    text = [
        _("{low} to {high}: {share}").format(low=number(a), high=number(b), share=share(s))
        for a, b, s in zip(edges, edges[1:], found.shares, strict=False)
    ]
    return [
        {
            "type": "bar",
            "x": edges[:-1] / 2 + edges[1:] / 2,
            "y": found.shares,
            "width": np.diff(edges),
            "marker": {"color": colour, "line": {"width": 0}},
            "hovertext": text,
            "hovertemplate": "%{hovertext}<extra></extra>",
            **own,
        }
    ]


def _draw_stems(
    found: Distribution, top: float, mode: Mode, own: dict[str, str]
) -> list[dict[str, Any]]:
    """A stem per atom; above it and the bins its share, whatever the axis reaches."""
    if not found.atoms:
        return []
    palette = PALETTES[mode]
    x = [n for n, _s in found.atoms]
    heights = [min(s, 1.05 * top) for _n, s in found.atoms]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [v for n in x for v in (n, n, None)],
            "y": [v for h in heights for v in (0, h, None)],
            "hoverinfo": "skip",
            "line": {"color": palette.ink, "width": 5},
            **own,
        }
    ]
    data.append(
        {
            "type": "scatter",
            "mode": "text",
            "x": x,
            "y": [max(h, top) for h in heights],
            "text": [share(round(s, 3)) for _n, s in found.atoms],
            "textposition": "top center",
            "textfont": {"size": TEXT_SIZE - 1},
            "cliponaxis": False,
            "hoverinfo": "skip",
            **own,
        }
    )
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": x,
            "y": heights,
            "marker": {"symbol": "diamond", "size": 10, "color": palette.ink},
            "hovertext": [
                _("exactly {number}: {share} of the samples").format(
                    number=number(n), share=share(s)
                )
                for n, s in found.atoms
            ],
            "hovertemplate": "%{hovertext}<extra></extra>",
            **own,
        }
    )
    return data
