"""Widgets of the page on normalization, made from the fields of its specs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from gradflow.core.spec import find_bounds
from gradflow.core.text import N_, _
from gradflow.ui.normalization import state
from gradflow.ui.normalization.state import SPECS, VIEWS, View
from gradflow.ui.views import controls as views_controls
from gradflow.ui.views.controls import Controls

TITLES: dict[str, str] = {
    View.SHARING: N_("What shares a mean"),
    View.BATCH: N_("One batch"),
    View.MODES: N_("Training and evaluation"),
    View.SMALL: N_("Small batches"),
    View.FLOW: N_("Gradient flow"),
    View.SCALES: N_("Bad initialization"),
    View.RATES: N_("Learning rate"),
}


def chosen_view() -> View:
    """Draw the choice of what the page shows; the URL carries it."""
    return View(views_controls.chosen_view(VIEWS, TITLES))


def slider(view: View, name: str, step: float | None = None) -> None:
    """A slider over the range of a field, if the field applies; ``step``: for fractions."""
    Controls(VIEWS, view).slider(name, step)


def marks(view: View, name: str, options: Sequence[Any]) -> None:
    """A slider over ``options``, if the field applies; a link's value lies among them."""
    Controls(VIEWS, view).marks(name, options)


def up_to(view: View, name: str, high: int) -> None:
    """A slider from a whole field's least value to ``high``, which other settings allow.

    If they allow one value only, there is nothing to choose, and no slider.
    """
    lowest, _highest, _excluded = find_bounds(SPECS[view].model_fields[name])
    assert lowest is not None
    low = new = int(lowest)
    if high > low:
        place = _place(view, name, lambda value: min(value, high))
        new = st.slider(min_value=low, max_value=high, **place)
    state.store(view, name, new)


def only(view: View, name: str, options: Sequence[int]) -> None:
    """A slider over ``options`` and nothing else; the largest one below takes over.

    If there is one only, there is nothing to choose, and no slider.
    """
    if not _applies(view, name):
        return
    new = options[0]
    if len(options) > 1:
        place = _place(view, name, lambda value: max(one for one in options if one <= value))
        new = st.select_slider(options=options, **place)
    state.store(view, name, new)


def choice(view: View, name: str, labels: Mapping[Any, str]) -> None:
    """The choice of one of a few options, if the field applies."""
    if not _applies(view, name):
        return
    new = st.segmented_control(
        options=list(labels),
        required=True,
        format_func=lambda code: _(labels[code]),
        **_place(view, name, lambda value: value),
    )
    state.store(view, name, new)


def _applies(view: View, name: str) -> bool:
    return SPECS[view].applies(name, state.values(view))


def _place(view: View, name: str, mend: Callable[[Any], Any]) -> dict[str, Any]:
    """What all kinds of widgets are given."""
    field = SPECS[view].model_fields[name]
    return {
        "label": _(field.title or name),
        "help": _(field.description or ""),
        "key": state.prepared(view, name, mend),
    }
