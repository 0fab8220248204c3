"""Widgets of the page on activation functions."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gradflow.core.catalog import ACTIVATIONS, Activation
from gradflow.core.text import N_, _
from gradflow.ui.activations.state import VIEWS, View
from gradflow.ui.views import controls

TITLES: dict[str, str] = {
    View.FUNCTIONS: N_("Functions and slopes"),
    View.LAYERS: N_("Over many layers"),
    View.DYING: N_("Dying ReLU"),
    View.GAUSSIAN: N_("A Gaussian through φ"),
    View.HYPERBOLIC: N_("sinh and sin"),
}


def chosen_view() -> View:
    """Draw the choice of what the page shows; the URL carries it."""
    return View(controls.chosen_view(VIEWS, TITLES))


def slider(view: View, name: str, step: float | None = None) -> None:
    """A slider over the whole range of a field, if the field applies; ``step``: for fractions."""
    controls.Controls(VIEWS, view).slider(name, step)


def decades(view: View, name: str, values: Sequence[float]) -> None:
    """A slider over ``values``, for fields that span orders of magnitude."""
    controls.Controls(VIEWS, view).marks(name, values)


def activation(view: View) -> None:
    """The choice of one activation function, and sliders for its parameters."""
    labels = {code: ACTIVATIONS[code].label for code in Activation}
    controls.Controls(VIEWS, view).select("activation", labels)
    slider(view, "negative_slope", 0.01)
    slider(view, "elu_alpha", 0.1)


def functions(view: View) -> None:
    """The choice of several activation functions, in the order of choice."""
    before: tuple[Activation, ...] = VIEWS.values(view)["shown"]
    new = st.pills(
        _(VIEWS.specs[view].model_fields["shown"].title or ""),
        list(Activation),
        selection_mode="multi",
        format_func=lambda code: _(ACTIVATIONS[code].label),
        key=VIEWS.widget_key(view, "shown"),
    )
    kept = [code for code in before if code in new]
    VIEWS.store(view, "shown", tuple(kept + [code for code in new if code not in kept]))
