"""The controls of the page: network and data as on Explore, and the plan's fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from gradflow.core.spec import find_bounds, find_enum
from gradflow.core.text import N_, _
from gradflow.core.training import TrainingPlan
from gradflow.core.training.presets import TRAINING_PRESETS
from gradflow.ui.explore.state import EXPLORE
from gradflow.ui.settings.experiments import GROUPS, Group, draw_group
from gradflow.ui.settings.fields import draw_choice, draw_marks, draw_number
from gradflow.ui.settings.form import Form
from gradflow.ui.training import actions, state
from gradflow.ui.training.codec import UNUSED
from gradflow.ui.training.state import FORM

_PLAN_GROUPS = (
    Group(N_("Optimizer"), ("optimizer", "learning_rate", "schedule")),
    Group(N_("Clipping and penalties"), ("clip", "l1", "l2")),
)
_RECORD_GROUPS = (
    Group(
        N_("Steps and records"),
        ("steps", "record_every", "reports", "evaluate_every", "noise_every"),
    ),
    Group(N_("Mixed precision"), ("precision",), expanded=False),
)
_MANTISSAS = (1, 2, 3, 5)
_DECADES = {
    "learning_rate": (-6, 1),
    "threshold": (-3, 3),
    "l1": (-6, 0),
    "l2": (-6, 0),
    "weight_decay": (-5, 0),
}
"""Fields whose size matters rather than their digits, and the powers of ten that are offered."""


def draw_controls() -> None:
    """Draw all controls in the current container."""
    _draw_source()
    for group in _PLAN_GROUPS:
        _draw_plan_group(group)
    for group in GROUPS:
        used = replace(group, names=tuple(n for n in group.names if n not in UNUSED))
        opens = group.expanded and group.title == "Network"
        draw_group(FORM, used, key=_name_box(group), expanded=opens)
    for group in _RECORD_GROUPS:
        _draw_plan_group(group)


def _draw_source() -> None:
    """Draw where the settings come from: a preset's runs, or the network of Explore."""
    code = state.find_preset()
    if code is not None:
        runs = TRAINING_PRESETS[code].runs
        st.segmented_control(
            _("Settings of"),
            list(range(len(runs))),
            required=True,
            format_func=lambda i: _(runs[i].label),
            **state.bind_preset_run(),
        )
        st.caption(_("A change makes it a run of its own."))
    st.button(
        _("Take the network of Explore"),
        key="training_explore",
        icon=":material/insights:",
        width="stretch",
        **actions.bind_press(take_from_explore),
    )


def take_from_explore() -> None:
    """Make the controls show the network of Explore."""
    state.prepare_run(EXPLORE.read_last_valid())


def _draw_plan_group(group: Group) -> None:
    draw_group(FORM, group, key=_name_box(group), draw=_draw_plan_field)


def _name_box(group: Group) -> str:
    return f"training_group_{group.title}"


def _draw_plan_field(form: Form[Any], name: str) -> None:
    """Draw the widget of a field of the plan, if the field applies."""
    field = TrainingPlan.model_fields[name]
    if find_enum(field) is not None:
        draw_choice(form, name, explained=True)
    elif name in _DECADES:
        draw_marks(form, name, _list_marks(name))
    else:
        _low, high, _excluded = find_bounds(field)
        draw_number(form, name, step=0.01 if high is not None and high <= 1 else 1.0)


def _list_marks(name: str) -> list[float]:
    """List 1, 2, 3, 5 times the powers of ten of a field within its bounds, and 0 if allowed."""
    low, high, _excluded = find_bounds(TrainingPlan.model_fields[name])
    first, last = _DECADES[name]
    marks = [float(f"{m}e{e}") for e in range(first, last + 1) for m in _MANTISSAS]
    return [0.0] * (low == 0) + [mark for mark in marks if mark <= (high or mark)]
