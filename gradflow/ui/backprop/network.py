"""The small network: the steps of its backpropagation, and its controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.numbers import format_number
from gradflow.core.teaching.perceptron import (
    INPUTS,
    MAX_DATA,
    MAX_PARAMETER,
    MAX_UNITS,
    MAX_UPDATES,
    PerceptronRun,
    run_perceptron,
)
from gradflow.core.teaching.perceptron_steps import (
    PerceptronStep,
    StepEntry,
    StepKind,
    find_first_nonfinite,
    list_entries,
    list_steps,
)
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.backprop.state import NETWORK
from gradflow.ui.backprop.symbols import write_symbol
from gradflow.ui.boards import specs
from gradflow.ui.boards.board import draw_board, read_count, read_numbers
from gradflow.ui.settings.fields import draw_choice, draw_number, draw_slider
from gradflow.ui.settings.form import convert_entry
from gradflow.ui.stage import Stage

TITLES: dict[StepKind, str] = {
    StepKind.PREACTIVATION: N_("Forward: the pre-activations z of layer {layer}"),
    StepKind.ACTIVATION: N_("Forward: the activations a of layer {layer}"),
    StepKind.LOSS: N_("The loss E"),
    StepKind.OUTPUT_DELTA: N_("Backward, equation 1: δ of the output layer {layer}"),
    StepKind.HIDDEN_DELTA: N_("Backward, equation 2: δ of layer {layer} from δ of the next"),
    StepKind.WEIGHT_GRADIENT: N_("Backward, equation 3: the weight gradients of layer {layer}"),
    StepKind.BIAS_GRADIENT: N_("Backward, equation 4: the bias gradients of layer {layer}"),
    StepKind.UPDATE: N_("Update: the new weights and biases of layer {layer}"),
    StepKind.NEW_LOSS: N_("Forward again, with the new weights: the new loss"),
}
_MOST_PARAMETERS = sum(n * (m + 1) for m, n in ((3, 5), (5, 5), (5, 5), (5, 3)))
_READERS = {
    "step": read_count(1, 99),
    "inputs": read_numbers(-MAX_DATA, MAX_DATA, INPUTS),
    "targets": read_numbers(-MAX_DATA, MAX_DATA, INPUTS),
    "parameters": read_numbers(-MAX_PARAMETER, MAX_PARAMETER, _MOST_PARAMETERS),
}
"""How to read what a hand on the figure has changed."""


def show_network(stage: Stage) -> None:
    """Show the small network that is set, at the step that is chosen."""
    settings = NETWORK.read()
    run = run_perceptron(settings.network)
    _show_overflow(run)
    draw_board(
        "network",
        "backprop_network",
        alt=_("The network as a graph; what the equation of this step uses is marked"),
        spec=specs.describe_network(settings.network) | {"step": settings.step},
        texts=_write_texts(),
        limits={"data": MAX_DATA, "parameter": MAX_PARAMETER},
        readers=_READERS,
        take=_take_changes,
    )
    with stage.details:
        _show_losses(run)
        blocks.explain("backprop_network")
        _show_table(run, list_steps(run.layers)[settings.step - 1])


def _write_texts() -> dict[str, str]:
    return {
        **{str(kind): _(title) for kind, title in TITLES.items()},
        "first": _("First"),
        "back": _("Back"),
        "next": _("Next"),
        "last": _("Last"),
        "step": _("Step {at} of {count}."),
        "input": _("input"),
        "layer": _("layer {layer}"),
        "output": _("layer {layer}, output"),
        "add": _("Add part {n} of {count}"),
        "restart": _("Add it up part by part"),
        "paths": _("Along every path"),
        "reuse": _("Reuse δ of the next layer"),
        "allPaths": _("sum over all {count} paths"),
        "renewed": _("new {symbol}"),
        "sum": _("Sum of {n} of {count}: {sum}."),
        "cost": _(
            "Every path on its own: {paths} paths, {products} multiplications. With the δ of layer "
            "{next}, which are known already: {terms}."
        ),
        "label": _("Value of {symbol}"),
        "hint": _("pull up or down"),
        "keys": _("Right and left go from step to step, up and down from unit to unit."),
    }


def _take_changes(changes: Mapping[str, Any]) -> None:
    """Take what a hand on the figure has changed."""
    names = {"inputs": "x", "targets": "t"}
    taken = {names.get(name, name): value for name, value in changes.items()}
    if "t" in taken:
        kept = NETWORK.read_value("t")
        taken["t"] = taken["t"] + kept[len(taken["t"]) :]
    NETWORK.take(taken)


def _show_overflow(run: PerceptronRun) -> None:
    if first := find_first_nonfinite(run):
        step, entry = first
        text = _(
            "**Overflow.** After {updates} updates, {name} is {value}: the sums and products that "
            "lead to it go beyond the largest number of float64, 1.8·10³⁰⁸. A smaller learning "
            "rate keeps the steps small."
        )
        name = write_symbol(step, entry)
        st.error(
            text.format(updates=run.spec.updates, name=name, value=format_number(entry.value)),
            icon=":material/error:",
        )


def _show_table(run: PerceptronRun, step: PerceptronStep) -> None:
    """Show all numbers of a step, by the equation and by autograd."""
    st.markdown(f"**{_(TITLES[step.kind]).format(layer=step.layer)}**")
    numbers: tuple[StepEntry, ...] = list_entries(run, step)
    table = pd.DataFrame(
        {
            _("number"): [write_symbol(step, entry) for entry in numbers],
            _("by the equation"): [format_number(entry.value, 5) for entry in numbers],
            _("by autograd"): [format_number(entry.reference, 5) for entry in numbers],
            _("difference"): [format_number(entry.difference, 2) for entry in numbers],
        }
    )
    right = {
        name: st.column_config.TextColumn(alignment="right") for name in list(table.columns)[1:]
    }
    st.dataframe(
        table,
        key="backprop_network_table",
        hide_index=True,
        column_config=right,
        width="stretch",
        height="content",
    )


def _show_losses(run: PerceptronRun) -> None:
    updates = run.spec.updates
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            _("Updates taken: {n}. **E = {loss}**; one more gives {after} ({change}).").format(
                n=updates,
                loss=format_number(run.losses[-2], 4),
                after=format_number(run.losses[-1], 4),
                change=format_number(run.losses[-1] - run.losses[-2], 3),
            )
        )
        st.button(
            _("Apply the update"),
            icon=":material/edit:",
            on_click=NETWORK.change,
            args=("updates", updates + 1),
            disabled=updates == MAX_UPDATES,
            help=_("w ← w − α ∂E/∂w for every weight and bias."),
        )
        st.button(
            _("Back to the first weights"),
            icon=":material/restart_alt:",
            on_click=NETWORK.change,
            args=("updates", 0),
            disabled=updates == 0,
        )


def draw_controls() -> None:
    """Draw the controls of the small network in the current container."""
    network = NETWORK.read().network
    draw_slider(NETWORK, "layers")
    for i in range(1, len(network.hidden) + 1):
        label = _("Units of hidden layer {i}").format(i=i)
        bound = NETWORK.bind("units", convert_entry(i - 1), part=str(i), label=label)
        st.slider(min_value=1, max_value=MAX_UNITS, **bound)
    draw_slider(NETWORK, "outputs")
    draw_choice(NETWORK, "activation", {str(code): ACTIVATIONS[code].label for code in Activation})
    st.latex(f"f(z) = {ACTIVATIONS[network.activation].formula}")
    _draw_data("x", _("Input $x_{i}$"), INPUTS)
    _draw_data("t", _("Target $t_{i}$"), len(network.targets))
    draw_number(NETWORK, "learning_rate", step=0.1)
    draw_number(NETWORK, "seed")


def _draw_data(name: str, label: str, count: int) -> None:
    for i, column in enumerate(st.columns(INPUTS)[:count], start=1):
        column.number_input(
            min_value=-MAX_DATA,
            max_value=MAX_DATA,
            step=0.1,
            format="%g",
            **NETWORK.bind(name, convert_entry(i - 1), part=str(i), label=label.format(i=i)),
        )
