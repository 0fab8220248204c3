"""The Compare page: cards, controls, and figures and tables of all settings on shared axes."""

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
from gradflow.ui import blocks, stage
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare.add import draw_add_controls
from gradflow.ui.compare.cards import Card, draw_cards, list_entries, make_cards, write_url
from gradflow.ui.compare.controls import draw_controls, draw_removal, draw_shared_controls
from gradflow.ui.compare.tables import make_delta_table, measure_settings
from gradflow.ui.compare.words import describe_gradients


def show_comparison() -> None:
    """Show the cards of the settings, the controls of one of them, and all figures."""
    with stage.draw_head(_("Compare")):
        draw_add_controls()
        draw_removal()
        draw_shared_controls()
    parts = stage.make_stage(stage.Place.ABOVE)
    cards = make_cards()
    entries = list_entries(cards)
    with parts.picture:
        draw_cards(cards)
        if entries:
            gradient, relative = _show_gradients(entries)
        else:
            st.info(_("None of the settings can be computed; see the reasons above."))
    with parts.controls:
        draw_controls(cards)
    write_url(cards)
    if entries:
        with parts.details:
            _show_details(cards, entries, gradient, relative)


def _show_gradients(entries: list[ComparedSetting]) -> tuple[Gradient, bool]:
    """Show the gradient norms, and beneath them how they are looked at, which is returned."""
    place = st.container()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        gradient = _choose_gradient()
        relative = _choose_relative_depth(entries)
    figure = charts.compare_gradients_figure(
        entries, mode=blocks.read_mode(), gradient=gradient, relative=relative
    )
    with place:
        blocks.show_figure(figure, "compare_gradients", describe_gradients(entries))
    return gradient, relative


def _show_details(
    cards: list[Card], entries: list[ComparedSetting], gradient: Gradient, relative: bool
) -> None:
    """Show other figures and tables in tabs; only the open one runs."""
    blocks.explain("compare_gradients")
    panels: dict[str, Callable[[], None]] = {
        _("Numbers"): lambda: _show_numbers(cards, entries),
        _("Distributions"): lambda: _show_flows(entries, gradient),
        _("Forward signal"): lambda: _show_forward(entries, relative),
        _("Export"): lambda: _show_export(cards, entries, gradient, relative),
    }
    blocks.draw_tabs(panels, "compare_details")


def _choose_relative_depth(entries: list[ComparedSetting]) -> bool:
    if len(set(list_depths(entries))) < 2:
        return False
    return st.toggle(
        _("Relative depth"),
        key="compare_relative",
        help=_("Lines up the first and the last layers of networks of different depth."),
    )


def _choose_gradient() -> Gradient:
    symbols = {code: SYMBOLS[code] for code in GRADIENTS}
    return blocks.choose_one(_("Gradient"), symbols, "compare_gradient", "delta")


def _show_numbers(cards: list[Card], entries: list[ComparedSetting]) -> None:
    blocks.show_table(make_delta_table(entries), key="compare_delta")
    settings = _list_settings(cards)
    if len(settings) > 1:
        table = compare_settings.make_differences_table(settings)
        if table.empty:
            st.caption(_("All settings are the same."))
        else:
            st.markdown(_("**Settings that differ**"))
            blocks.show_table(table, key="compare_settings")
    blocks.explain("compare_numbers")


def _list_settings(cards: list[Card]) -> dict[str, dict[str, Any]]:
    return {c.letter: codec.to_fields(c.experiment) for c in cards if c.experiment is not None}


def _show_flows(entries: list[ComparedSetting], gradient: Gradient) -> None:
    figure = charts.compare_flow_figure(entries, mode=blocks.read_mode(), gradient=gradient)
    blocks.show_figure(figure, "compare_flow", _("Signal and gradient of all settings"))
    blocks.explain("compare_flow")


def _show_forward(entries: list[ComparedSetting], relative: bool) -> None:
    names: dict[Statistic, str] = {code: _(label) for code, label in STATISTICS.items()}
    statistic = blocks.choose_one(_("Statistic"), names, "compare_statistic", "activation_std")
    figure = charts.compare_forward_figure(
        entries, mode=blocks.read_mode(), statistic=statistic, relative=relative
    )
    blocks.show_figure(figure, "compare_forward", _("Forward statistics of all settings"))
    blocks.explain("compare_forward")


def _show_export(
    cards: list[Card], entries: list[ComparedSetting], gradient: Gradient, relative: bool
) -> None:
    def write_numbers() -> str:
        return str(measure_settings(entries).to_csv(index=False))

    def write_settings() -> str:
        return str(
            compare_settings.make_differences_table(_list_settings(cards)).to_csv(index=False)
        )

    def write_norms() -> str:
        figure = charts.compare_gradients_figure(entries, gradient=gradient, relative=relative)
        return str(figure.to_html())

    def write_flows() -> str:
        return str(charts.compare_flow_figure(entries, gradient=gradient).to_html())

    files = (
        (_("Numbers, CSV"), write_numbers, "gradflow-comparison.csv", "text/csv"),
        (_("Settings that differ, CSV"), write_settings, "gradflow-settings.csv", "text/csv"),
        (_("Gradient norms, HTML"), write_norms, "gradflow-compared-norms.html", "text/html"),
        (_("Distributions, HTML"), write_flows, "gradflow-compared-flow.html", "text/html"),
    )
    for column, file in zip(st.columns(2) * 2, files, strict=True):
        with column:
            blocks.draw_download(*file)
    st.caption(_("The address of this page holds all settings: copy it to share them."))
