"""A number of a form as a component of ours: a slider and a field for the exact value.

Streamlit's own slider says its value when it is released. This one lets the figure follow while it
moves (``number.js``), and tells the page once the hand rests.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core.spec import find_bounds
from gradflow.core.text import _
from gradflow.ui.assets import find_address
from gradflow.ui.numbers.marks import list_marks
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.state import read_widget

# Short, because it goes with every change.
_SHIM = f"""
const number = import(new URL("{find_address("number.js")}", document.baseURI).href);
export default async (component) => (await number).default(component);
"""
_mount = st.components.v2.component("gradflow_number", js=_SHIM, isolate_styles=False)


def is_number(form: Form[Any], name: str) -> bool:
    """Whether a setting applies and is a number."""
    return form.applies(name) and form.find_field(name).annotation in (int, float)


def draw_number(form: Form[Any], name: str, figure: str) -> None:
    """Draw the slider of a number that applies.

    Args:
        form: the settings.
        name: the field.
        figure: the name of the figure that follows while the slider moves.
    """
    field, key = form.find_field(name), form.find_widget_key(name)
    low, high, excluded = find_bounds(field)
    assert low is not None
    assert high is not None
    whole = field.annotation is int
    marks = list_marks(low, high, whole=whole, usual=float(field.default))
    data = {
        "name": name,
        "label": _(field.title or name),
        "help": _(field.description or ""),
        "exact": _("{label}, exactly").format(label=_(field.title or name)),
        "figure": figure,
        "marks": [mark for mark in marks if mark > low or not excluded],
        "low": low,
        "high": high,
        "whole": whole,
        "value": form.read_value(name),
    }
    _mount(key=key, data=data, on_value_change=lambda: _take_value(form, name, key))


def _take_value(form: Form[Any], name: str, key: str) -> None:
    value = (read_widget(key) or {}).get("value")
    # What a browser sends may be anything; what is a number, but not allowed, the page refuses.
    if key == form.find_widget_key(name) and type(value) in (int, float):
        form.take(name, value)
