"""The chain of single units: its sentences, its figure and its controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gradflow.core.catalog import ACTIVATIONS, DTYPES, Activation, DType
from gradflow.core.numbers import format_number
from gradflow.core.teaching.chain import (
    MAX_DATA,
    MAX_LENGTH,
    MAX_PARAMETER,
    ChainRun,
    Trouble,
    find_events,
    run_chain,
)
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.backprop import words as backprop_words
from gradflow.ui.backprop.examples import EXAMPLES
from gradflow.ui.backprop.state import CHAIN
from gradflow.ui.boards import specs
from gradflow.ui.boards.board import draw_board, read_count, read_number, read_numbers
from gradflow.ui.settings.fields import draw_choice, draw_number, draw_slider, draw_toggle
from gradflow.ui.settings.form import convert_entry
from gradflow.ui.stage import Stage


def show_chain(stage: Stage) -> None:
    """Show the chain that is set."""
    settings = CHAIN.read()
    chain, layer = settings.chain, settings.layer
    run = run_chain(chain)
    draw_board(
        "chain",
        "backprop_chain",
        alt=_("The chain, the factors of each layer, and the gradient on its way to the input"),
        spec=specs.describe_chain(chain) | {"layer": layer},
        texts=_write_texts(),
        limits={"data": MAX_DATA, "parameter": MAX_PARAMETER},
        readers={
            "input": read_number(-MAX_DATA, MAX_DATA),
            "target": read_number(-MAX_DATA, MAX_DATA),
            "weights": read_numbers(-MAX_PARAMETER, MAX_PARAMETER, MAX_LENGTH),
            "layer": read_count(1, MAX_LENGTH),
        },
        take=_take_changes,
    )
    with stage.details:
        _show_events(run)
        blocks.explain("backprop_chain")
        _show_table(run)


def _write_texts() -> dict[str, str]:
    return {
        "vanishing": _(
            "<b>The gradient vanishes.</b> {ratio} of it is left at layer 1: × {mean} per layer."
        ),
        "exploding": _(
            "<b>The gradient explodes.</b> At layer 1 it is {ratio} times as large: × {mean} per "
            "layer."
        ),
        "steady": _(
            "<b>The gradient keeps its size.</b> At layer 1 it is {ratio} times as large: × {mean} "
            "per layer."
        ),
        "zero": _("<b>The gradient is exactly 0</b> from layer {layer} back to the input."),
        "overflow": _(
            "<b>Overflow.</b> Some numbers are infinite or not a number: see the red crosses."
        ),
        "arrived": _(
            "<b>The output equals the target,</b> so every gradient is 0. Pull the target."
        ),
        "layer": _("Layer {layer}:"),
        "unit": _("unit"),
        "factor": _("factor"),
        "factorShort": _("factor"),
        "gradient": _("gradient"),
        "gradientShort": _("gradient"),
        "product": _("their product"),
        "loss": _("loss"),
        "axis": _("layer i"),
        "label": _("Value of {symbol}"),
        "hint": _("pull up or down"),
        "keys": _("Arrow keys choose a layer."),
    }


def _take_changes(changes: Mapping[str, Any]) -> None:
    """Take what a hand on the figure has changed: a weight is one of its own from then on."""
    taken = dict(changes)
    if "weights" in taken:
        given = taken.pop("weights")
        CHAIN.change("each", True)
        taken["w"] = given + CHAIN.read_value("w")[len(given) :]
    CHAIN.take(taken)


def _show_events(run: ChainRun) -> None:
    for event in find_events(run):
        show = st.error if event.trouble is Trouble.OVERFLOW else st.warning
        show(backprop_words.describe_event(run, event))


def _show_table(run: ChainRun) -> None:
    st.latex(
        r"h_{i+1} = f(w_i h_i + b_i),\qquad L = \tfrac12\,(h_{n+1} - t)^2,\qquad "
        r"g_i = \frac{\partial L}{\partial z_i} = g_{i+1}\cdot w_{i+1}\cdot f'(z_i),\qquad "
        r"\frac{\partial L}{\partial w_i} = g_i\, h_i"
    )
    columns = {
        "h": run.h[:-1],
        "w": run.w,
        "b": run.b,
        "z = w·h + b": run.z,
        "f(z)": run.h[1:],
        "f ′(z)": run.slope,
        _("factor {product}").format(product="w₍ᵢ₊₁₎·f ′(zᵢ)"): run.factors,
        "g = ∂L/∂z = ∂L/∂b": run.g,
        "∂L/∂w = g·h": run.weight_gradients,
    }
    cells = {
        name: [format_number(value, 4) for value in values] for name, values in columns.items()
    }
    right = {name: st.column_config.TextColumn(alignment="right") for name in columns}
    st.dataframe(
        pd.DataFrame({"i": range(1, len(run.z) + 1), **cells}),
        key="backprop_chain_table",
        hide_index=True,
        column_config=right,
        width="stretch",
        height="content",
    )
    text = _("Output h = {output}, target t = {target}: L = ½(h − t)² = {loss}, ∂L/∂h = {error}.")
    st.caption(
        text.format(
            output=format_number(run.h[-1], 4),
            target=format_number(run.target, 4),
            loss=format_number(run.loss, 4),
            error=format_number(run.error, 4),
        )
    )


def draw_controls() -> None:
    """Draw the controls of the chain in the current container."""
    blocks.draw_presets(CHAIN, EXAMPLES, _("an example …"))
    draw_slider(CHAIN, "length")
    draw_choice(CHAIN, "activation", {str(code): ACTIVATIONS[code].label for code in Activation})
    chain = CHAIN.read().chain
    st.latex(f"f(z) = {ACTIVATIONS[chain.activation].formula}")
    for column, name in zip(st.columns(2), ("input", "target"), strict=True):
        with column:
            draw_number(CHAIN, name, step=0.1)
    draw_toggle(CHAIN, "each")
    if CHAIN.read_value("each"):
        left, right = st.columns(2)
        for i in range(1, chain.length + 1):
            _draw_parameter(left, "w", i)
            _draw_parameter(right, "b", i)
    else:
        draw_slider(CHAIN, "weight", step=0.05)
        draw_slider(CHAIN, "bias", step=0.05)
    draw_choice(CHAIN, "dtype", {str(code): DTYPES[code].label for code in DType})


def _draw_parameter(column: DeltaGenerator, name: str, i: int) -> None:
    column.slider(
        min_value=-MAX_PARAMETER,
        max_value=MAX_PARAMETER,
        step=0.05,
        **CHAIN.bind(name, convert_entry(i - 1), part=str(i), label=f"${name}_{{{i}}}$"),
    )
