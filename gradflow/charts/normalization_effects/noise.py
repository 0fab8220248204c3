"""What the noise of batch statistics does to training and to held-out images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.axes import PanelAxes
from gradflow.charts.figure import FloatArray, build_figure, make_legend, make_note
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode, fade, list_styles
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization_effects.noise import NoiseResult

HEIGHT = 440
_COLUMNS = ((0.0, 0.45), (0.57, 1.0))
_LOWEST = 1e-6
"""A training loss below is drawn here."""


def noise_figure(
    results: Sequence[tuple[str, NoiseResult]], names: Sequence[str], *, mode: Mode = "light"
) -> go.Figure:
    """Draw training loss and held-out accuracy over the size of the groups, a dot per seed.

    Args:
        results: name of each group size, from no norm to the smallest groups, and its networks; as
            far as they are known.
        names: of all group sizes.
        mode: for a light or a dark page.
    """
    left, right = PanelAxes(0), PanelAxes(1)
    losses = [np.log10(np.maximum(own.training_loss, _LOWEST)) for _name, own in results]
    accuracies = [100 * own.accuracy for _name, own in results]
    texts = [
        _("{name}: training loss {loss}, held-out accuracy {right}").format(
            name=name,
            loss=format_number(float(np.median(own.training_loss))),
            right=format_share(float(own.accuracy.mean())),
        )
        for name, own in results
    ]
    data = [
        *_draw_dots(losses, texts, left, mode, median=True),
        *_draw_dots(accuracies, texts, right, mode, median=False),
    ]
    x = {
        "tickvals": list(range(len(names))),
        "ticktext": list(names),
        "range": [-0.4, len(names) - 0.6],
        "title": {"text": _("images that share their mean and variance")},
        "showgrid": False,
    }
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 76, "r": 16, "t": 66, "b": 60},
        "dragmode": False,
        "legend": make_legend() | {"y": 1.09},
        "showlegend": True,
        "annotations": [
            make_note(f"<b>{title}</b>", place[0], 1.01, font={"size": TITLE_SIZE})
            for title, place in (
                (_("training loss"), _COLUMNS[0]),
                (_("held-out accuracy"), _COLUMNS[1]),
            )
        ],
        left.x_key: {**x, "domain": _COLUMNS[0], "anchor": left.y},
        right.x_key: {**x, "domain": _COLUMNS[1], "anchor": right.y},
        left.y_key: {
            "anchor": left.x,
            "tickprefix": "10<sup>",
            "ticksuffix": "</sup>",
            "dtick": 1,
        },
        right.y_key: {"anchor": right.x, "ticksuffix": "%"},
    }
    return build_figure(data, layout, mode)


def _draw_dots(
    values: Sequence[FloatArray], texts: list[str], axes: PanelAxes, mode: Mode, *, median: bool
) -> list[dict[str, Any]]:
    """Draw a dot per seed, and a line through the medians or means."""
    style = list_styles(mode)[0]
    spread = np.linspace(-0.12, 0.12, max(map(len, values), default=1))
    find_middle = np.median if median else np.mean
    dots = {
        "type": "scatter",
        "mode": "markers",
        "name": _("one seed"),
        "showlegend": median,
        "legendgroup": "dots",
        "x": np.concatenate([i + spread[: len(own)] for i, own in enumerate(values)]),
        "y": np.concatenate(list(values)),
        "marker": {"size": 8, "color": fade(style.colour, 0.5)},
        "hoverinfo": "skip",
        **axes.trace_keys,
    }
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": _("their middle"),
        "showlegend": median,
        "legendgroup": "line",
        "x": np.arange(float(len(values))),
        "y": np.array([find_middle(own) for own in values]),
        "line": {"color": PALETTES[mode].ink, "width": 3},
        "marker": {"size": 11, "color": PALETTES[mode].ink},
        "hovertext": texts,
        "hovertemplate": "%{hovertext}<extra></extra>",
        **axes.trace_keys,
    }
    return [dots, line]
