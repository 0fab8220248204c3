"""One deep network with each normalization: gradient norms and distributions over the layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.compare.data import ComparedSetting
from gradflow.charts.compare.flow import compare_flow_figure
from gradflow.charts.figure import FloatArray, make_layer_axis, read_column
from gradflow.charts.flow.text import SYMBOLS
from gradflow.charts.laws import LawCurve, laws_figure
from gradflow.charts.theme import Mode
from gradflow.core.report import Report
from gradflow.core.text import _

BackwardSignal = Literal["activation_grad", "delta"]


@dataclass(frozen=True, eq=False)
class NetworkReport:
    """Report of a network to draw, with its name and a prediction.

    Attributes:
        name: for the legend.
        report: the numbers.
        law: theory's norm of the chosen gradient, one per layer; empty: there is no theory.
    """

    name: str
    report: Report
    law: FloatArray = field(default_factory=lambda: np.zeros(0))


def normalized_flow_figure(
    networks: Sequence[NetworkReport],
    *,
    gradient: BackwardSignal = "activation_grad",
    mode: Mode = "light",
) -> go.Figure:
    """Draw Frobenius norms ‖∂L/∂a_l‖ or ‖∂L/∂z_l‖ per layer on a log axis, theory dashed."""
    curves = make_flow_curves(networks, gradient)
    count = max((len(curve.x) for curve in curves), default=0)
    return laws_figure(
        curves,
        x=make_layer_axis(
            count,
            title={"text": _("layer (1 is next to the input)")},
            unifiedhovertitle={"text": f"<b>{_('layer')} %{{x}}</b>"},
        ),
        y_title=_("gradient norm ‖{symbol}‖").format(symbol=SYMBOLS[gradient]),
        mode=mode,
    )


def distributions_figure(
    networks: Sequence[NetworkReport],
    *,
    gradient: BackwardSignal = "activation_grad",
    mode: Mode = "light",
) -> go.Figure:
    """Draw a small Flow figure of each network, on the same axes; theory's RMS gradient dashed."""
    entries = [
        ComparedSetting("", network.name, network.report, network.law) for network in networks
    ]
    return compare_flow_figure(entries, gradient=gradient, mode=mode)


def make_flow_curves(networks: Sequence[NetworkReport], gradient: BackwardSignal) -> list[LawCurve]:
    """Make one curve per network."""
    return [
        LawCurve(
            network.name,
            read_column(network.report.layers, "layer"),
            read_column(network.report.layers, f"{gradient}_norm"),
            network.law,
        )
        for network in networks
    ]
