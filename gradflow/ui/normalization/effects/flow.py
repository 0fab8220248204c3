"""The same deep network with each normalization, in one comparison of its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from gradflow.charts.flow.text import SYMBOLS
from gradflow.charts.normalization_effects.flow import (
    BackwardSignal,
    NetworkReport,
    distributions_figure,
    normalized_flow_figure,
)
from gradflow.charts.theme import number
from gradflow.core.catalog import INITIALIZATIONS, NORM_POSITIONS, NORMALIZATIONS, Normalization
from gradflow.core.catalog import NormPosition as Position
from gradflow.core.experiment import MLP
from gradflow.core.spec import Spec
from gradflow.core.teaching.normalization_effects.flow import (
    COMPARED,
    NORMS,
    Growth,
    NormalizedFlow,
    growth,
)
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui import compute as app_compute
from gradflow.ui.latex import tex
from gradflow.ui.normalization import controls, state
from gradflow.ui.normalization.effects import controls as effects_controls
from gradflow.ui.normalization.state import View

WIDTHS = (16, 32, 64, 128, 256)
BATCHES = (8, 16, 32, 64, 128, 256)
_VIEW = View.FLOW
_GRADIENTS: tuple[BackwardSignal, ...] = ("activation_grad", "delta")


def show() -> Spec:
    """The comparison, the factors per layer, and both places of one normalization."""
    _controls()
    spec = state.spec(_VIEW)
    assert isinstance(spec, NormalizedFlow)
    left, right = st.columns(2)
    with left:
        gradient = _gradient()
    with right:
        draw = _look()
    named = {_(NORMALIZATIONS[code].label): spec.network(code) for code in COMPARED}
    blocks.show_figure(
        draw(_networks(spec, named, gradient), gradient=gradient, mode=blocks.mode()),
        "normalization_flow",
        _("The gradient of the same network with each normalization"),
    )
    grown = {name: _growth(spec, one) for name, one in named.items()}
    st.latex(formula(spec, grown[_(NORMALIZATIONS[Normalization.BATCH].label)]))
    blocks.show_table(growth_table(grown), key="normalization_growth")
    blocks.explain("normalization_effects_flow")
    return _placed(spec, gradient)


def _controls() -> None:
    columns = st.columns([3, 3, 3, 3])
    with columns[0]:
        effects_controls.activation(_VIEW)
        controls.slider(_VIEW, "negative_slope", 0.01)
        controls.slider(_VIEW, "elu_alpha", 0.1)
        controls.slider(_VIEW, "depth")
    with columns[1]:
        methods = {code: row.label for code, row in INITIALIZATIONS.items()}
        effects_controls.select(_VIEW, "initialization", methods)
        controls.marks(_VIEW, "init_std", (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0))
        controls.marks(_VIEW, "width", WIDTHS)
    with columns[2]:
        places = {code: row.label for code, row in NORM_POSITIONS.items()}
        effects_controls.select(_VIEW, "norm_position", places)
        controls.marks(_VIEW, "batch_size", BATCHES)
    with columns[3]:
        width = int(state.values(_VIEW)["width"])
        divisors = [n for n in range(1, width + 1) if width % n == 0]
        controls.only(_VIEW, "groups", divisors)
        controls.slider(_VIEW, "seed")


def _gradient() -> BackwardSignal:
    symbols = {code: SYMBOLS[code] for code in _GRADIENTS}
    return blocks.one_of(_("Gradient"), symbols, "normalization_gradient")


def _look() -> Callable[..., go.Figure]:
    looks = {"norms": normalized_flow_figure, "flow": distributions_figure}
    names = {"norms": _("Norms"), "flow": _("Flow: distributions")}
    return looks[blocks.one_of(_("Figure"), names, "normalization_look")]


def _networks(
    spec: NormalizedFlow, named: dict[str, MLP], gradient: BackwardSignal
) -> list[NetworkReport]:
    networks = []
    for name, network in named.items():
        experiment = spec.experiment(network)
        prediction = app_compute.predict(experiment)
        laws = {
            "delta": prediction.delta_norm,
            "activation_grad": prediction.activation_grad_norm,
        }
        networks.append(NetworkReport(name, app_compute.run(experiment), laws[gradient]))
    return networks


def _growth(spec: NormalizedFlow, network: MLP) -> Growth:
    experiment = spec.experiment(network)
    return growth(network, app_compute.run(experiment), app_compute.predict(experiment))


def formula(spec: NormalizedFlow, batch: Growth) -> str:
    """The growth that theory gives for batch norm, with its number."""
    place = r"z\sim N(0,1)" if spec.norm_position is Position.BEFORE else r"z\sim N(0,\sigma_w^2)"
    weight = "" if spec.norm_position is Position.BEFORE else r"\sigma_w^2\,"
    return (
        r"\text{BatchNorm: }\frac{\|\partial L/\partial a_{l-1}\|^2}{\|\partial L/\partial a_l\|^2}"
        rf"\to {weight}\frac{{\mathbb{{E}}\,\varphi'(z)^2}}{{\mathrm{{Var}}\,\varphi(z)}}"
        rf" = {tex(batch.limit)},\quad {place}"
        rf"\qquad\text{{measured: }}{tex(batch.measured)}"
    )


def growth_table(grown: dict[str, Growth]) -> pd.DataFrame:
    """Factors per layer, measured and by theory."""
    return pd.DataFrame([
        {
            _("Normalization"): name,
            _("‖∂L/∂a‖², factor per layer"): _text(one.measured),
            _("theory, this width and batch"): _text(one.predicted),
            _("theory, wide and large"): _text(one.limit),
            _("‖∂L/∂a‖, layer 1 over the last hidden one"): _text(one.ratio),
        }
        for name, one in grown.items()
    ])  # fmt: skip


def _text(value: float) -> str:
    return "–" if math.isnan(value) else number(value, 4)


def _placed(spec: NormalizedFlow, gradient: BackwardSignal) -> Spec:
    st.subheader(_("Before or after the activation"))
    controls.choice(_VIEW, "placed", {str(code): NORMALIZATIONS[code].label for code in NORMS})
    chosen = Normalization(state.values(_VIEW)["placed"])
    named = {_(NORM_POSITIONS[place].label): spec.network(chosen, place) for place in Position}
    blocks.show_figure(
        normalized_flow_figure(
            _networks(spec, named, gradient), gradient=gradient, mode=blocks.mode()
        ),
        "normalization_placed",
        _("Gradient norms with the normalization before and after the activation"),
    )
    blocks.show_table(
        growth_table({name: _growth(spec, one) for name, one in named.items()}),
        key="normalization_placed_growth",
    )
    blocks.explain("normalization_effects_position")
    return state.spec(_VIEW)
