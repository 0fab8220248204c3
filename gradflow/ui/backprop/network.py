"""The small network: the steps of its backpropagation, and its controls."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from gradflow.charts.backprop.network_graph import MarkedStep, network_figure
from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.numbers import format_number
from gradflow.core.teaching.perceptron import (
    INPUTS,
    MAX_DATA,
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
from gradflow.ui import blocks
from gradflow.ui.backprop import latex as backprop_latex
from gradflow.ui.backprop.state import NETWORK
from gradflow.ui.settings.fields import draw_choice, draw_number, draw_slider
from gradflow.ui.settings.form import convert_entry
from gradflow.ui.stage import Stage

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


def show_network(stage: Stage) -> None:
    """Show the small network that is set, at the step that is chosen."""
    settings = NETWORK.read()
    run = run_perceptron(settings.network)
    all_steps, at = list_steps(run.layers), settings.step
    step = all_steps[at - 1]
    _show_overflow(run)
    _draw_step_bar(step, at, len(all_steps))
    numbers = list_entries(run, step)
    left, right = st.columns([3, 2], gap="medium")
    with right:
        entry = _choose_entry(step, at, numbers)
        _show_table(step, numbers, rows=max(*run.spec.sizes, 4))
    with left:
        marked = MarkedStep(
            find_progress(run.layers, at - 1),
            find_highlight(run, step, entry),
            step.kind not in FORWARD,
        )
        blocks.show_figure(
            network_figure(run, marked, mode=blocks.read_mode()),
            "backprop_network",
            _("The network as a graph; the terms of the equation are marked"),
        )
    st.latex(backprop_latex.write_equation(run, step, entry))
    with stage.details:
        _show_losses(run)
        blocks.explain("backprop_network")


def _show_overflow(run: PerceptronRun) -> None:
    if first := find_first_nonfinite(run):
        step, entry = first
        text = _(
            "**Overflow.** After {updates} updates, {name} is {value}: the sums and products that "
            "lead to it go beyond the largest number of float64, 1.8·10³⁰⁸. A smaller learning "
            "rate keeps the steps small."
        )
        name = backprop_latex.write_symbol(step, entry)
        st.error(
            text.format(updates=run.spec.updates, name=name, value=format_number(entry.value)),
            icon=":material/error:",
        )


def _draw_step_bar(step: PerceptronStep, at: int, count: int) -> None:
    buttons = (
        (_("First"), "first_page", 1, None, at == 1),
        (_("Back"), "chevron_left", at - 1, "B", at == 1),
        (_("Next"), "chevron_right", at + 1, "N", at == count),
        (_("Last"), "last_page", count, None, at == count),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, icon, target, shortcut, disabled in buttons:
            st.button(
                label,
                icon=f":material/{icon}:",
                shortcut=shortcut,
                disabled=disabled,
                key=f"backprop_step_{icon}",
                on_click=NETWORK.change,
                args=("step", target),
                type="primary" if icon == "chevron_right" else "secondary",
            )
        title = _(TITLES[step.kind]).format(layer=step.layer)
        heading = _("**Step {at} of {count}.** {title}")
        st.markdown(heading.format(at=at, count=count, title=title))


def _choose_entry(step: PerceptronStep, at: int, numbers: tuple[StepEntry, ...]) -> StepEntry:
    chosen: int = st.selectbox(
        _("Show the calculation of"),
        list(range(len(numbers))),
        key=f"backprop_entry_{at}",
        format_func=lambda k: backprop_latex.write_symbol(step, numbers[k]),
        disabled=len(numbers) == 1,
    )
    return numbers[chosen]


def _show_table(step: PerceptronStep, numbers: tuple[StepEntry, ...], rows: int) -> None:
    table = pd.DataFrame(
        {
            _("number"): [backprop_latex.write_symbol(step, entry) for entry in numbers],
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
        height=min(36 * (len(table) + 1), 90 * rows),
    )


def _show_losses(run: PerceptronRun) -> None:
    updates = run.spec.updates
    change = format_number(run.losses[-1] - run.losses[-2], 3).replace(
        "−", "-"
    )  # st.metric reads it
    with st.container(horizontal=True, vertical_alignment="center"):
        st.metric(
            _("Loss E, {n} updates taken").format(n=updates), format_number(run.losses[-2], 4)
        )
        st.metric(
            _("Loss after one more"),
            format_number(run.losses[-1], 4),
            change,
            delta_color="inverse",
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
