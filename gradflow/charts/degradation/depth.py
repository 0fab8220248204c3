"""The share of the gradient that reaches the first layer, against depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.charts.theme import Mode
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.degradation.depth import DepthSweep


def depth_figure(
    sweeps: Sequence[tuple[str, DepthSweep]], depths: Sequence[int], *, mode: Mode = "light"
) -> go.Figure:
    """Draw ‖∂L/∂z_1‖ / ‖∂L/∂z_L‖ over the depth L, both on log axes, theory dashed.

    Args:
        sweeps: name of each kind of connection, and its ratios, as far as they are known.
        depths: L of all networks.
        mode: for a light or a dark page.
    """
    return laws_figure(
        make_depth_curves(sweeps),
        x={
            "type": "log",
            "title": {"text": _("depth L (weight layers)")},
            "tickvals": list(depths),
            "ticktext": [str(depth) for depth in depths],
            "range": [float(np.log10(depths[0] / 1.1)), float(np.log10(depths[-1] * 1.1))],
            "unifiedhovertitle": {"text": f"<b>{_('depth')} %{{x}}</b>"},
        },
        y_title="‖∂L/∂z<sub>1</sub>‖ / ‖∂L/∂z<sub>L</sub>‖",
        mode=mode,
    )


def make_depth_curves(sweeps: Sequence[tuple[str, DepthSweep]]) -> list[LawCurve]:
    """Make one curve per kind of connection."""
    return [
        LawCurve(name, sweep.depths.astype(np.float64), sweep.ratio, sweep.law)
        for name, sweep in sweeps
    ]
