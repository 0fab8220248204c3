"""Distance of each residual block from the identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, empty_figure, make_layer_axis, make_legend
from gradflow.charts.laws import LawCurve, draw_curves, fit_scale
from gradflow.charts.series import Scale
from gradflow.charts.theme import Mode
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.degradation.identity import Nearness


def identity_figure(blocks: Sequence[tuple[str, Nearness]], *, mode: Mode = "light") -> go.Figure:
    """Draw ‖α·f(h)‖/‖h‖ of every block above, and the cosine of its in- and output below.

    Args:
        blocks: name of each network, and the numbers of its blocks.
        mode: for a light or a dark page.
    """
    branch, cosine = make_identity_curves(blocks)
    count = max((len(curve.x) for curve in branch), default=0)
    if not count:
        return empty_figure(_("No blocks: the network is too shallow"), mode=mode)
    above = fit_scale(branch, log=True)
    lowest = min(float(curve.values.min(initial=0.0)) for curve in cosine)
    below = Scale(False, lowest - 0.08, 1.08)
    data = [
        *draw_curves(branch, above, mode),
        *draw_curves(cosine, below, mode, axis="y2", in_legend=False),
    ]
    layout: dict[str, Any] = {
        "height": 520,
        "margin": {"l": 84, "r": 24, "t": 44, "b": 60},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": make_layer_axis(
            count,
            anchor="y2",
            title={"text": _("block (1 is next to the input)")},
            unifiedhovertitle={"text": f"<b>{_('block')} %{{x}}</b>"},
        ),
        "yaxis": {**above.make_axis(_("‖α f(h)‖ / ‖h‖")), "domain": [0.54, 1.0]},
        "yaxis2": {**below.make_axis(_("cosine of h and output")), "domain": [0.0, 0.46]},
    }
    return build_figure(data, layout, mode)


def make_identity_curves(
    blocks: Sequence[tuple[str, Nearness]],
) -> tuple[list[LawCurve], list[LawCurve]]:
    """Make curves of the branch's size and of the cosine, over the number of the block."""
    sizes, cosines = [], []
    for name, nearness in blocks:
        numbers = np.arange(1.0, len(nearness.branch) + 1)
        sizes.append(LawCurve(name, numbers, nearness.branch))
        cosines.append(LawCurve(name, numbers, nearness.cosine))
    return sizes, cosines
