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
from gradflow.ui.settings.fields import (
    DrawField,
    draw_choice,
    draw_compact_field,
    draw_field,
    draw_marks,
    draw_number,
)
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


_MAIN_FIELDS = ("activation", "depth", "optimizer", "learning_rate", "steps")
"""Settings that are always in sight; all others are a click away."""


def draw_controls() -> None:
    """Draw the choice of an experiment, the main settings, and behind a button all of them."""
    with st.container(key="training_row"):
        st.selectbox(
            _("Experiment (choosing one trains it)"),
            list(TRAINING_PRESETS),
            index=None,
            format_func=lambda code: _(TRAINING_PRESETS[code].label),
            placeholder=_("your own"),
            **actions.bind_preset(),
        )
        for name in _MAIN_FIELDS:
            _draw_main_field(name)
        box = st.popover(_("All settings"), key="training_more", on_change="rerun")
    if box.open:  # what is not seen is not sent
        with box:
            _draw_all()


def _draw_main_field(name: str) -> None:
    """Draw the widget of one of the main settings, if it applies."""
    if name in TrainingPlan.model_fields:
        _draw_plan_field(FORM, name, explained=False)
    else:
        draw_compact_field(FORM, name)


def _draw_all() -> None:
    """Draw all controls but those in sight, in groups."""
    _draw_source()
    for group in _PLAN_GROUPS:
        _draw_group(group, _draw_plan_field)
    for group in GROUPS:
        used = replace(group, names=tuple(n for n in group.names if n not in UNUSED))
        opens = group.expanded and group.title == "Network"
        _draw_group(used, draw_field, expanded=opens)
    for group in _RECORD_GROUPS:
        _draw_group(group, _draw_plan_field)


def _draw_group(group: Group, draw: DrawField, *, expanded: bool | None = None) -> None:
    """Draw a group; of a setting in sight only what hangs on it."""

    def draw_other(form: Form[Any], name: str) -> None:
        if name not in _MAIN_FIELDS:
            draw(form, name)

    key = f"training_group_{group.title}"
    draw_group(FORM, group, key=key, expanded=expanded, draw=draw_other)


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
        _("Use the network from Explore"),
        key="training_explore",
        icon=":material/insights:",
        width="stretch",
        **actions.bind_press(take_from_explore),
    )


def take_from_explore() -> None:
    """Make the controls show the network of Explore."""
    state.prepare_run(EXPLORE.read_last_valid())


def _draw_plan_field(form: Form[Any], name: str, *, explained: bool = True) -> None:
    """Draw the widget of a field of the plan, if the field applies."""
    field = TrainingPlan.model_fields[name]
    if find_enum(field) is not None:
        draw_choice(form, name, explained=explained)
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
