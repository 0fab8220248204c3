"""Widgets of a form, generated from the fields of its spec and from the catalog tables.

A new option of a table, or a new field of a spec, gets its widget here without any new code. What
does not apply is not drawn. ``draw_field`` chooses the kind of widget; the other functions draw a
certain kind where a page knows better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import streamlit as st

from gradflow.core import codec
from gradflow.core.catalog import TABLES
from gradflow.core.numbers import format_number
from gradflow.core.spec import find_bounds, find_enum, list_options
from gradflow.core.text import _
from gradflow.ui.settings.form import Conversion, Form
from gradflow.ui.settings.page import Page

AnyForm = Form[Any]
DrawField = Callable[[AnyForm, str], None]
SLIDER_RANGE = 200
"""Whole numbers with at most so many values get a slider."""
WIDTHS = Conversion(
    to_widget=lambda widths: "-".join(map(str, widths)),
    from_widget=lambda text, _widths: codec.parse_widths(text),
)
"""Widths of layers as a user types them."""


def draw_fields(form: AnyForm, names: Iterable[str], *, draw: DrawField | None = None) -> None:
    """Draw the widgets of fields, each followed by those of the fields that depend on it.

    Args:
        form: the settings.
        names: the fields.
        draw: draws the widget of one; ``draw_field`` if left out.
    """
    for name in names:
        (draw or draw_field)(form, name)
        draw_dependents(form, name, draw=draw)


def draw_dependents(form: AnyForm, name: str, *, draw: DrawField | None = None) -> None:
    """Draw the widgets of all fields that depend on a choice, and of those that depend on them."""
    draw_fields(form, form.list_dependents(name), draw=draw)


def draw_compact_field(form: AnyForm, name: str) -> None:
    """Draw the widget of a field for a narrow column."""
    draw_field(form, name, compact=True)


def draw_field(form: AnyForm, name: str, *, compact: bool = False) -> None:
    """Draw the widget of a field if it applies; the kind follows from the field.

    Args:
        form: the settings.
        name: the field.
        compact: for a narrow column: no line on what the chosen option does, no sliders over
            whole numbers.
    """
    if not form.applies(name):
        return
    field = form.find_field(name)
    low, high, _excluded = find_bounds(field)
    if find_enum(field):
        draw_choice(form, name, explained=not compact)
    elif field.annotation is bool:
        st.toggle(**form.bind(name))
    elif get_origin(field.annotation) is Literal:
        st.selectbox(options=get_args(field.annotation), **form.bind(name))
    elif name == "widths":
        st.text_input(placeholder="750-700-650", **form.bind(name, WIDTHS))
    elif field.annotation is int:
        short = (high or 0) - (low or 0) <= SLIDER_RANGE and not compact
        (draw_slider if short else draw_number)(form, name)
    elif (low, high) == (0, 1):
        draw_slider(form, name, step=0.01)
    else:
        draw_number(form, name)


def draw_choice(
    form: AnyForm, name: str, labels: Mapping[Any, str] | None = None, *, explained: bool = False
) -> None:
    """Draw a list of options.

    Args:
        form: the settings.
        name: the field.
        labels: options and what they are called; those of the catalog if left out.
        explained: whether a line says what the chosen option does.
    """
    if not form.applies(name):
        return
    enum = find_enum(form.find_field(name))
    if labels is None:
        assert enum is not None
        architecture = form.values.get("architecture", "mlp")
        table = TABLES[enum]
        labels = {str(code): table[code].label for code in list_options(enum, architecture)}
    names = labels
    code = st.selectbox(
        options=[*names], format_func=lambda code: _(names[code]), **form.bind(name)
    )
    if explained and enum is not None:
        st.caption(_(TABLES[enum][enum(code)].help))


def draw_activation(form: AnyForm) -> None:
    """Draw the choice of an activation function, and sliders over its parameters."""
    draw_choice(form, "activation")
    draw_slider(form, "negative_slope", step=0.01)
    draw_slider(form, "elu_alpha", step=0.1)


def draw_buttons(form: AnyForm, name: str, labels: Mapping[Any, str]) -> None:
    """Draw the choice of one of a few options as a row of buttons."""
    if form.applies(name):
        st.segmented_control(
            options=[str(code) for code in labels],
            required=True,
            format_func=lambda code: _(labels[code]),
            **form.bind(name),
        )


def draw_toggle(form: AnyForm, name: str) -> None:
    """Draw a switch."""
    if form.applies(name):
        st.toggle(**form.bind(name))


def draw_slider(
    form: AnyForm, name: str, *, step: float | None = None, high: int | None = None
) -> None:
    """Draw a slider over the range of a field.

    Args:
        form: the settings.
        name: the field.
        step: of a fraction.
        high: the largest whole number that the other settings allow. If it leaves one value only,
            there is nothing to choose, and no slider.
    """
    if not form.applies(name):
        return
    field = form.find_field(name)
    low, most, _excluded = find_bounds(field)
    assert low is not None
    assert most is not None
    if field.annotation is not int:
        decimals = 2 if (step or 1) < 0.1 else 1
        st.slider(
            min_value=low,
            max_value=most,
            step=step,
            format=f"%.{decimals}f",
            **form.bind(name),
        )
        return
    top = int(most if high is None else high)
    limit = Conversion(to_widget=lambda value: min(value, top))
    if top > low:
        st.slider(min_value=int(low), max_value=top, **form.bind(name, limit))


def draw_marks(
    form: AnyForm,
    name: str,
    marks: Sequence[Any],
    *,
    format_func: Callable[[Any], str] = format_number,
) -> None:
    """Draw a slider over certain values; the one of a link lies among them."""
    if form.applies(name):
        values = sorted({*marks, form.read_value(name)})
        st.select_slider(options=values, format_func=format_func, **form.bind(name))


def draw_allowed(form: AnyForm, name: str, allowed: Sequence[int]) -> None:
    """Draw a slider over the only values that the other settings allow.

    A value between them shows as the next smaller one. If there is one only, there is nothing to
    choose, and no slider.
    """
    if form.applies(name) and len(allowed) > 1:
        nearest = Conversion(lambda value: round_down(value, allowed))
        st.select_slider(options=allowed, **form.bind(name, nearest))


def round_down(value: int, allowed: Iterable[int]) -> int:
    """Find the largest of the allowed values that is not above ``value``."""
    return max(a for a in allowed if a <= value)


def draw_number(form: AnyForm, name: str, *, step: float | None = None) -> None:
    """Draw a number field."""
    if not form.applies(name):
        return
    field = form.find_field(name)
    low, high, excluded = find_bounds(field)
    assert low is not None
    assert high is not None
    if field.annotation is int:
        st.number_input(min_value=int(low), max_value=int(high), step=1, **form.bind(name))
        return
    st.number_input(
        # A number field has no open ends: the smallest number it offers stands for "above 0".
        min_value=low + 1e-9 if excluded else low,
        max_value=high,
        step=step or choose_step(float(field.default)),
        format="%g",
        **form.bind(name, Conversion(to_widget=float)),
    )


def choose_step(default: float) -> float:
    """A tenth of the default's decade, so that the arrows make a visible difference."""
    return 10.0 ** (len(str(int(default))) - 2) if default >= 1 else max(default, 0.1) / 10


def draw_view_choice(page: Page, titles: Mapping[str, str]) -> None:
    """Draw the choice of what a page shows."""
    st.segmented_control(
        _("What to look at"),
        list(page.forms),
        required=True,
        format_func=lambda view: _(titles[view]),
        label_visibility="collapsed",
        **page.bind_view(),
    )
