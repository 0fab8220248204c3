"""The sidebar of the page: network and data as on Explore, and the plan's fields."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.charts.theme import format_number
from gradflow.core.catalog import TABLES
from gradflow.core.spec import find_bounds, find_enum, find_owners
from gradflow.core.text import N_, _
from gradflow.core.training import TrainingPlan
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui import controls
from gradflow.ui import state as ui_state
from gradflow.ui.training import state
from gradflow.ui.training.address import UNUSED

_GROUPS: tuple[tuple[str, bool, tuple[str, ...]], ...] = (
    (N_("Optimizer"), True, ("optimizer", "learning_rate", "schedule")),
    (N_("Clipping and penalties"), True, ("clip", "l1", "l2")),
    (N_("Steps and records"), True,
     ("steps", "record_every", "reports", "evaluate_every", "noise_every")),
    (N_("Mixed precision"), False, ("precision",)),
)  # fmt: skip
_MANTISSAS = (1, 2, 3, 5)
_DECADES = {
    "learning_rate": (-6, 1),
    "threshold": (-3, 3),
    "l1": (-6, 0),
    "l2": (-6, 0),
    "weight_decay": (-5, 0),
}
"""Fields whose size matters rather than their digits, and the powers of ten that are offered."""


def draw() -> None:
    """Draw all controls in the current container."""
    _source()
    for group in _GROUPS[:2]:
        _plan_group(*group)
    for title, expanded, names in controls.GROUPS:
        own = [name for name in names if name not in UNUSED]
        specs = controls.specs(state.slot())
        if not any(name in spec.model_fields for name in own for spec in specs):
            continue
        group = _folded(title, expanded and title == "Network")
        if group.open:
            with group:
                for name in own:
                    controls.control(name, state.slot())
                    controls.dependents(name, state.slot())
    for group in _GROUPS[2:]:
        _plan_group(*group)


def _source() -> None:
    """Where the settings come from: a preset's runs, or the network of Explore."""
    code = state.preset()
    if code is not None:
        runs = TRAINING_PRESETS[code].runs
        st.segmented_control(
            _("Settings of"),
            list(range(len(runs))),
            required=True,
            key=state.base_key(),
            on_change=state.base_chosen,
            format_func=lambda i: _(runs[i].label),
        )
        st.caption(_("A change makes it a run of its own."))
    st.button(
        _("Take the network of Explore"),
        key="training_explore",
        icon=":material/insights:",
        on_click=lambda: state.replace(ui_state.last_valid()),
        width="stretch",
    )


def _folded(title: str, expanded: bool) -> Any:
    return st.expander(
        _(title), expanded=expanded, key=f"training_group_{title}", on_change="rerun"
    )


def _plan_group(title: str, expanded: bool, names: tuple[str, ...]) -> None:
    group = _folded(title, expanded)
    if group.open:  # what is not seen is not sent
        with group:
            for name in names:
                _field(name)
                _dependents(name)


def _dependents(owner: str) -> None:
    for name in TrainingPlan.model_fields:
        if find_owners(TrainingPlan).get(name) == owner:
            _field(name)


def _field(name: str) -> None:
    """The widget of a field of the plan, if the field applies."""
    if not TrainingPlan.applies(name, state.plan_values()):
        return
    field = TrainingPlan.model_fields[name]
    place: dict[str, Any] = {
        "label": _(field.title or name),
        "help": _(field.description or ""),
        "key": state.plan_key(name),
        "on_change": state.plan_changed,
        "args": (name,),
    }
    if (enum := find_enum(field)) is not None:
        table = TABLES[enum]
        st.selectbox(
            options=[str(code) for code in enum],
            format_func=lambda code: _(table[code].label),
            **place,
        )
        st.caption(_(table[state.plan_values()[name]].help))
        return
    if name in _DECADES:
        options = sorted({*_marks(name), state.plan_values()[name]})
        st.select_slider(options=options, format_func=format_number, **place)
        return
    low, high, _excluded = find_bounds(field)
    assert low is not None
    assert high is not None
    if field.annotation is int:
        st.number_input(min_value=int(low), max_value=int(high), step=1, **place)
    else:
        step = 0.01 if high <= 1 else 1.0
        st.number_input(min_value=low, max_value=high, step=step, format="%g", **place)


def _marks(name: str) -> list[float]:
    """1, 2, 3, 5 times the powers of ten of a field, within its bounds, and 0 where it may be."""
    low, high, _excluded = find_bounds(TrainingPlan.model_fields[name])
    first, last = _DECADES[name]
    found = [float(f"{m}e{e}") for e in range(first, last + 1) for m in _MANTISSAS]
    return [0.0] * (low == 0) + [value for value in found if value <= (high or value)]
