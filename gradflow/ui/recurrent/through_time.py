"""The view of one pass: the Flow figure over time, norms beside theory, tables to take along."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import streamlit as st

from gradflow import charts
from gradflow.charts.overlay import Overlay, Range
from gradflow.charts.recurrent.norms import TheoryLine, keep_nearby, time_norms_figure
from gradflow.core.catalog import CELLS, LossAt
from gradflow.core.numbers import format_number
from gradflow.core.recurrent.code import to_sequence_code
from gradflow.core.recurrent.findings import GradientCourse, TimeFate, follow_gradient
from gradflow.core.recurrent.report import STATE_SYMBOLS, State, TimeReport
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.recurrent.theory import TIME_LINES, TimeLine, TimeTheory
from gradflow.core.text import N_, _
from gradflow.core.verdict import Severity
from gradflow.ui import blocks
from gradflow.ui.figures.graph import draw_packed, pack_figure
from gradflow.ui.latex import write_number
from gradflow.ui.recurrent import compute, words
from gradflow.ui.recurrent.controls import draw_layer
from gradflow.ui.recurrent.cures import FIGURE, name_experiment, show_cures
from gradflow.ui.recurrent.state import PASS, ask_for_cures, is_asked_for_cures, undo_cure
from gradflow.ui.settings.fields import draw_buttons
from gradflow.ui.settings.state import read_widget
from gradflow.ui.stage import Stage

_NO_LINE = "none"
_LINES: dict[str, str] = {
    TimeLine.SPECTRAL: N_("spectral radius ρ"),
    TimeLine.MEAN_FIELD: N_("mean field"),
    TimeLine.BOUND: N_("Pascanu’s bound"),
    TimeLine.GATES: N_("product of the gates"),
    TimeLine.FORGET_BIAS: N_("σ(b) alone"),
    _NO_LINE: N_("none"),
}
"""Short names of the lines of theory."""
_STATES = {"cell": N_("cell state c"), "hidden": N_("hidden state h")}
_BOXES = {
    TimeFate.VANISHES: (st.warning, ":material/trending_down:"),
    TimeFate.KEPT: (st.success, ":material/check_circle:"),
    TimeFate.EXPLODES: (st.warning, ":material/trending_up:"),
    TimeFate.BROKEN: (st.error, ":material/error:"),
}
_SEVERITIES = {
    TimeFate.VANISHES: Severity.WARNING,
    TimeFate.KEPT: Severity.GOOD,
    TimeFate.EXPLODES: Severity.WARNING,
    TimeFate.BROKEN: Severity.BAD,
}


def show_pass(stage: Stage) -> None:
    """Show one pass through time."""
    spec = PASS.read()
    line = _read_line(spec)
    layer, state = spec.shown_layer, spec.shown_state
    report = compute.run_through_time(spec.experiment, spec.shown_sequence)
    theory = compute.predict_norms(spec.experiment, layer)
    course = follow_gradient(report, state, layer)
    box, icon = _BOXES[course.fate]
    hidden_by_loss = spec.loss_at is LossAt.EVERY and course.fate is not TimeFate.BROKEN
    if hidden_by_loss or words.arrives_only_if_short(course):
        box, icon = st.info, ":material/info:"
    box(words.describe_course(report, course, state, layer), icon=icon)
    dashed = make_overlays(report, theory, line, layer)
    figure = charts.flow_figure(
        report.as_report(state, layer),
        mode=blocks.read_mode(),
        gradient="activation_grad",
        over=dashed,
    )
    packed = pack_figure(
        figure,
        FIGURE,
        _("Distribution of the state and of its gradient, step by step"),
        blocks.read_mode(),
        live=_describe_line(spec, report, course),
    )
    draw_packed(packed, on_action={"cures": ask_for_cures, "undo": undo_cure})
    if is_asked_for_cures(spec):
        show_cures(spec)
    with stage.details:
        if equation := write_equation(report, theory, course, state, line):
            st.latex(equation)
        if line is not None and dashed:
            part_of_whole = _(" It is one part of the whole: the gradient also runs through h.")
            st.caption(
                _("Dashed: ")
                + _(TIME_LINES[line].help)
                + (part_of_whole if is_partial(line) else "")
            )
        blocks.explain("recurrent_flow", *(["recurrent_cures"] if is_asked_for_cures(spec) else []))
        _show_metrics(report, theory, layer)
        st.subheader(_("Gradient norms over time"))
        _show_norms(report, theory, layer)
        _show_export(spec, report)


def _describe_line(spec: TimePass, report: TimeReport, course: GradientCourse) -> dict[str, Any]:
    """Describe the line above the figure: the way back in numbers, and what can be done."""
    return {
        "setting": name_experiment(spec),
        "word": "",
        "headline": words.write_numbers(course, report.length),
        "severity": _SEVERITIES[course.fate],
        "loss": _("loss {loss}").format(loss=format_number(report.loss)),
        "findings": [],
        "pulse": _("Play"),
        "cures": _("Try cures"),
        "trying": _("Trying cures …"),
        "undo": _("Undo"),
        "before": _("before"),
    }


def draw_look() -> None:
    """Draw the choices of state, line of theory and layer in the current container."""
    spec, _problem = PASS.read_possible()
    if CELLS[spec.cell].has_cell:
        draw_buttons(PASS, "state", _STATES)
    if lines := _list_lines(spec):
        st.selectbox(
            _("Dashed line"),
            [*lines, _NO_LINE],
            key=_name_line_widget(lines),
            format_func=lambda code: _(_LINES[code]),
            help="\n".join(
                f"- **{_(TIME_LINES[line].label)}:** {_(TIME_LINES[line].help)}" for line in lines
            ),
        )
    draw_layer()


def _read_line(spec: TimePass) -> TimeLine | None:
    """Read which line of theory was chosen: the figure is drawn before the choice."""
    lines = _list_lines(spec)
    code = read_widget(_name_line_widget(lines), lines[0]) if lines else _NO_LINE
    return None if code == _NO_LINE else TimeLine(code)


def _name_line_widget(lines: list[TimeLine]) -> str:
    return f"recurrent_line_{lines[0]}_{len(lines)}"


def _list_lines(spec: TimePass) -> list[TimeLine]:
    """List the lines of theory that there are for the shown state."""
    row = CELLS[spec.cell]
    if row.has_cell and spec.shown_state != "cell":
        return []  # in an LSTM all lines are about the cell state
    if row.highway is not None:
        return [TimeLine.GATES, TimeLine.FORGET_BIAS]
    if spec.experiment.network.init.variance is not None:
        return [TimeLine.SPECTRAL, TimeLine.MEAN_FIELD, TimeLine.BOUND]
    return [TimeLine.SPECTRAL, TimeLine.BOUND]


def _show_metrics(report: TimeReport, theory: TimeTheory, layer: int) -> None:
    """Show a row of numbers below the figure."""
    spec = report.experiment.network
    if spec.row.highway is None:
        radius, largest = theory.spectral_radius["state"], theory.largest_singular_value["state"]
        metrics = [
            (_("Spectral radius ρ"), format_number(radius), _("Largest |eigenvalue| of W_hh.")),
            ("s_max", format_number(largest), _("Largest singular value of W_hh.")),
        ]
    else:
        gate = next(gate for gate in spec.row.gates if gate.code == spec.row.highway)
        mean = format_number(float(report.gate(gate.code, layer).mean()))
        title = _("Mean {gate} {symbol}").format(gate=_(gate.label), symbol=gate.symbol)
        radius = max(theory.spectral_radius.values())
        metrics = [
            (title, mean, _("What one step leaves on the direct path.")),
            (
                _("Spectral radius ρ"),
                format_number(radius),
                _("The largest of the gates’ matrices."),
            ),
        ]
    metrics += [
        (_("Loss"), format_number(report.loss, 4), _("Of this batch, before any training step.")),
        (_("Gradient ‖g‖"), format_number(report.grad_norm), _("Over all parameters.")),
        (_("Time of the pass"), f"{1000 * report.seconds:.0f} ms", _("Recorded, when computed.")),
    ]
    for column, (label, text, help_text) in zip(st.columns(len(metrics)), metrics, strict=True):
        column.metric(label, text, help=help_text)


def make_overlays(
    report: TimeReport, theory: TimeTheory, line: TimeLine | None, layer: int
) -> tuple[Overlay, ...]:
    """Make the chosen line for the Flow figure, if it applies."""
    if line is None or not np.isfinite(theory.lines.get(line, math.nan)).any():
        return ()
    steps = np.arange(1.0, report.length + 1)
    unknown = np.full(report.length, math.nan)
    measured = report.column(f"{theory.state}_grad_norm", layer)
    middle = Range(unknown, keep_nearby(measured, theory.lines[line]), unknown)
    overlay = Overlay("theory", name_line(line), steps, {"activation_grad_norm": middle})
    return (overlay,)


def name_line(line: TimeLine) -> str:
    """Name a line of theory; the name says so if it is about a part of the gradient only."""
    name = _(_LINES[line])
    return _("{name} (direct path only)").format(name=name) if is_partial(line) else name


def is_partial(line: TimeLine) -> bool:
    """Whether a line is about the direct path alone."""
    return line in (TimeLine.GATES, TimeLine.FORGET_BIAS)


def write_equation(
    report: TimeReport,
    theory: TimeTheory,
    course: GradientCourse,
    state: State,
    line: TimeLine | None,
) -> str:
    """Write what is left over the whole sequence, measured and by the line of theory, as LaTeX.

    Without a finite gradient, and with a loss at every step, it is empty.
    """
    is_measured = math.isfinite(course.factor) and 0 < course.remaining < math.inf
    if report.experiment.loss_at is LossAt.EVERY or not is_measured:
        return ""
    s, back = STATE_SYMBOLS[state], report.length - 1
    text = (
        rf"\frac{{\|\partial L/\partial {s}_1\|}}{{\|\partial L/\partial {s}_{{{back + 1}}}\|}}"
        rf" = {write_number(course.remaining)}"
    )
    if back > 1:
        text += rf" \approx {write_number(course.factor)}^{{{back}}}"
    if line is None or line not in theory.lines:
        return text
    factors = theory.factors[line]
    # Not the ratio of the line's ends: gradient that enters on the way is in the line, too.
    with np.errstate(over="ignore", under="ignore"):
        ratio = float(np.prod(factors))
    symbol = {
        TimeLine.SPECTRAL: r"\rho(W_{hh})^{T-1}",
        TimeLine.MEAN_FIELD: r"\textstyle\prod_t \sigma_w\sqrt{\mathbb E[\varphi'(a_t)^2]}",
        TimeLine.BOUND: r"(\gamma\, s_{\max})^{T-1}",
        TimeLine.GATES: _write_gate_product(s, back + 1),
        TimeLine.FORGET_BIAS: r"\sigma(b)^{T-1}",
    }[line]
    power = (
        rf" = {write_number(float(factors[0]))}^{{{back}}}"
        if len(factors) and np.ptp(factors) == 0
        else ""
    )
    return rf"{text} \qquad\text{{{_('dashed:')}}}\quad {symbol}{power} = {write_number(ratio)}"


def _write_gate_product(symbol: str, last: int) -> str:
    """Write what the product of the gates leaves of the gradient of the last step."""
    gate = "f_t" if symbol == "c" else "z_t"
    gradient = rf"\partial L/\partial {symbol}_{{{last}}}"
    return rf"\frac{{\|{gradient}\odot\prod_t {gate}\|}}{{\|{gradient}\|}}"


def _show_norms(report: TimeReport, theory: TimeTheory, layer: int) -> None:
    states: tuple[State, ...] = ("hidden",)
    if report.experiment.network.row.has_cell:
        states = ("hidden", "cell")
    measured = [
        (f"‖{words.format_gradient(state)}‖", report.column(f"{state}_grad_norm", layer))
        for state in states
    ]
    lines = [TheoryLine(name_line(line), values) for line, values in theory.lines.items()]
    blocks.show_figure(
        time_norms_figure(measured, lines, mode=blocks.read_mode()),
        "recurrent_norms",
        _("Gradient norms per time step, measured and predicted"),
    )
    blocks.explain("recurrent_norms")


def _show_export(spec: TimePass, report: TimeReport) -> None:
    box = st.expander(
        _("Export"), icon=":material/download:", key="recurrent_export", on_change="rerun"
    )
    if not box.open:
        return
    files = [
        (_("Steps, CSV"), lambda: _write_csv(report, "steps"), "gradflow-steps.csv", "text/csv"),
        (_("Gates, CSV"), lambda: _write_csv(report, "gates"), "gradflow-gates.csv", "text/csv"),
        (
            _("PyTorch script"),
            lambda: to_sequence_code(spec.experiment),
            "gradflow-recurrent.py",
            "text/x-python",
        ),
    ]
    with box:
        for column, file in zip(st.columns(3), files, strict=True):
            with column:
                blocks.draw_download(*file)
        st.caption(_("The address of this page holds all settings: copy it to share them."))
        st.code(to_sequence_code(spec.experiment), language="python", height=400)


def _write_csv(report: TimeReport, table: str) -> str:
    return str(getattr(report, table).to_csv(index=False))
