"""A training that was watched: maps layer × step, and one layer's distribution over the steps."""

from __future__ import annotations

import html

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
from gradflow.core.text import N_, _
from gradflow.core.timeline import Timeline
from gradflow.ui import blocks

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
    blocks.show_figure(figure, "timeline_map", f"{_('A quantity by layer and step')}. {says}")
    with details:
        blocks.explain("timeline")
        if timeline.frames:
            _show_layer(timeline)


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
            key="timeline_layer_number",
            label_visibility="collapsed",
        )
    figure = timeline_figure(timeline, layer=layer, what=what, mode=blocks.read_mode())
    blocks.show_figure(figure, "timeline_layer", _("Distribution in one layer, step by step"))
