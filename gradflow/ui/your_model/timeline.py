"""A training that was watched: maps layer × step, and one layer's distribution over the steps."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gradflow.charts.training.data import QUANTITIES
from gradflow.charts.training.timeline import ImageOf, timeline_figure
from gradflow.core.text import N_, _
from gradflow.core.timeline import Timeline
from gradflow.ui import blocks

_IMAGES: dict[ImageOf, str] = {
    "activation": N_("Activations"),
    "delta": N_("∂L/∂z (error signal δ)"),
    "activation_grad": N_("∂L/∂a (activations)"),
    "weight_grad": N_("∂L/∂W (weights)"),
}


def show_timeline(timeline: Timeline, details: DeltaGenerator) -> None:
    """Show a map of a quantity, and beneath it the distribution of one layer."""
    for trouble in timeline.troubles[:1]:
        blocks.show_error(str(trouble.text))
    names = {code: _(quantity.label) for code, quantity in QUANTITIES.items()}
    quantity = blocks.choose_one(_("Quantity"), names, "timeline_quantity")
    figure = timeline_figure(timeline, quantity=quantity, mode=blocks.read_mode())
    blocks.show_figure(figure, "timeline_map", _("A quantity by layer and step"))
    with details:
        if timeline.frames:
            _show_layer(timeline)


def _show_layer(timeline: Timeline) -> None:
    names = {n: f"{n}: {module}" for n, module in enumerate(timeline.modules, 1)}
    left, right = st.columns(2)
    layer = left.selectbox(_("Layer"), list(names), format_func=lambda n: names[n])
    what = right.selectbox(_("Of"), list(_IMAGES), format_func=lambda code: _(_IMAGES[code]))
    figure = timeline_figure(timeline, layer=layer, what=what, mode=blocks.read_mode())
    blocks.show_figure(figure, "timeline_layer", _("Distribution in one layer, step by step"))
