"""Settings in a row, and in panels that the row unfolds, as one component of ours.

Streamlit's own widgets say their value when they are released, and the page runs before a figure
follows. Here the figure follows at once (``lane.js``), and the page is told once the hand rests.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from gradflow.core import codec
from gradflow.core.catalog import TABLES, Architecture
from gradflow.core.spec import find_bounds, find_enum, list_options
from gradflow.core.text import _
from gradflow.ui.assets import write_shim
from gradflow.ui.settings.fields import WIDTHS
from gradflow.ui.settings.form import Form, simplify_value
from gradflow.ui.settings.state import read_widget
from gradflow.ui.toolbar.marks import list_marks

Control = dict[str, Any]
"""What the browser needs to draw a setting: ``name``, ``kind``, ``label``, ``help``, ``value``, and
what its kind needs besides."""
Panel = Mapping[str, Sequence[Control]]
"""Headings, and the controls under each."""

_mount = st.components.v2.component(
    "gradflow_toolbar", js=write_shim("toolbar.js"), isolate_styles=False
)
_SENT_AT_ONCE = ("architecture", "targets", "loss", "readout")
"""Settings that change others with them: only the page knows what the figure becomes."""


def draw_toolbar(
    key: str,
    figure: str,
    row: Sequence[Control],
    panels: Mapping[str, Panel],
    dormant: Mapping[str, str],
    *,
    take: Callable[[Mapping[str, Any]], None],
    reset: Callable[[], None],
) -> None:
    """Draw the row.

    Args:
        key: its name in the session.
        figure: the name of the figure that follows.
        row: what is always seen.
        panels: what a button unfolds, by the button's text.
        dormant: texts of settings that do not apply now and would, with what they hold, after
            another choice; so that the figure that follows is the one that the page will show.
        take: called in a callback with what was changed, by name; a browser may send anything.
        reset: called when all settings are to be those of a new session.
    """
    data: dict[str, Any] = {
        "figure": figure,
        "row": list(row),
        "panels": [_describe_panel(title, panel) for title, panel in panels.items()],
        "dormant": dict(dormant),
    }
    data["panels"][-1]["reset"] = _("Reset all settings")
    _mount(
        key=key,
        data=data,
        on_change_change=lambda: _pass_change(key, take),
        on_reset_change=reset,
    )


def _describe_panel(title: str, panel: Panel) -> dict[str, Any]:
    sections = [{"title": title, "controls": list(panel[title])} for title in panel]
    return {"title": title, "sections": sections}


def _pass_change(key: str, take: Callable[[Mapping[str, Any]], None]) -> None:
    changes = (read_widget(key) or {}).get("change")
    if isinstance(changes, Mapping):
        plain = {n: v for n, v in changes.items() if isinstance(v, (str, bool, int, float))}
        take(plain)


def describe_fields(
    form: Form[Any], names: Sequence[str], leave_out: Collection[str] = ()
) -> list[Control]:
    """Describe settings that apply, each followed by those that depend on it."""
    controls: list[Control] = []
    for name in names:
        if form.applies(name):
            dependents = [n for n in form.list_dependents(name) if n not in leave_out]
            controls += [_describe_field(form, name), *describe_fields(form, dependents, leave_out)]
    return controls


def _describe_field(form: Form[Any], name: str) -> Control:
    field = form.find_field(name)
    control = {
        "name": name,
        "label": _(field.title or name),
        "help": _(field.description or ""),
        "value": simplify_value(form.read_value(name)),
        "live": name not in _SENT_AT_ONCE,
    }
    if enum := find_enum(field):
        architecture = form.values.get("architecture", Architecture.MLP)
        options = list_options(enum, architecture)
        names = {str(code): _(TABLES[enum][code].label) for code in options}
        chosen = TABLES[enum].get(control["value"])
        about = f"{control['help']} {_(chosen.help)}".strip() if chosen else control["help"]
        return control | _list_options(names) | {"help": about}
    if field.annotation is bool:
        return control | {"kind": "toggle"}
    if get_origin(field.annotation) is tuple:
        shown = WIDTHS.to_widget(form.read_value(name))
        return control | {"kind": "text", "value": shown, "hint": "750-700-650"}
    if field.annotation in (int, float):
        return control | _describe_number(field, control["label"])
    return control | _list_options({value: str(value) for value in get_args(field.annotation)})


def list_dormant(form: Form[Any]) -> dict[str, str]:
    """List the settings of a form that do not apply now, with what they would hold."""
    return {
        name: codec.write_text(value)
        for name, value in form.values.items()
        if form.find_spec(name) and not form.applies(name) and value != ()
    }


def describe_choice(name: str, label: str, names: Mapping[Any, str], value: Any) -> Control:
    """Describe a choice that is no field of a form."""
    return {"name": name, "label": label, "value": value, "live": True} | _list_options(names)


def describe_toggle(name: str, label: str, value: bool, about: str) -> Control:
    """Describe a switch that is no field of a form."""
    return {
        "name": name,
        "label": label,
        "help": about,
        "value": value,
        "kind": "toggle",
        "live": True,
    }


def _list_options(names: Mapping[Any, str]) -> Control:
    return {"kind": "choice", "options": [[code, label] for code, label in names.items()]}


def _describe_number(field: FieldInfo, label: str) -> Control:
    low, high, excluded = find_bounds(field)
    assert low is not None
    assert high is not None
    whole = field.annotation is int
    marks = list_marks(low, high, whole=whole, usual=float(field.default))
    return {
        "kind": "number",
        "exact": _("{label}, exactly").format(label=label),
        "marks": [mark for mark in marks if mark > low or not excluded],
        "low": low,
        "high": high,
        "whole": whole,
    }
