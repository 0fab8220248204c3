"""A training that was watched: maps layer × step, and one layer's distribution over the steps."""

from __future__ import annotations

import html
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gradflow.charts.training.data import QUANTITIES
from gradflow.charts.training.rows import RowOrder
from gradflow.charts.training.timeline import (
    ImageOf,
    describe_map,
    list_quantities,
    timeline_figure,
)
from gradflow.core.grouping import group_by_kind, write_module
from gradflow.core.numbers import format_number
from gradflow.core.report import Report
from gradflow.core.text import N_, _
from gradflow.core.timeline import Timeline
from gradflow.core.verdict import Severity
from gradflow.ui import blocks, paths
from gradflow.ui.compare.cards import write_summary
from gradflow.ui.naming import VERDICT_TITLES
from gradflow.ui.settings.state import show_in_widget
from gradflow.ui.your_model.advice import show_advice
from gradflow.ui.your_model.state import TIMELINE_LAYER

_IMAGES: dict[ImageOf, str] = {
    "activation": N_("Activation"),
    "delta": N_("Gradient ∂L/∂z"),
    "activation_grad": "∂L/∂a",
    "weight_grad": "∂L/∂W",
}
_ORDERS: dict[RowOrder, str] = {"layer": N_("As they run"), "kind": N_("By kind")}


def show_timeline(timeline: Timeline, details: DeltaGenerator) -> None:
    """Show a map of a quantity, and beneath it the distribution of one layer."""
    for trouble in timeline.troubles[:1]:
        blocks.show_error(str(trouble.text))
    _show_verdict(timeline)
    shown = list_quantities(timeline)
    if not shown:
        blocks.show_error(_("{title}: no step was recorded.").format(title=timeline.title))
        return
    with st.container(horizontal=True, key="timeline_bar"):
        names = {code: _(QUANTITIES[code].label) for code in shown}
        quantity = blocks.choose_one(_("Quantity"), names, "timeline_quantity")
        order: RowOrder = "layer"
        if group_by_kind(timeline.modules):
            ways = {code: _(name) for code, name in _ORDERS.items()}
            order = blocks.choose_one(_("Order of the rows"), ways, "timeline_order")
    says = describe_map(timeline, quantity)
    words = html.escape(f"{_describe_course(timeline)} {says}")
    st.html(f'<p class="gf-says" role="status">{words}</p>')
    figure = timeline_figure(timeline, quantity=quantity, order=order, mode=blocks.read_mode())
    on_select = partial(_choose_layer, len(timeline.modules)) if timeline.frames else None
    alt = f"{_('A quantity by layer and step')}. {says}"
    blocks.show_figure(figure, "timeline_map", alt, on_select)
    with details:
        blocks.explain("timeline")
        if timeline.frames:
            _show_layer(timeline)
        for report in _list_last(timeline).values():
            _show_way_out(report)


def _list_last(timeline: Timeline) -> dict[int, Report]:
    """List the last full report, by its step; empty where a file has none."""
    return dict([*timeline.reports.items()][-1:])


def _show_verdict(timeline: Timeline) -> None:
    """Show what is said of the last step that was kept in full."""
    for step, report in _list_last(timeline).items():
        card = write_summary("", _("Step {step}").format(step=step), report)
        st.html(f'<div class="gf-settings" role="list">{card}</div>')


def _show_way_out(report: Report) -> None:
    """Show causes and cures of what was found, and where each verdict is explained."""
    for finding in report.findings:
        if finding.cause:
            name = _(VERDICT_TITLES[finding.verdict]) if finding.verdict else ""
            why = f"<b>{html.escape(f'{name}. '.lstrip('. '))}{_('Why?')}</b>"
            st.html(f'<p class="gf-says">{why} {html.escape(finding.cause)}</p>')
    show_advice(report)
    with st.container(horizontal=True):
        for finding in report.findings:
            if (
                finding.verdict
                and finding.severity is not Severity.GOOD
                and st.button(
                    _("Learn why: {verdict}").format(verdict=_(VERDICT_TITLES[finding.verdict])),
                    key=f"timeline_lesson_{finding.verdict}",
                    icon=":material/school:",
                )
            ):
                st.switch_page(paths.DIAGNOSES, query_params={"about": finding.verdict})


def _choose_layer(count: int, layer: int) -> None:
    """Show the distribution of a layer chosen in the map; a browser may send any number."""
    show_in_widget(TIMELINE_LAYER, max(1, min(layer, count)))


def _describe_course(timeline: Timeline) -> str:
    """Say in a sentence which steps were recorded, and what became of the loss."""
    first, last = timeline.records[0], timeline.records[-1]
    return _(
        "{count} steps from {first} to {last}: the loss went from {before} to {after}."
    ).format(
        count=len(timeline.records),
        first=first.step,
        last=last.step,
        before=format_number(first.loss),
        after=format_number(last.loss),
    )


def _show_layer(timeline: Timeline) -> None:
    names = {
        n: f"{_('Layer')} {n}: {write_module(module)}"
        for n, module in enumerate(timeline.modules, 1)
    }
    st.markdown(f"**{_('The distribution of one layer, step by step')}**")
    with st.container(horizontal=True, key="timeline_layer_bar"):
        ways = {code: _(name) for code, name in _IMAGES.items()}
        what = blocks.choose_one(_("Distribution of"), ways, "timeline_image")
        layer = st.selectbox(
            _("Layer"),
            list(names),
            format_func=lambda n: names[n],
            key=TIMELINE_LAYER,
            label_visibility="collapsed",
        )
    figure = timeline_figure(timeline, layer=layer, what=what, mode=blocks.read_mode())
    blocks.show_figure(figure, "timeline_layer", _("Distribution in one layer, step by step"))
