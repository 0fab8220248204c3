"""The lower part of the Compare page: figures and tables of all settings on shared axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from gradflow import charts
from gradflow.charts.compare.data import ComparedSetting, list_depths
from gradflow.charts.compare.lines import STATISTICS
from gradflow.charts.flow.data import GRADIENTS, Gradient
from gradflow.charts.flow.text import SYMBOLS
from gradflow.charts.forward import Statistic
from gradflow.core import codec
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare.cards import Card
from gradflow.ui.compare.tables import delta_table, measured


def show(drawn: list[Card], entries: list[ComparedSetting]) -> None:
    """Gradient norms, and the other figures and tables in tabs, of which only the open one runs."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        gradient = _gradient_switch()
        relative = _depth_switch(entries)
    figure = charts.compare_gradients_figure(
        entries, mode=blocks.mode(), gradient=gradient, relative=relative
    )
    blocks.show_figure(figure, "compare_gradients", _("Gradient norms of all settings"))
    blocks.explain("compare_gradients")
    panels: dict[str, Callable[[], None]] = {
        _("Numbers"): lambda: _numbers(drawn, entries),
        _("Distributions"): lambda: _flows(entries, gradient),
        _("Forward signal"): lambda: _forward(entries, relative),
        _("Export"): lambda: _export(drawn, entries, gradient, relative),
    }
    tabs = st.tabs(list(panels), key="compare_details", on_change="rerun")
    for tab, panel in zip(tabs, panels.values(), strict=True):
        if tab.open:
            with tab:
                panel()


def _depth_switch(entries: list[ComparedSetting]) -> bool:
    if len(set(list_depths(entries))) < 2:
        return False
    return st.toggle(
        _("Relative depth"),
        key="compare_relative",
        help=_("Networks of different depth begin and end together."),
    )


def _gradient_switch() -> Gradient:
    symbols = {code: SYMBOLS[code] for code in GRADIENTS}
    return blocks.one_of(_("Gradient"), symbols, "compare_gradient", "delta")


def _numbers(drawn: list[Card], entries: list[ComparedSetting]) -> None:
    blocks.show_table(delta_table(entries), key="compare_delta")
    settings = _settings(drawn)
    if len(settings) > 1:
        table = compare_settings.differences_table(settings)
        if table.empty:
            st.caption(_("All settings are the same."))
        else:
            st.markdown(_("**Settings that differ**"))
            blocks.show_table(table, key="compare_settings")
    blocks.explain("compare_numbers")


def _settings(drawn: list[Card]) -> dict[str, dict[str, Any]]:
    return {c.letter: codec.to_fields(c.experiment) for c in drawn if c.experiment is not None}


def _flows(entries: list[ComparedSetting], gradient: Gradient) -> None:
    figure = charts.compare_flow_figure(entries, mode=blocks.mode(), gradient=gradient)
    blocks.show_figure(figure, "compare_flow", _("Signal and gradient of all settings"))
    blocks.explain("compare_flow")


def _forward(entries: list[ComparedSetting], relative: bool) -> None:
    names: dict[Statistic, str] = {code: _(label) for code, label in STATISTICS.items()}
    statistic = blocks.one_of(_("Statistic"), names, "compare_statistic", "activation_std")
    figure = charts.compare_forward_figure(
        entries, mode=blocks.mode(), statistic=statistic, relative=relative
    )
    blocks.show_figure(figure, "compare_forward", _("Forward statistics of all settings"))
    blocks.explain("compare_forward")


def _export(
    drawn: list[Card], entries: list[ComparedSetting], gradient: Gradient, relative: bool
) -> None:
    def numbers() -> str:
        return str(measured(entries).to_csv(index=False))

    def settings() -> str:
        return str(compare_settings.differences_table(_settings(drawn)).to_csv(index=False))

    def norms() -> str:
        figure = charts.compare_gradients_figure(entries, gradient=gradient, relative=relative)
        return str(figure.to_html())

    def flows() -> str:
        return str(charts.compare_flow_figure(entries, gradient=gradient).to_html())

    files = (
        (_("Numbers, CSV"), numbers, "gradflow-comparison.csv", "text/csv"),
        (_("Settings that differ, CSV"), settings, "gradflow-settings.csv", "text/csv"),
        (_("Gradient norms, HTML"), norms, "gradflow-compared-norms.html", "text/html"),
        (_("Distributions, HTML"), flows, "gradflow-compared-flow.html", "text/html"),
    )
    for column, file in zip(st.columns(2) * 2, files, strict=True):
        with column:
            blocks.download(*file)
    st.caption(_("The address of this page holds all settings: copy it to share them."))
