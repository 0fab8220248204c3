"""Activation functions and their slopes: curves, formulas, and the table of all functions."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gradflow.charts.activations.functions import functions_figure
from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.experiment import MLP
from gradflow.core.teaching.activation_facts import ShownFunctions, make_mlp, sample_function
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.activations.facts import tabulate_facts, tabulate_formulas
from gradflow.ui.activations.state import FUNCTIONS
from gradflow.ui.settings.fields import draw_slider
from gradflow.ui.settings.form import Conversion
from gradflow.ui.stage import Stage


def show(stage: Stage) -> None:
    """Show the chosen functions and their slopes, and facts on all functions."""
    spec = FUNCTIONS.read()
    functions = spec.list_functions()
    curves = [
        (_(ACTIVATIONS[f.activation].label), sample_function(f, spec.reach)) for f in functions
    ]
    st.markdown(
        _(
            "**The gradient is multiplied by the slope φ′ at every layer:** a curve that is flat "
            "where z lies passes nothing on."
        )
    )
    figure = functions_figure(curves, mode=blocks.read_mode())
    blocks.show_figure(figure, "functions", _("Activation functions and their derivatives"))
    with stage.details:
        _show_facts(spec, functions)


def _show_facts(spec: ShownFunctions, functions: Sequence[MLP]) -> None:
    if Activation.RRELU in spec.shown:
        st.caption(
            _(
                "RReLU: while training, every entry draws its slope below 0 from 1/8 to 1/3 (the "
                "band); the mean slope, 11/48 = 0.229, is the line, and what evaluation uses."
            )
        )
    if functions:
        st.markdown(tabulate_formulas(functions))
    blocks.explain("activations_functions")
    st.subheader(_("All activation functions"))
    every = [make_mlp(activation, spec) for activation in Activation]
    st.markdown(blocks.write_table(tabulate_facts(every)))
    blocks.explain("activations_table")


def draw_controls() -> None:
    """Draw the controls in the current container."""
    st.pills(
        options=list(Activation),
        selection_mode="multi",
        format_func=lambda code: _(ACTIVATIONS[code].label),
        **FUNCTIONS.bind("shown", Conversion(from_widget=_keep_order)),
    )
    draw_slider(FUNCTIONS, "reach")
    draw_slider(FUNCTIONS, "negative_slope", step=0.01)
    draw_slider(FUNCTIONS, "elu_alpha", step=0.1)


def _keep_order(
    chosen: Sequence[Activation], before: Sequence[Activation]
) -> tuple[Activation, ...]:
    """Order the chosen functions as they were chosen; the widget gives them as it lists them."""
    kept = [code for code in before if code in chosen]
    return (*kept, *(code for code in chosen if code not in kept))
