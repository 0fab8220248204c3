"""Two reports beside each other: before and after a change of one's code."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gradflow import charts
from gradflow.charts.compare.data import ComparedSetting
from gradflow.charts.flow.data import Gradient
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.compare.cards import write_summary
from gradflow.ui.compare.tables import make_delta_table
from gradflow.ui.compare.words import describe_gradients
from gradflow.ui.explore.flow import Rows
from gradflow.ui.settings.state import read_widget, show_in_widget
from gradflow.ui.your_model.controls import name_shown
from gradflow.ui.your_model.look import read_look
from gradflow.ui.your_model.state import Brought, change_look


def show_comparison(first: Brought, second: Brought, details: DeltaGenerator) -> None:
    """Show what two reports say of themselves, their gradients, and beneath them the numbers."""
    entries = [
        ComparedSetting(letter, name_shown(own.code), own.report)
        for letter, own in zip("AB", (first, second), strict=True)
        if own.report is not None
    ]
    summaries = "".join(write_summary(entry.letter, entry.name, entry.report) for entry in entries)
    st.html(f'<div class="gf-settings" role="list">{summaries}</div>')
    rows = _choose_rows(entries)
    gradient: Gradient = "activation_grad" if rows == "block" else "delta"
    shown = _list_streams(entries) if rows == "block" else entries
    relative = len({len(entry.report.get_table("layers")) for entry in shown}) > 1
    figure = charts.compare_gradients_figure(
        shown, mode=blocks.read_mode(), gradient=gradient, relative=relative
    )
    blocks.show_figure(figure, "your_model_norms", describe_gradients(entries))
    panels: dict[str, Callable[[], None]] = {
        _("Numbers"): lambda: blocks.show_table(make_delta_table(entries), key="your_model_delta"),
        _("Distributions"): lambda: _show_flows(shown, gradient),
    }
    with details:
        blocks.explain("compare_gradients")
        blocks.draw_tabs(panels, "your_model_compared")


def _choose_rows(entries: list[ComparedSetting]) -> Rows:
    """Draw the choice between layers and streams, where both reports have one."""
    if any(entry.report.stream is None for entry in entries):
        return "layer"
    names: dict[Rows, str] = {"block": _("Residual stream"), "layer": _("All layers")}
    key = "your_model_compared_rows"
    rows: Rows = "layer" if read_look().get("rows") == "layer" else "block"
    show_in_widget(key, rows)
    st.segmented_control(
        _("Columns of the figure"),
        list(names),
        required=True,
        key=key,
        format_func=lambda code: names[code],
        label_visibility="collapsed",
        on_change=lambda: change_look({"rows": read_widget(key)}),
    )
    return rows


def _list_streams(entries: list[ComparedSetting]) -> list[ComparedSetting]:
    return [
        ComparedSetting(entry.letter, entry.name, entry.report.stream)
        for entry in entries
        if entry.report.stream is not None
    ]


def _show_flows(entries: list[ComparedSetting], gradient: Gradient) -> None:
    figure = charts.compare_flow_figure(entries, mode=blocks.read_mode(), gradient=gradient)
    blocks.show_figure(figure, "your_model_flows", _("Signal and gradient of both"))
