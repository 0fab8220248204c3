"""Scatter of batch statistics and error of the output against the batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build, legend, note
from gradflow.charts.theme import PALETTES, TITLE_SIZE, Mode, number, styles
from gradflow.core.text import _

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradflow.core.teaching.normalization.small_batches import Spreads

HEIGHT = 430
_TICKS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]
_PANELS = ((0.0, 0.29), (0.355, 0.645), (0.71, 1.0))


def spreads_figure(
    sizes: Sequence[int], spreads: Spreads, chosen: int, *, mode: Mode = "light"
) -> go.Figure:
    """Three panels over the batch size, both axes logarithmic: marks are drawn, lines are theory.

    Args:
        sizes: batch sizes.
        spreads: of batch norm and group norm.
        chosen: the batch size that a dotted line marks.
        mode: light or dark.
    """
    palette = PALETTES[mode]
    titles = (_("spread of the mean"), _("spread of the variance"), _("error of the output"))
    looks = styles(mode)
    families = (
        (_("batch norm"), spreads.batch, spreads.batch_theory, looks[0]),
        (_("group norm"), spreads.group, spreads.group_theory, looks[1]),
    )
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 60, "r": 12, "t": 80, "b": 56},
        "dragmode": False,
        "legend": legend() | {"y": 1.1},
        "showlegend": True,
        "annotations": [],
        "shapes": [],
    }
    for i, (title, what) in enumerate(zip(titles, ("mean", "variance", "error"), strict=True)):
        suffix = str(i + 1) if i else ""
        own = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        every = []
        for name, drawn, theory, look in families:
            values = getattr(drawn, what)
            every += [values, getattr(theory, what)]
            shared = {"x": list(sizes), "legendgroup": name, "showlegend": not i, **own}
            data += [
                {
                    "type": "scatter",
                    "mode": "lines",
                    "y": every[-1],
                    "name": _("{norm}: theory").format(norm=name),
                    "line": {"color": look.colour, "dash": look.dash, "width": 2.5},
                    "hoverinfo": "skip",
                    **shared,
                },
                {
                    "type": "scatter",
                    "mode": "markers",
                    "y": values,
                    "name": _("{norm}: drawn").format(norm=name),
                    "marker": {
                        "color": look.colour,
                        "symbol": look.symbol,
                        "size": 10,
                        "line": {"color": palette.page, "width": 1.5},
                    },
                    "hovertext": [
                        _("{norm}, N = {n}: {drawn}; theory {theory}").format(
                            norm=name, n=n, drawn=number(a), theory=number(b)
                        )
                        for n, a, b in zip(sizes, values, every[-1], strict=True)
                    ],
                    "hovertemplate": "%{hovertext}<extra></extra>",
                    **shared,
                },
            ]
        layout |= {
            f"xaxis{suffix}": {
                "type": "log",
                "domain": _PANELS[i],
                "anchor": own["yaxis"],
                "tickvals": list(sizes)[::2],
                "ticktext": [str(n) for n in sizes[::2]],
                "range": np.log10([sizes[0] / 1.3, sizes[-1] * 1.3]).tolist(),
                "title": {"text": _("batch size N")},
            },
            f"yaxis{suffix}": {
                "type": "log",
                "anchor": own["xaxis"],
                "range": _fit_decades(every),
                "tickvals": _TICKS,
                "ticktext": [number(t) for t in _TICKS],
            },
        }
        layout["annotations"].append(
            note(f"<b>{title}</b>", _PANELS[i][0], 1.01, font={"size": TITLE_SIZE})
        )
        layout["shapes"].append(
            {
                "type": "line",
                "xref": own["xaxis"],
                "yref": f"{own['yaxis']} domain",
                "x0": chosen,
                "x1": chosen,
                "y0": 0,
                "y1": 1,
                "line": {"color": palette.ink, "width": 2, "dash": "dot"},
            }
        )
    return build(data, layout, mode)


def _fit_decades(values: list[Any]) -> list[float]:
    """A log axis that holds all values."""
    found = np.log10(np.concatenate(values))
    return [float(found.min()) - 0.1, float(found.max()) + 0.1]
