"""The view of the gates: heatmaps over time, histograms, and one gate with its numbers."""

from __future__ import annotations

import math

import streamlit as st

from gradflow.charts.recurrent.gate_histograms import average_gate_shares, gate_histograms_figure
from gradflow.charts.recurrent.gates import GateRows, gates_figure
from gradflow.core.catalog import CELLS, Cell
from gradflow.core.catalog.cells import Gate
from gradflow.core.recurrent.equation import GateEquation
from gradflow.core.recurrent.report import TimeReport
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.spec import Spec
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.latex import added, dot, factor, lines, tex
from gradflow.ui.recurrent import compute, controls, state, words
from gradflow.ui.recurrent.state import View

_FEW = 3
"""Inputs up to this many are written out."""


def show() -> Spec:
    """The gates of one layer; a vanilla RNN has none."""
    spec = state.passed(View.GATES)
    if not CELLS[spec.cell].gates:
        _none(spec)
        return spec
    controls.up_to(View.GATES, "layer", spec.layers)
    spec = state.passed(View.GATES)
    report = compute.through_time(spec.experiment, spec.shown_sequence)
    st.markdown(words.highway(report, spec.shown_layer))
    maps, bars = st.columns([13, 6])
    with maps:
        blocks.show_figure(
            gates_figure(
                rows(report, spec.shown_layer), step=spec.shown_step, unit=spec.shown_unit,
                mode=blocks.mode(),
            ),
            "recurrent_gates",
            _("Gates of sequence {n}: a row per unit, a column per time step").format(
                n=spec.shown_sequence
            ),
        )  # fmt: skip
    with bars:
        _histograms(report, spec)
    blocks.explain("recurrent_gates")
    st.subheader(_("One gate, with this step’s numbers"))
    _equation(spec)
    return state.passed(View.GATES)


def _none(spec: TimePass) -> None:
    st.latex(CELLS[spec.cell].formula)
    st.info(
        _("A vanilla RNN has no gates: every step back multiplies the gradient by the same matrix "
          "and by slopes of at most 1, and nothing can switch that off."),
        icon=":material/info:",
    )  # fmt: skip
    for column, cell in zip(st.columns(4), (Cell.LSTM, Cell.GRU), strict=False):
        column.button(
            _("Show the {cell}").format(cell=_(CELLS[cell].label)),
            key=f"recurrent_show_{cell}", on_click=state.choose_cell, args=(cell,),
            width="stretch", icon=":material/arrow_forward:",
        )  # fmt: skip


def named(gate: Gate) -> str:
    """A gate with its letter."""
    return f"{_(gate.label)} {gate.symbol}"


def rows(report: TimeReport, layer: int) -> list[GateRows]:
    """The gates between 0 and 1; the candidate is none."""
    return [
        GateRows(named(gate), report.sample.values[gate.code, layer], report.gate(gate.code, layer))
        for gate in report.experiment.network.row.gates
        if gate.squash == "sigmoid"
    ]


def _histograms(report: TimeReport, spec: TimePass) -> None:
    layer, steps = spec.shown_layer, range(1, report.length + 1)
    shares = {
        named(gate): average_gate_shares([report.histogram(gate.code, t, layer) for t in steps])
        for gate in report.experiment.network.row.gates
        if gate.squash == "sigmoid"
    }
    row = CELLS[spec.cell]
    marks = {
        named(gate): ("σ(b<sub>f</sub>)", 0.5 * (1 + math.tanh(spec.forget_bias / 2)))
        for gate in row.gates
        if row.has_cell and gate.code == row.highway
    }
    blocks.show_figure(
        gate_histograms_figure(shares, marks, mode=blocks.mode()),
        "recurrent_gate_histograms",
        _("Distribution of the gates over all steps, units and sequences"),
    )


def _equation(spec: TimePass) -> None:
    row = CELLS[spec.cell]
    shown = spec.shown_gate
    assert shown is not None
    controls.one_of(View.GATES, "gate", {gate.code: named(gate) for gate in row.gates}, shown)
    most = {
        "sequence": spec.batch_size,
        "step": spec.experiment.data.steps,
        "unit": spec.hidden_size,
    }
    for column, (name, high) in zip(st.columns(3), most.items(), strict=True):
        with column:
            controls.up_to(View.GATES, name, high)
    spec = state.passed(View.GATES)
    code = spec.shown_gate
    assert code is not None
    found = compute.equation(
        spec.experiment, spec.shown_sequence, code, spec.shown_step, spec.shown_unit,
        spec.shown_layer,
    )  # fmt: skip
    st.latex(general(found.gate))
    st.latex(numbers(found, spec.shown_step))
    st.caption(
        _("Sequence {sequence}, layer {layer}, unit {unit}, step {step}: the unit and the step are "
          "marked in the heatmaps, which show this sequence.").format(
            sequence=spec.shown_sequence, layer=spec.shown_layer, unit=spec.shown_unit,
            step=spec.shown_step,
        )
    )  # fmt: skip
    blocks.explain("recurrent_equation")


def general(gate: Gate) -> str:
    """The gate's formula, and for a plain gate the textbooks' shorter one."""
    if gate.squash != "sigmoid":
        return gate.formula
    s = gate.symbol
    return (
        rf"{s}_t = \sigma\big(W_{s}\,[h_{{t-1}}, x_t] + b_{s}\big),\qquad"
        rf" W_{s} = [W_{{h{s}}}, W_{{x{s}}}],\quad b_{s} = b_{{x{s}}} + b_{{h{s}}}"
    )


def squashed(value: float) -> str:
    """What σ or tanh makes, as LaTeX; never rounded to 1, which neither reaches."""
    rest = 1 - abs(value)
    if tex(abs(value)) != "1" or rest <= 0:
        return tex(value)
    return rf"1-{tex(rest)}" if value > 0 else rf"-1+{tex(rest)}"


def numbers(found: GateEquation, step: int) -> str:
    """Every term of one unit, the pre-activation and the gate."""
    s = found.gate.symbol
    own = rf"w_{{x{s}}}\cdot x_{{{step}}}"
    before = rf"w_{{h{s}}}\cdot h_{{{step - 1}}}"
    few = len(found.inputs) <= _FEW
    written = [dot(found.input_weights.tolist(), found.inputs.tolist())] if few else []
    squash = r"\tanh" if found.gate.squash == "tanh" else r"\sigma"
    inner = f"{tex(found.from_hidden)}{added(found.bias_hidden)}"
    last = (
        rf"+{factor(found.reset)}\cdot({inner})"
        if found.reset != 1.0
        else f"{added(found.from_hidden)}{added(found.bias_hidden)}"
    )
    sum_of = rf"\textstyle\sum_{{k=1}}^{{{len(found.hidden)}}} w_k h_k"
    return lines(
        (own, *written, tex(found.from_input)),
        (before, sum_of, tex(found.from_hidden)),
        ("a", f"{tex(found.from_input)}{added(found.bias_input)}{last}", tex(found.preactivation)),
        (rf"{s}_{{{step}}}", rf"{squash}({tex(found.preactivation)})", squashed(found.value)),
    )  # fmt: skip
