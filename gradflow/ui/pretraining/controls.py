"""Widgets of the page on pretraining, made from the fields of its specs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from gradflow.charts.theme import format_number
from gradflow.core.catalog import ACTIVATIONS as CATALOG
from gradflow.core.catalog.choice import Choice
from gradflow.core.pretraining.digits import TRAINING
from gradflow.core.pretraining.presets import PRETRAINING_PRESETS
from gradflow.core.pretraining.spec import METHODS, STACK_ACTIVATIONS, STARTS, Stack, Start
from gradflow.core.spec import Spec, find_bounds
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.pretraining import state
from gradflow.ui.pretraining.state import View

TITLES: dict[View, str] = {
    View.LAYERS: N_("Layer by layer"),
    View.TUNING: N_("Fine-tuning"),
    View.TRANSFER: N_("Reusing layers"),
}
_RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_BATCHES = (10, 20, 50, 100, 200)
_LABELLED = (20, 50, 100, 200, 500, TRAINING)
_STEPS = (50, 100, 200, 300, 500, 1000, 2000)


def choose_view() -> None:
    """Draw the choice of what the page shows."""
    st.segmented_control(
        _("What to look at"),
        list(View),
        required=True,
        key=state.key("view", state.view()),
        on_change=state.view_chosen,
        format_func=lambda view: _(TITLES[view]),
        label_visibility="collapsed",
    )


def draw() -> None:
    """Draw all controls of the view in the current container."""
    presets = {code: PRETRAINING_PRESETS[code] for code in state.presets()}
    key = state.key("preset", state.preset())
    blocks.start_from(presets, key, _("an example …"), state.preset_chosen)
    {View.LAYERS: _layers, View.TUNING: _tuning, View.TRANSFER: _transfer}[state.view()]()


def _layers() -> None:
    spec = state.tuning()
    _one_of(spec, "method", METHODS)
    _slider(spec, "layers")
    _series(spec, "width", (8, 16, 32, 64, 100, 128))
    _slider(spec, "k")
    if Stack.applies("sampled", dict(spec)):
        st.toggle(**_place(spec, "sampled"))
    _activation(spec)
    _slider(spec, "epochs")
    _series(spec, "learning_rate", _RATES)
    _series(spec, "batch_size", _BATCHES)
    _slider(spec, "seed")


def _tuning() -> None:
    spec = state.tuning()
    st.pills(
        options=[str(start) for start in Start],
        selection_mode="multi",
        format_func=lambda code: _(STARTS[Start(code)].label),
        **_place(spec, "starts", [str(start) for start in spec.starts]),
    )
    _series(spec, "steps", _STEPS)
    _series(spec, "tuning_rate", _RATES)
    _series(spec, "small_std", (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0))
    _series(spec, "labelled", _LABELLED)
    _slider(spec, "seeds")
    st.divider()
    st.markdown(_("**The stack**"))
    _layers()


def _transfer() -> None:
    spec = state.transfer()
    st.pills(
        options=list("0123456789"),
        selection_mode="multi",
        **_place(spec, "first", list(spec.first)),
    )
    _slider(spec, "layers")
    if spec.layers > 1:
        st.slider(min_value=1, max_value=spec.layers, **_place(spec, "reused"))
    _series(spec, "width", (8, 16, 32, 64, 100, 128))
    _activation(spec)
    _series(spec, "steps", _STEPS)
    _series(spec, "learning_rate", _RATES)
    _slider(spec, "seeds")
    _slider(spec, "seed")


def _activation(spec: Spec) -> None:
    _one_of(spec, "activation", {code: CATALOG[code] for code in STACK_ACTIVATIONS})


def _one_of(spec: Spec, name: str, table: Mapping[Any, Choice]) -> None:
    if type(spec).applies(name, dict(spec)):
        st.segmented_control(
            options=[str(code) for code in table],
            required=True,
            format_func=lambda code: _(table[code].label),
            **_place(spec, name, str(getattr(spec, name))),
        )


def _slider(spec: Spec, name: str) -> None:
    """A slider over the whole range of a field, if the field applies."""
    if type(spec).applies(name, dict(spec)):
        low, high, _excluded = find_bounds(type(spec).model_fields[name])
        assert low is not None
        assert high is not None
        st.slider(min_value=int(low), max_value=int(high), **_place(spec, name))


def _series(spec: Spec, name: str, values: Sequence[float]) -> None:
    """A slider over ``values`` and the current one, which a link may have set to anything."""
    current = getattr(spec, name)
    show: Callable[[Any], str] = str if isinstance(current, int) else format_number
    st.select_slider(options=sorted({*values, current}), format_func=show, **_place(spec, name))


def _place(spec: Spec, name: str, value: Any = None) -> dict[str, Any]:
    """What all kinds of widgets are given."""
    field = type(spec).model_fields[name]
    return {
        "label": _(field.title or name),
        "help": _(field.description or ""),
        "key": state.key(name, getattr(spec, name) if value is None else value),
        "on_change": state.changed,
        "args": (name,),
    }
