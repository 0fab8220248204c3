"""A report on the page: sentences, the Flow figure, and the details in tabs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import pandas as pd
import streamlit as st

import gradflow as gf
from gradflow import charts
from gradflow.charts.flow.data import Gradient
from gradflow.charts.forward import Statistic
from gradflow.core.diagnosis import summarize
from gradflow.core.errors import GradflowError
from gradflow.core.experiment import Experiment
from gradflow.core.grouping import write_module
from gradflow.core.numbers import format_count, format_number
from gradflow.core.report import Report
from gradflow.core.text import N_, _
from gradflow.core.verdict import Verdict
from gradflow.ui import blocks, paths
from gradflow.ui.explore import overlays, stream
from gradflow.ui.explore.compute import pack_flow, pack_forward, pack_norms
from gradflow.ui.explore.flow import FlowView
from gradflow.ui.explore.look import GRADIENTS, choose_rows
from gradflow.ui.explore.state import (
    DETAILS,
    DETAILS_BOX,
    bind_layer,
    name_layer_tab,
    open_column,
    undo_cure,
)
from gradflow.ui.explore.subject import Subject, judge_subject
from gradflow.ui.figures.graph import draw_packed

STATISTICS: dict[Statistic, str] = {
    "activation_std": N_("standard deviation"),
    "activation_rms": N_("root mean square"),
    "saturated": N_("saturated share"),
    "dead_units": N_("dead units"),
    "similarity": N_("similarity of samples"),
}
SHOWN_STATISTICS: tuple[Statistic, ...] = ("activation_std", "saturated", "dead_units")
STREAM_STATISTICS: tuple[Statistic, ...] = ("activation_std", "activation_rms", "similarity")
TABLES = {
    "layers": N_("Layers"),
    "stream": N_("Residual stream"),
    "signals": N_("Module outputs"),
    "parameters": N_("Parameters"),
}
AXES: dict[Literal["log", "linear"], str] = {"log": N_("log"), "linear": N_("linear")}


def show_numbers(report: Report) -> None:
    """Show loss, size, time and device of the pass in one line; on hover, what they are.

    On a phone they have signs or nothing before them, where others have words.
    """
    clipped = _(" The step is clipped: multiplied by {factor}.").format(
        factor=format_number(report.clip_factor)
    )
    numbers = (
        (
            _("Loss"),
            _("Loss"),
            format_number(report.loss),
            _("of this batch, before any training step."),
        ),
        (
            _("Gradient norm"),
            "‖g‖",
            format_number(report.grad_norm),
            _("‖g‖ over all parameters.") + (clipped if report.clip_factor != 1 else ""),
        ),
        (
            _("Parameters"),
            _("params"),
            format_count(report.parameter_count),
            _("weights, biases and all other numbers that training learns."),
        ),
        (
            _("Time of the pass"),
            "",
            f"{1000 * report.seconds:.0f} ms"
            if report.seconds < 1
            else f"{format_number(report.seconds)} s",
            _("one recorded forward and backward pass, at the time it was computed."),
        ),
        (_("Device"), "", f"{report.device} · {report.dtype}", _("where, and in which format.")),
    )
    items = (
        f'<span><span class="gf-word">{word}</span><span class="gf-sign">{sign}</span> '
        f"<strong>{text}</strong></span>"
        for word, sign, text, _meaning in numbers
    )
    st.markdown(
        f'<span class="gf-numbers">{" ".join(items)}</span>',
        unsafe_allow_html=True,
        help="\n\n".join(f"**{word}:** {meaning}" for word, _sign, _text, meaning in numbers),
    )


def show_flow(
    subject: Subject,
    view: FlowView,
    show_cures: Callable[[Experiment], None],
    choose: Callable[[int], None] = open_column,
) -> FlowView:
    """Show the Flow figure.

    Args:
        subject: what it is about.
        view: how it is drawn.
        show_cures: called when the button of its line asks for cures.
        choose: called with what a column that is chosen stands for.

    Returns:
        How it is drawn; figures below draw the same overlays.
    """
    try:
        packed = pack_flow(subject, view)
    except GradflowError as error:  # too many seeds
        blocks.show_error(error)
        view = view.model_copy(update={"seeds": 1})
        packed = pack_flow(subject, view)
    on_select = None if view.rows == "block" else choose
    action = draw_packed(packed, on_select, {"undo": undo_cure})
    if isinstance(action, dict):  # a browser may send anything
        if action.get("kind") == "cures" and isinstance(subject, Experiment):
            show_cures(subject)
        elif action.get("verdict") in list(Verdict):
            st.switch_page(paths.DIAGNOSES, query_params={"about": action["verdict"]})
    return view


def explain_flow(subject: Subject, view: FlowView, *more: str) -> None:
    """Say what theory predicts, and what the figure and ``more`` above it show."""
    if isinstance(subject, Experiment):
        overlays.explain_theory(subject)
    blocks.explain("stream" if view.rows == "block" else "flow", *more)


def show_details(subject: Subject, report: Report, view: FlowView) -> None:
    """Show everything else behind a fold, in tabs of which only the open one is computed."""
    box = st.expander(
        _("Details: norms, forward signal, one layer, table, export"),
        key=DETAILS_BOX,
        on_change="rerun",
    )
    if not box.open:
        return
    panels: dict[str, Callable[[], None]] = {
        _("Gradient norms"): lambda: _show_norms(subject, report, view),
        _("Forward signal"): lambda: _show_forward(subject, report, view),
        name_layer_tab(): lambda: _show_layer(report),
        _("Table"): lambda: _show_tables(report),
        _("Export"): lambda: _show_export(subject, report),
    }
    with box:
        blocks.draw_tabs(panels, DETAILS)


def _show_norms(subject: Subject, report: Report, view: FlowView) -> None:
    rows = choose_rows(subject, report, "norm")
    left, right = st.columns([3, 1])
    quantities: list[Gradient] = ["activation_grad"]
    if rows == "layer":
        quantities = left.segmented_control(
            _("Norms"),
            list(GRADIENTS),
            selection_mode="multi",
            default=list(GRADIENTS),
            key="norm_quantities",
            format_func=lambda code: _(GRADIENTS[code]),
        )
    scale = right.segmented_control(
        _("Axis"),
        list(AXES),
        default="log",
        required=True,
        key="norm_scale",
        format_func=lambda code: _(AXES[code]),
    )
    look = _share_look(view, rows)
    draw_packed(pack_norms(subject, look, tuple(quantities), scale))
    blocks.explain("norms")


def _show_forward(subject: Subject, report: Report, view: FlowView) -> None:
    rows = choose_rows(subject, report, "forward")
    chosen = st.segmented_control(
        _("Statistics"),
        list(STATISTICS) if rows == "layer" else STREAM_STATISTICS,
        selection_mode="multi",
        default=SHOWN_STATISTICS if rows == "layer" else STREAM_STATISTICS,
        key="forward_statistics" if rows == "layer" else "stream_statistics",
        format_func=lambda code: _(STATISTICS[code]),
    )
    draw_packed(pack_forward(subject, _share_look(view, rows), tuple(chosen)))
    blocks.explain("forward")


def _share_look(view: FlowView, rows: Literal["layer", "block"]) -> FlowView:
    """Keep what figures below the Flow figure share with it: everything but band and outline."""
    return view.model_copy(update={"rows": rows, "gradient": "delta", "selected": 0, "opened": 0})


def _show_layer(report: Report) -> None:
    names = name_layers(report)
    label = _("Layer (or click one in the figure above)")
    if len(names) < 2:
        layer = 1
    elif report.experiment is not None:  # its layers are known by their numbers
        layer = st.slider(label, 1, len(names), **bind_layer(len(names)))
    else:
        ways = bind_layer(len(names))
        layer = st.select_slider(label, list(names), format_func=lambda n: names[n], **ways)
    figure = charts.layer_histograms_figure(report, layer, mode=blocks.read_mode())
    blocks.show_figure(figure, "histograms", _("Histograms of one layer"))
    blocks.explain("histograms")


def name_layers(report: Report) -> dict[int, str]:
    """Name the layers by their numbers: number and module."""
    table = report.get_table("layers")
    pairs = zip(table["layer"].tolist(), table["module"], strict=True)
    return {int(number): f"{number}: {write_module(str(module))}" for number, module in pairs}


def _list_tables(report: Report) -> dict[str, pd.DataFrame]:
    tables = {"layers": report.layers}
    if report.stream is not None:
        tables["stream"] = stream.label_stream_table(report.stream)
    return tables | {"signals": report.signals, "parameters": report.parameters}


def _show_tables(report: Report) -> None:
    tables = _list_tables(report)
    which = st.segmented_control(
        _("Rows"),
        list(tables),
        default="layers",
        required=True,
        key="table_of_stream" if report.stream else "table",
        format_func=lambda code: _(TABLES[code]),
    )
    blocks.show_table(tables[which], key=f"table_{which}")
    blocks.explain("tables")


def _show_export(subject: Subject, report: Report) -> None:
    def write_page() -> str:
        summary = summarize(judge_subject(subject))
        return charts.report_html(report, mode=blocks.read_mode(), summary=summary)

    files: list[tuple[str, Callable[[], str], str, str]] = []
    for name, rows in _list_tables(report).items():
        label = _("{rows}, CSV").format(rows=_(TABLES[name]))
        files.append((label, partial(_write_csv, rows), f"gradflow-{name}.csv", "text/csv"))
    files += [
        (_("Report, JSON"), report.to_json, "gradflow-report.json", "application/json"),
        (_("Page, HTML"), write_page, "gradflow-report.html", "text/html"),
    ]
    if isinstance(subject, Experiment):
        write_script = partial(gf.to_code, subject)
        name = "gradflow-network.py"
        files.append((_("PyTorch script"), write_script, name, "text/x-python"))
    columns = st.columns(3)
    for index, file in enumerate(files):
        with columns[index % 3]:
            blocks.draw_download(*file)
    if isinstance(subject, Experiment):
        st.caption(_("The address of this page holds all settings: copy it to share them."))
        st.code(gf.to_code(subject), language="python", height=400)


def _write_csv(rows: pd.DataFrame) -> str:
    return str(rows.to_csv(index=False))
