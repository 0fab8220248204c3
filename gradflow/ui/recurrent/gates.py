"""The view of the gates: heatmaps over time, histograms, and one gate with its numbers."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.recurrent.gate_histograms import average_gate_shares, gate_histograms_figure
from gradflow.charts.recurrent.gates import GateRows, gates_figure
from gradflow.core.catalog import CELLS, Cell
from gradflow.core.catalog.cells import Gate
from gradflow.core.recurrent.equation import GateEquation
from gradflow.core.recurrent.report import TimeReport
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.latex import (
    write_dot_product,
    write_equations,
    write_factor,
    write_number,
    write_summand,
)
from gradflow.ui.recurrent import compute, words
from gradflow.ui.recurrent.factors import compute_sigmoid
from gradflow.ui.recurrent.state import PASS
from gradflow.ui.settings.fields import draw_slider
from gradflow.ui.settings.form import Conversion
from gradflow.ui.stage import Stage

_FEW_INPUTS = 3
"""So many products of inputs with their weights, and no more, are written out."""


def show_gates(stage: Stage) -> None:
    """Show the gates of one layer; of a vanilla RNN, that it has none, and those of an LSTM."""
    spec = PASS.read()
    has_gates = bool(CELLS[spec.cell].gates)
    if not has_gates:
        st.info(
            _(
                "A vanilla RNN has no gates: every step back multiplies the gradient by the same "
                "matrix and by slopes of at most 1. **Here are those of an LSTM** of the same size."
            ),
            icon=":material/info:",
        )
        spec = TimePass(**dict(spec) | {"cell": Cell.LSTM})
    layer = spec.shown_layer
    report = compute.run_through_time(spec.experiment, spec.shown_sequence)
    st.markdown(words.describe_highway(report, layer))
    maps, bars = st.columns([13, 6])
    with maps:
        rows = [
            GateRows(
                name_gate(gate),
                report.sample.values[gate.code, layer],
                report.gate(gate.code, layer),
            )
            for gate in list_sigmoid_gates(spec)
        ]
        blocks.show_figure(
            gates_figure(rows, step=spec.shown_step, unit=spec.shown_unit, mode=blocks.read_mode()),
            "recurrent_gates",
            _("Gates of sequence {n}: a row per unit, a column per time step").format(
                n=spec.shown_sequence
            ),
        )
    with bars:
        _show_histograms(report, spec)
    with stage.details:
        if not has_gates:
            _offer_other_cells()
        blocks.explain("recurrent_gates")
        st.subheader(_("One gate, with this step’s numbers"))
        _show_equation(spec)


def _offer_other_cells() -> None:
    with st.container(horizontal=True, gap="small"):
        for cell in (Cell.LSTM, Cell.GRU):
            st.button(
                _("Change to the {cell}").format(cell=_(CELLS[cell].label)),
                key=f"recurrent_show_{cell}",
                on_click=PASS.change,
                args=("cell", str(cell)),
                icon=":material/arrow_forward:",
            )


def name_gate(gate: Gate) -> str:
    """Name a gate, with its letter."""
    return f"{_(gate.label)} {gate.symbol}"


def list_sigmoid_gates(spec: TimePass) -> list[Gate]:
    """List the gates whose values lie between 0 and 1, unlike those of a candidate."""
    return [gate for gate in CELLS[spec.cell].gates if gate.squash == "sigmoid"]


def _show_histograms(report: TimeReport, spec: TimePass) -> None:
    layer, steps = spec.shown_layer, range(1, report.length + 1)
    shares = {
        name_gate(gate): average_gate_shares([report.histogram(gate.code, t, layer) for t in steps])
        for gate in list_sigmoid_gates(spec)
    }
    row = CELLS[spec.cell]
    marks = {
        name_gate(gate): ("σ(b<sub>f</sub>)", compute_sigmoid(spec.forget_bias))
        for gate in row.gates
        if row.has_cell and gate.code == row.highway
    }
    blocks.show_figure(
        gate_histograms_figure(shares, marks, mode=blocks.read_mode()),
        "recurrent_gate_histograms",
        _("Distribution of the gates over all steps, units and sequences"),
    )


def _show_equation(spec: TimePass) -> None:
    code = spec.shown_gate
    assert code is not None
    names = {gate.code: name_gate(gate) for gate in CELLS[spec.cell].gates}
    st.segmented_control(
        options=list(names),
        required=True,
        format_func=lambda code: names[code],
        **PASS.bind("gate", Conversion(to_widget=lambda _chosen: code)),
    )
    most = {
        "sequence": spec.batch_size,
        "step": spec.experiment.data.steps,
        "unit": spec.hidden_size,
    }
    for column, (name, high) in zip(st.columns(3), most.items(), strict=True):
        with column:
            draw_slider(PASS, name, high=high)
    equation = compute.build_equation(
        spec.experiment,
        spec.shown_sequence,
        code,
        spec.shown_step,
        spec.shown_unit,
        spec.shown_layer,
    )
    st.latex(write_gate_formula(equation.gate))
    st.latex(write_terms(equation, spec.shown_step))
    st.caption(
        _(
            "Sequence {sequence}, layer {layer}, unit {unit}, step {step}: the unit and the step "
            "are marked in the heatmaps, which show this sequence."
        ).format(
            sequence=spec.shown_sequence,
            layer=spec.shown_layer,
            unit=spec.shown_unit,
            step=spec.shown_step,
        )
    )
    blocks.explain("recurrent_equation")


def write_gate_formula(gate: Gate) -> str:
    """Write a gate's formula as LaTeX, that of a plain gate as textbooks do, which is shorter."""
    if gate.squash != "sigmoid":
        return gate.formula
    s = gate.symbol
    return (
        rf"{s}_t = \sigma\big(W_{s}\,[h_{{t-1}}, x_t] + b_{s}\big),\qquad"
        rf" W_{s} = [W_{{h{s}}}, W_{{x{s}}}],\quad b_{s} = b_{{x{s}}} + b_{{h{s}}}"
    )


