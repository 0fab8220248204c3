"""The chain of the page on backpropagation: what is said, drawn and set."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gradflow.charts.backprop.chain import chain_figure
from gradflow.charts.theme import number
from gradflow.core.catalog import ACTIVATIONS, DTYPES, Activation, DType
from gradflow.core.teaching.chain import (
    MAX_DATA,
    MAX_LENGTH,
    MAX_PARAMETER,
    Chain,
    ChainRun,
    Trouble,
    find_events,
    run_chain,
)
from gradflow.core.text import N_, _
from gradflow.ui import blocks, state
from gradflow.ui.backprop import latex as backprop_latex
from gradflow.ui.backprop import state as backprop_state
from gradflow.ui.backprop import words as backprop_words
from gradflow.ui.backprop.state import CHAIN

EXAMPLES: dict[str, Chain] = {
    N_("Sigmoid: vanishes"): Chain(length=10),
    N_("Linear, w = 1.6: explodes"): Chain(
        length=12, activation=Activation.LINEAR, weights=(1.6,), input=0.1
    ),
    N_("Tanh, w = 1: slowly"): Chain(length=12, activation=Activation.TANH),
    N_("Tanh, w = 10: saturated"): Chain(activation=Activation.TANH, weights=(10.0,)),
    N_("ReLU: off, so exactly 0"): Chain(
        activation=Activation.RELU,
        weights=(1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0, 1.0),
        biases=(0.0,) * 8,
        target=1.0,
    ),
    N_("ReLU in float16: overflows"): Chain(
        activation=Activation.RELU, weights=(10.0,), dtype=DType.FLOAT16
    ),
}
"""Chains to start from."""


def show() -> None:
    """The chain that is set."""
    spec = backprop_state.chain()
    run = run_chain(spec)
    backprop_state.settled(spec, layer=backprop_state.layer())
    st.latex(
        r"h_{i+1} = f(w_i h_i + b_i),\qquad L = \tfrac12\,(h_{n+1} - t)^2,\qquad "
        r"g_i = \frac{\partial L}{\partial z_i} = g_{i+1}\cdot w_{i+1}\cdot f'(z_i),\qquad "
        r"\frac{\partial L}{\partial w_i} = g_i\, h_i"
    )
    _say(run)
    layer = backprop_state.layer()
    blocks.show_figure(
        chain_figure(run, chosen=layer, mode=blocks.mode()),
        "backprop_chain",
        _("Factors of each layer of the chain, and the gradient on its way to the input"),
    )
    blocks.explain("backprop_chain")
    chosen = st.segmented_control(
        _("The numbers of layer"),
        list(range(1, spec.length + 1)),
        required=True,
        key=backprop_state.layer_key(),
    )
    assert chosen is not None  # it is required
    st.latex(backprop_latex.chain_layer(run, chosen))
    _table(run)


def _say(run: ChainRun) -> None:
    found = find_events(run)
    for event in found:
        if event.trouble is Trouble.OVERFLOW:
            st.error(backprop_words.sentence(run, event), icon=":material/error:")
        else:
            st.warning(backprop_words.sentence(run, event), icon=":material/warning:")
    if not found:
        st.success(backprop_words.steady(run), icon=":material/check_circle:")


def _table(run: ChainRun) -> None:
    columns = {
        "h": run.h[:-1],
        "w": run.w,
        "b": run.b,
        "z = w·h + b": run.z,
        "f(z)": run.h[1:],
        "f ′(z)": run.slope,
        "factor w₍ᵢ₊₁₎·f ′(zᵢ)": run.factors,
        "g = ∂L/∂z = ∂L/∂b": run.g,
        "∂L/∂w = g·h": run.weight_gradients,
    }
    shown = {name: [number(value, 4) for value in values] for name, values in columns.items()}
    right = {name: st.column_config.TextColumn(alignment="right") for name in columns}
    st.dataframe(
        pd.DataFrame({"i": range(1, len(run.z) + 1), **shown}),
        key="backprop_chain_table", hide_index=True, column_config=right, width="stretch",
        height="content",
    )  # fmt: skip
    text = _("Output h = {output}, target t = {target}: L = ½(h − t)² = {loss}, ∂L/∂h = {error}.")
    st.caption(
        text.format(
            output=number(run.h[-1], 4),
            target=number(run.target, 4),
            loss=number(run.loss, 4),
            error=number(run.error, 4),
        )
    )


def controls() -> None:
    """Draw the controls of the chain in the current container."""
    st.selectbox(
        _("Start from"),
        list(EXAMPLES),
        index=None,
        key=backprop_state.example_key(),
        format_func=_,
        placeholder=_("an example …"),
        on_change=lambda: backprop_state.example_chosen(EXAMPLES),
    )
    st.slider(_("Length n"), 1, MAX_LENGTH, key=_key("length"))
    st.selectbox(
        _("Activation f"),
        list(map(str, Activation)),
        key=_key("activation"),
        format_func=lambda code: _(ACTIVATIONS[Activation(code)].label),
    )
    st.latex(f"f(z) = {ACTIVATIONS[backprop_state.chain().activation].formula}")
    left, right = st.columns(2)
    for column, name, label in ((left, "input", _("Input x")), (right, "target", _("Target t"))):
        column.number_input(
            label, -MAX_DATA, MAX_DATA, key=_key(name), step=0.1, format="%g",
            help=_("Up to ±10³⁰⁰: large enough to overflow."),
        )  # fmt: skip
    if st.toggle(_("Weights and biases one by one"), key=_key("each")):
        left, right = st.columns(2)
        for i in range(1, backprop_state.chain().length + 1):
            _parameter(left, f"w{i}", f"$w_{{{i}}}$")
            _parameter(right, f"b{i}", f"$b_{{{i}}}$")
    else:
        both = st.container()
        _parameter(both, "weight", _("Weight w of every layer"))
        _parameter(both, "bias", _("Bias b of every layer"))
    st.selectbox(
        _("Number format"),
        list(map(str, DType)),
        key=_key("dtype"),
        help=_("float16 overflows above 65504 and knows nothing between 0 and 6·10⁻⁸."),
        format_func=lambda code: DTYPES[DType(code)].label,
    )


def _key(name: str) -> str:
    return state.widget_key(name, state.value(name, None, CHAIN), CHAIN)


def _parameter(place: DeltaGenerator, name: str, label: str) -> None:
    place.slider(label, -MAX_PARAMETER, MAX_PARAMETER, key=_key(name), step=0.05)
