"""Widgets of the page on activation functions, made from the fields of its specs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from gradflow.charts.theme import number
from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.spec import bounds
from gradflow.core.text import N_, _
from gradflow.ui import state
from gradflow.ui.activations import state as activations_state
from gradflow.ui.activations.state import SPECS, View

TITLES: dict[View, str] = {
    View.FUNCTIONS: N_("Functions and slopes"),
    View.LAYERS: N_("Over many layers"),
    View.DYING: N_("Dying ReLU"),
    View.GAUSSIAN: N_("A Gaussian through φ"),
    View.HYPERBOLIC: N_("sinh and sin"),
}


def chosen_view() -> View:
    """Draw the choice of what the page shows; the URL carries it."""
    view = st.segmented_control(
        _("What to look at"),
        list(View),
        required=True,
        key=activations_state.view_key(),
        on_change=activations_state.view_chosen,
        format_func=lambda view: _(TITLES[view]),
        label_visibility="collapsed",
    )
    assert view is not None  # it is required
    return view


def slider(view: View, name: str, step: float | None = None) -> None:
    """A slider over the whole range of a field, if the field applies; ``step``: for fractions."""
    place = _place(view, name)
    if place is None:
        return
    field = SPECS[view].model_fields[name]
    low, high, _excluded = bounds(field)
    assert low is not None
    assert high is not None
    if field.annotation is int:
        new: Any = st.slider(min_value=int(low), max_value=int(high), **place)
    else:
        decimals = 2 if (step or 1) < 0.1 else 1
        new = st.slider(min_value=low, max_value=high, step=step, format=f"%.{decimals}f", **place)
    activations_state.store(view, name, new)


def decades(view: View, name: str, values: Sequence[float]) -> None:
    """A slider over ``values``, for fields that span orders of magnitude.

    The value of a link is among them, wherever it lies.
    """
    place = _place(view, name)
    if place is None:
        return
    options = sorted({*values, float(activations_state.loaded(view, name))})
    new = st.select_slider(options=options, format_func=number, **place)
    activations_state.store(view, name, new)


def activation(view: View) -> None:
    """The choice of one activation function, and sliders for its parameters."""
    place = _place(view, "activation")
    assert place is not None
    new = st.selectbox(
        options=list(Activation), format_func=lambda code: _(ACTIVATIONS[code].label), **place
    )
    activations_state.store(view, "activation", new)
    parameters(view)


def parameters(view: View) -> None:
    """Sliders for the parameters of activation functions, where they apply."""
    slider(view, "negative_slope", 0.01)
    slider(view, "elu_alpha", 0.1)


def functions(view: View) -> None:
    """The choice of several activation functions, in the order of choice."""
    place = _place(view, "shown")
    assert place is not None
    del place["help"]
    new = st.pills(
        options=list(Activation),
        selection_mode="multi",
        format_func=lambda code: _(ACTIVATIONS[code].label),
        **place,
    )
    before = state.value("shown", (), activations_state.slot(view))
    kept = [code for code in before if code in new]
    activations_state.store(view, "shown", tuple(kept + [code for code in new if code not in kept]))


def _place(view: View, name: str) -> dict[str, Any] | None:
    """What all kinds of widgets are given; ``None``: the field does not apply."""
    slot = activations_state.slot(view)
    kind = SPECS[view]
    if not kind.applies(name, state.settings(slot)):
        return None
    field = kind.model_fields[name]
    current = state.value(name, field.default, slot)
    shown = list(current) if isinstance(current, tuple) else current
    return {
        "label": _(field.title or name),
        "help": _(field.description or ""),
        "key": state.widget_key(name, shown, slot),
    }
