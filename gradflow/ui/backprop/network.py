"""The small network of the page on backpropagation: its steps, drawn and set."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from gradflow.charts.backprop.network_graph import Marked, network_figure
from gradflow.charts.theme import number
from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.teaching.perceptron import (
    INPUTS,
    MAX_DATA,
    MAX_HIDDEN,
    MAX_OUTPUTS,
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
    find_highlight,
    find_progress,
    list_entries,
    list_steps,
)
from gradflow.core.text import N_, _
from gradflow.ui import blocks, state
from gradflow.ui.backprop import latex as backprop_latex
from gradflow.ui.backprop import state as backprop_state
from gradflow.ui.backprop.state import NETWORK

FORWARD = (StepKind.PREACTIVATION, StepKind.ACTIVATION, StepKind.LOSS, StepKind.NEW_LOSS)
TITLES: dict[StepKind, str] = {
    StepKind.PREACTIVATION: N_("Forward: the pre-activations z of layer {layer}"),
    StepKind.ACTIVATION: N_("Forward: the activations a of layer {layer}"),
    StepKind.LOSS: N_("The loss E"),
    StepKind.OUTPUT_DELTA: N_("Backward, equation 1: δ of the output layer {layer}"),
    StepKind.HIDDEN_DELTA: N_("Backward, equation 2: δ of layer {layer} from δ of the next"),
    StepKind.WEIGHT_GRADIENT: N_("Backward, equation 3: the weight gradients of layer {layer}"),
    StepKind.BIAS_GRADIENT: N_("Backward, equation 4: the bias gradients of layer {layer}"),
    StepKind.UPDATE: N_("Update: the new weights and biases of layer {layer}"),
    StepKind.NEW_LOSS: N_("The new loss, after the update"),
}


def show() -> None:
    """The small network that is set, at the step that is chosen."""
    spec = backprop_state.network()
    run = run_perceptron(spec)
    plan, at = list_steps(run.layers), backprop_state.step(spec)
    backprop_state.settled(spec, step=at)
    step = plan[at - 1]
    _say_overflow(run)
    _step_bar(step, at, len(plan))
    found = list_entries(run, step)
    left, right = st.columns([3, 2], gap="medium")
    with right:
        entry = _choice(step, at, found)
        _table(step, found, rows=max(*run.spec.sizes, 4))
    with left:
        marked = Marked(
            find_progress(run.layers, at - 1),
            find_highlight(run, step, entry),
            step.kind not in FORWARD,
        )
        blocks.show_figure(
            network_figure(run, marked, mode=blocks.mode()),
            "backprop_network",
            _("The network as a graph; the terms of the equation are marked"),
        )
    st.latex(backprop_latex.equation(run, step, entry))
    _losses(run)
    blocks.explain("backprop_network")


def _say_overflow(run: PerceptronRun) -> None:
    if place := find_first_nonfinite(run):
        step, entry = place
        text = _(
            "**Overflow.** After {updates} updates, {name} is {value}: the sums and products that "
            "lead to it go beyond the largest number of float64, 1.8·10³⁰⁸. A smaller learning "
            "rate keeps the steps small."
        )
        name = backprop_latex.symbol(step, entry)
        st.error(
            text.format(updates=run.spec.updates, name=name, value=number(entry.value)),
            icon=":material/error:",
        )


def _step_bar(step: PerceptronStep, at: int, count: int) -> None:
    buttons = (
        (_("First"), "first_page", 1, None, at == 1),
        (_("Back"), "chevron_left", at - 1, "B", at == 1),
        (_("Next"), "chevron_right", at + 1, "N", at == count),
        (_("Last"), "last_page", count, None, at == count),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, target, shortcut, disabled in buttons:
            st.button(
                label, icon=f":material/{icon}:", shortcut=shortcut, disabled=disabled,
                key=f"backprop_step_{icon}", on_click=backprop_state.go_to(target),
                type="primary" if icon == "chevron_right" else "secondary",
            )  # fmt: skip
        title = _(TITLES[step.kind]).format(layer=step.layer)
        said = _("**Step {at} of {count}.** {title}")
        st.markdown(said.format(at=at, count=count, title=title))


def _choice(step: PerceptronStep, at: int, found: tuple[StepEntry, ...]) -> StepEntry:
    chosen: int = st.selectbox(
        _("Show the calculation of"),
        list(range(len(found))),
        key=f"backprop_entry_{at}",
        format_func=lambda k: backprop_latex.symbol(step, found[k]),
        disabled=len(found) == 1,
    )
    return found[chosen]


def _table(step: PerceptronStep, found: tuple[StepEntry, ...], rows: int) -> None:
    table = pd.DataFrame(
        {
            _("number"): [backprop_latex.symbol(step, entry) for entry in found],
            _("by the equation"): [number(entry.value, 5) for entry in found],
            _("by autograd"): [number(entry.reference, 5) for entry in found],
            _("difference"): [number(entry.difference, 2) for entry in found],
        }
    )
    right = {
        name: st.column_config.TextColumn(alignment="right") for name in list(table.columns)[1:]
    }
    st.dataframe(
        table, key="backprop_network_table", hide_index=True, column_config=right,
        width="stretch", height=min(36 * (len(table) + 1), 90 * rows),
    )  # fmt: skip


def _losses(run: PerceptronRun) -> None:
    updates = run.spec.updates
    change = number(run.losses[-1] - run.losses[-2], 3).replace("−", "-")  # st.metric reads it
    with st.container(horizontal=True, vertical_alignment="center"):
        st.metric(_("Loss E, {n} updates taken").format(n=updates), number(run.losses[-2], 4))
        st.metric(
            _("Loss after one more"),
            number(run.losses[-1], 4),
            change,
            delta_color="inverse",
        )
        st.button(
            _("Apply the update"), icon=":material/edit:", on_click=backprop_state.apply_update,
            disabled=updates == MAX_UPDATES, help=_("w ← w − α ∂E/∂w for every weight and bias."),
        )  # fmt: skip
        st.button(
            _("Back to the first weights"), icon=":material/restart_alt:",
            on_click=backprop_state.take_back_updates, disabled=updates == 0,
        )  # fmt: skip


def controls() -> None:
    """Draw the controls of the small network in the current container."""
    st.slider(_("Hidden layers"), 1, MAX_HIDDEN, key=_key("layers"))
    for i in range(1, len(backprop_state.network().hidden) + 1):
        st.slider(_("Units of hidden layer {i}").format(i=i), 1, MAX_UNITS, key=_key(f"units{i}"))
    st.slider(_("Outputs"), 1, MAX_OUTPUTS, key=_key("outputs"))
    st.selectbox(
        _("Activation f of every layer"),
        list(map(str, Activation)),
        key=_key("activation"),
        format_func=lambda code: _(ACTIVATIONS[Activation(code)].label),
    )
    spec = backprop_state.network()
    st.latex(f"f(z) = {ACTIVATIONS[spec.activation].formula}")
    for name, count in (("x", INPUTS), ("t", len(spec.targets))):
        for i, column in enumerate(st.columns(INPUTS)[:count], start=1):
            label = (_("Input $x_{i}$") if name == "x" else _("Target $t_{i}$")).format(i=i)
            column.number_input(
                label, -MAX_DATA, MAX_DATA, key=_key(f"{name}{i}"), step=0.1, format="%g"
            )
    st.number_input(
        _("Learning rate α"), 1e-6, 100.0, key=_key("learning_rate"), step=0.1, format="%g"
    )
    st.number_input(
        _("Seed of the weights"), 0, 9999, key=_key("seed"), step=1,
        help=_("Weights come from N(0, 1), biases from N(0, 1/4), rounded to two decimals."),
    )  # fmt: skip


def _key(name: str) -> str:
    return state.widget_key(name, state.value(name, None, NETWORK), NETWORK)
