"""The gradient of the same deep network with each normalization."""

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
from gradflow.core.catalog import NORM_POSITIONS, NORMALIZATIONS, Normalization, NormPosition
from gradflow.core.experiment import MLP
from gradflow.core.numbers import format_number
from gradflow.core.teaching.normalization.sharing import list_divisors
from gradflow.core.teaching.normalization_effects.flow import (
    COMPARED,
    NORMS,
    Growth,
    NormalizedFlow,
    measure_growth,
)
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui import compute as app_compute
from gradflow.ui.latex import write_number, write_words
from gradflow.ui.normalization.state import FLOW
from gradflow.ui.settings.fields import (
    draw_activation,
    draw_allowed,
    draw_buttons,
    draw_choice,
    draw_marks,
    draw_slider,
)
from gradflow.ui.stage import Stage

WIDTHS = (16, 32, 64, 128, 256)
BATCH_SIZES = (8, 16, 32, 64, 128, 256)
WEIGHT_STDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
INPUT_SCALES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
INPUT_OFFSETS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0)
_GRADIENTS: tuple[BackwardSignal, ...] = ("activation_grad", "delta")


def show(stage: Stage) -> None:
    """Show the gradient with each normalization, its growth, and both positions of one."""
    spec = FLOW.read()
    with st.container(horizontal=True):
        gradient = _choose_gradient()
        draw = _choose_figure()
    networks = {_(NORMALIZATIONS[code].label): spec.make_network(code) for code in COMPARED}
    growth_by_name = {name: _measure_growth(spec, network) for name, network in networks.items()}
    st.markdown(describe_growth(growth_by_name))
    blocks.show_figure(
        draw(_run_networks(spec, networks, gradient), gradient=gradient, mode=blocks.read_mode()),
        "normalization_flow",
        _("The gradient of the same network with each normalization"),
    )
    batch = growth_by_name[_(NORMALIZATIONS[Normalization.BATCH].label)]
    with stage.details:
        st.latex(write_growth_formula(spec, batch))
        blocks.show_table(tabulate_growth(growth_by_name), key="normalization_growth")
        blocks.explain("normalization_effects_flow")
        _show_positions(spec, gradient)


def draw_controls() -> None:
    """Draw the controls in the current container."""
    draw_activation(FLOW)
    draw_slider(FLOW, "depth")
    draw_marks(FLOW, "width", WIDTHS)
    draw_choice(FLOW, "initialization")
    draw_marks(FLOW, "init_std", WEIGHT_STDS)
    draw_choice(FLOW, "norm_position")
    draw_allowed(FLOW, "groups", list_divisors(FLOW.read_value("width")))
    draw_marks(FLOW, "scale", INPUT_SCALES)
    draw_marks(FLOW, "offset", INPUT_OFFSETS)
    draw_marks(FLOW, "batch_size", BATCH_SIZES)
    draw_slider(FLOW, "seed")


def _choose_gradient() -> BackwardSignal:
    symbols = {code: SYMBOLS[code] for code in _GRADIENTS}
    return blocks.choose_one(_("Gradient"), symbols, "normalization_gradient")


def _choose_figure() -> Callable[..., go.Figure]:
    figures = {"norms": normalized_flow_figure, "flow": distributions_figure}
    names = {"norms": _("Norms"), "flow": _("Flow: distributions")}
    return figures[blocks.choose_one(_("Figure"), names, "normalization_look")]


def _run_networks(
    spec: NormalizedFlow, networks: dict[str, MLP], gradient: BackwardSignal
) -> list[NetworkReport]:
    """Run the networks, and predict the norms of the chosen gradient in each."""
    results = []
    for name, network in networks.items():
        experiment = spec.make_experiment(network)
        prediction = app_compute.predict(experiment)
        laws = {
            "delta": prediction.delta_norm,
            "activation_grad": prediction.activation_grad_norm,
        }
        results.append(NetworkReport(name, app_compute.run(experiment), laws[gradient]))
    return results


def _measure_growth(spec: NormalizedFlow, network: MLP) -> Growth:
    experiment = spec.make_experiment(network)
    return measure_growth(network, app_compute.run(experiment), app_compute.predict(experiment))


def describe_growth(growth_by_name: dict[str, Growth]) -> str:
    """Say what is left of the gradient at the first layer with each normalization."""
    parts = [
        _("**{name}** × {factor}").format(name=name, factor=format_number(growth.ratio))
        for name, growth in growth_by_name.items()
    ]
    return _(
        "**A norm fixes the size of the signal, not that of the gradient.** From the last hidden "
        "layer back to the first ‖∂L/∂a‖ changes by: {parts}."
    ).format(parts=", ".join(parts))


def write_growth_formula(spec: NormalizedFlow, batch: Growth) -> str:
    """Write the growth that theory gives for batch norm, with its number."""
    before = spec.norm_position is NormPosition.BEFORE
    inputs = r"z\sim N(0,1)" if before else r"z\sim N(0,\sigma_w^2)"
    weight = "" if before else r"\sigma_w^2\,"
    return (
        r"\text{BatchNorm: }\frac{\|\partial L/\partial a_{l-1}\|^2}{\|\partial L/\partial a_l\|^2}"
        rf"\to {weight}\frac{{\mathbb{{E}}\,\varphi'(z)^2}}{{\mathrm{{Var}}\,\varphi(z)}}"
        rf" = {write_number(batch.limit)},\quad {inputs}"
        rf"\qquad{write_words(_('measured') + ': ')}{write_number(batch.measured)}"
    )


def tabulate_growth(growth_by_name: dict[str, Growth]) -> pd.DataFrame:
    """Make a table of the factors per layer, measured and by theory."""
    return pd.DataFrame(
        [
            {
                _("Normalization"): name,
                _("‖∂L/∂a‖², factor per layer"): _write_factor(factors.measured),
                _("theory, this width and batch"): _write_factor(factors.predicted),
                _("theory, wide and large"): _write_factor(factors.limit),
                _("‖∂L/∂a‖, layer 1 over the last hidden one"): _write_factor(factors.ratio),
            }
            for name, factors in growth_by_name.items()
        ]
    )


def _write_factor(value: float) -> str:
    return "–" if math.isnan(value) else format_number(value, 4)


def _show_positions(spec: NormalizedFlow, gradient: BackwardSignal) -> None:
    """Show one normalization before and after the activation."""
    st.subheader(_("Before or after the activation"))
    draw_buttons(FLOW, "placed", {code: NORMALIZATIONS[code].label for code in NORMS})
    chosen = Normalization(spec.placed)
    networks = {
        _(NORM_POSITIONS[position].label): spec.make_network(chosen, position)
        for position in NormPosition
    }
    blocks.show_figure(
        normalized_flow_figure(
            _run_networks(spec, networks, gradient), gradient=gradient, mode=blocks.read_mode()
        ),
        "normalization_placed",
        _("Gradient norms with the normalization before and after the activation"),
    )
    growth_by_name = {name: _measure_growth(spec, network) for name, network in networks.items()}
    blocks.show_table(tabulate_growth(growth_by_name), key="normalization_placed_growth")
    blocks.explain("normalization_effects_position")