def write_squashed(value: float) -> str:
    """Write a value of σ or tanh as LaTeX; never rounded to 1, which neither reaches."""
    rest = 1 - abs(value)
    if write_number(abs(value)) != "1" or rest <= 0:
        return write_number(value)
    return rf"1-{write_number(rest)}" if value > 0 else rf"-1+{write_number(rest)}"


def write_terms(equation: GateEquation, step: int) -> str:
    """Write every term of one unit, its pre-activation and the gate with numbers, as LaTeX."""
    s = equation.gate.symbol
    own = rf"w_{{x{s}}}\cdot x_{{{step}}}"
    before = rf"w_{{h{s}}}\cdot h_{{{step - 1}}}"
    products = []
    if len(equation.inputs) <= _FEW_INPUTS:
        products = [write_dot_product(equation.input_weights.tolist(), equation.inputs.tolist())]
    squash = r"\tanh" if equation.gate.squash == "tanh" else r"\sigma"
    inner = f"{write_number(equation.from_hidden)}{write_summand(equation.bias_hidden)}"
    last = (
        rf"+{write_factor(equation.reset)}\cdot({inner})"
        if equation.reset != 1.0
        else f"{write_summand(equation.from_hidden)}{write_summand(equation.bias_hidden)}"
    )
    hidden_sum = rf"\textstyle\sum_{{k=1}}^{{{len(equation.hidden)}}} w_k h_k"
    a = write_number(equation.preactivation)
    return write_equations(
        (own, *products, write_number(equation.from_input)),
        (before, hidden_sum, write_number(equation.from_hidden)),
        ("a", f"{write_number(equation.from_input)}{write_summand(equation.bias_input)}{last}", a),
        (rf"{s}_{{{step}}}", rf"{squash}({a})", write_squashed(equation.value)),
    )
