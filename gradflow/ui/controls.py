"""Widgets generated from the specs' fields and the catalog tables.

A new option of a table, or a new field of a spec, gets its widget here without any new code:
choices become select boxes, whole numbers with a short range sliders, other numbers number
fields, yes-or-no toggles. Fields that do not apply are not drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from gradflow.core import codec
from gradflow.core.catalog import TABLES
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.spec import Spec, bounds, choice_enum, owners
from gradflow.core.text import _
from gradflow.ui import state

SLIDER_RANGE = 200
"""Whole numbers with at most so many values get a slider."""

# Groups of the sidebar, by the independent fields; dependent ones follow their owner.
GROUPS: tuple[tuple[str, bool, tuple[str, ...]], ...] = (
    ("Network", True, ("depth", "width", "widths", "activation", "connection")),
    ("Weights", True, ("initialization",)),
    ("Normalization", True, ("normalization",)),
    ("Data and loss", False, ("source", "batch_size", "loss", "seed")),
    ("Precision and device", False, ("dtype", "device", "learning_rate")),
)
_SPEC_OF: dict[str, type[Spec]] = {
    name: spec for spec in (Experiment, Data, MLP) for name in spec.model_fields
}


def experiment_controls() -> Experiment:
    """Draw all controls in the current container.

    Returns:
        The experiment they describe.

    Raises:
        InvalidExperiment: the settings are impossible together.
    """
    _preset_and_reset()
    for title, expanded, names in GROUPS:
        with st.expander(_(title), expanded=expanded):
            for name in names:
                _control_with_dependents(name)
    return codec.from_fields(state.settings())


def _preset_and_reset() -> None:
    st.selectbox(
        _("Start from"),
        list(PRESETS),
        index=None,
        key=state.preset_key(),
        format_func=lambda code: _(PRESETS[code].label),
        placeholder=_("a preset experiment …"),
        on_change=state.load_preset,
    )
    if code := state.preset():
        st.caption(_("Look for: ") + _(PRESETS[code].look_for))
    st.button(
        _("Reset all settings"),
        icon=":material/restart_alt:",
        on_click=lambda: state.replace(Experiment()),
        width="stretch",
    )


def _control_with_dependents(name: str) -> None:
    spec = _SPEC_OF[name]
    if name not in spec.applicable(state.settings()):
        return
    field = spec.model_fields[name]
    current = state.value(name, field.default)
    state.store(name, _widget(name, field)(name, field, current))
    for dependent in spec.model_fields:
        if owners(spec).get(dependent) == name:
            _control_with_dependents(dependent)


_Widget = Callable[[str, FieldInfo, Any], Any]


def _widget(name: str, field: FieldInfo) -> _Widget:
    if choice_enum(field):
        return _choice
    if field.annotation is bool:
        return _toggle
    if name == "widths":
        return _widths
    low, high, _excluded = bounds(field)
    if field.annotation is int:
        return _slider if (high or 0) - (low or 0) <= SLIDER_RANGE else _whole_number
    return _share if (low, high) == (0, 1) else _number


def _common(name: str, field: FieldInfo, current: Any) -> dict[str, Any]:
    return {
        "label": _(field.title or name),
        "help": _(field.description or ""),
        "key": state.widget_key(name, current),
    }


def _choice(name: str, field: FieldInfo, current: Any) -> str:
    enum = choice_enum(field)
    assert enum is not None
    table = TABLES[enum]
    code = st.selectbox(
        options=[str(member) for member in enum],
        format_func=lambda code: _(table[code].label),
        **_common(name, field, str(current)),
    )
    st.caption(_(table[code].help))
    return str(code)


def _toggle(name: str, field: FieldInfo, current: Any) -> bool:
    return st.toggle(**_common(name, field, bool(current)))


def _slider(name: str, field: FieldInfo, current: Any) -> int:
    low, high, _excluded = bounds(field)
    chosen: int = st.slider(
        min_value=int(low or 0), max_value=int(high or 0), **_common(name, field, int(current))
    )
    return chosen


def _whole_number(name: str, field: FieldInfo, current: Any) -> int:
    low, high, _excluded = bounds(field)
    chosen: int = st.number_input(
        min_value=int(low or 0), max_value=int(high or 0), step=1,
        **_common(name, field, int(current)),
    )  # fmt: skip
    return chosen


def _share(name: str, field: FieldInfo, current: Any) -> float:
    chosen: float = st.slider(
        min_value=0.0, max_value=1.0, step=0.01, **_common(name, field, float(current))
    )
    return chosen


def _number(name: str, field: FieldInfo, current: Any) -> float:
    low, high, excluded = bounds(field)
    assert low is not None
    # A number field has no open ends: the smallest number it offers stands for "above 0".
    smallest = low + 1e-9 if excluded else low
    chosen: float = st.number_input(
        min_value=smallest, max_value=high, step=_step(float(field.default)), format="%g",
        **_common(name, field, float(current)),
    )  # fmt: skip
    return chosen


def _step(default: float) -> float:
    """A tenth of the default's decade, so that the arrows make a visible difference."""
    return 10.0 ** (len(str(int(default))) - 2) if default >= 1 else max(default, 0.1) / 10


def _widths(name: str, field: FieldInfo, current: Any) -> tuple[int | str, ...]:
    text = st.text_input(
        placeholder="750-700-650", **_common(name, field, "-".join(map(str, current)))
    )
    return codec.parse_widths(text)
