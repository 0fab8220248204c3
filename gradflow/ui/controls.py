"""Widgets generated from the specs' fields and the catalog tables.

A new option of a table, or a new field of a spec, gets its widget here without any new code:
choices become select boxes, whole numbers with a short range sliders, other numbers number
fields, yes-or-no toggles. Fields that do not apply are not drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from gradflow.core import codec
from gradflow.core.catalog import TABLES, Architecture
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.spec import Spec, find_bounds, find_enum, find_owners, list_options
from gradflow.core.text import _
from gradflow.ui import blocks, state

SLIDER_RANGE = 200
"""Whole numbers with at most so many values get a slider."""

# Groups of the sidebar, by the independent fields; dependent ones follow their owner.
GROUPS: tuple[tuple[str, bool, tuple[str, ...]], ...] = (
    (
        "Network",
        True,
        (
            "architecture",
            "depth",
            "width",
            "widths",
            "channels",
            "heads",
            "activation",
            "connection",
            "norm_placement",
            "residual_scale",
        ),
    ),
    ("Images", True, ("image_size", "kernel", "padding", "downsampling")),
    ("Weights", True, ("initialization", "weight_std", "scaled_output")),
    ("Normalization", True, ("normalization",)),
    ("Data and loss", False, ("source", "batch_size", "loss", "seed")),
    ("Precision and device", False, ("dtype", "device")),
    ("Step", False, ("learning_rate", "clip_norm")),
)


def specs(slot: state.Slot) -> tuple[type[Spec], ...]:
    """The specs that the settings of a slot fill."""
    try:
        network: type[Spec] = codec.find_network(state.settings(slot))
    except InvalidExperiment:  # a forged architecture
        network = MLP
    return network, Data, Experiment


def _spec_of(name: str, slot: state.Slot) -> type[Spec] | None:
    return next((spec for spec in specs(slot) if name in spec.model_fields), None)


def experiment() -> Experiment:
    """The experiment that the controls describe, whether they are drawn yet or not.

    Raises:
        InvalidExperiment: the settings are impossible together.
    """
    values = dict(state.widget_values())
    if not _switched(values.get("architecture"), state.EXPLORE):
        for name, new in values.items():
            state.store(name, codec.parse_widths(new) if name == "widths" else new)
    return codec.from_fields(state.settings())


def _switched(chosen: Any, slot: state.Slot) -> bool:
    """Whether another architecture was chosen; the settings are then its own."""
    if chosen is None or chosen == state.value("architecture", Architecture.MLP, slot):
        return False
    state.switch(Architecture(chosen), slot)
    return True


def draw() -> None:
    """Draw all controls in the current container."""
    _preset_and_reset()
    for title, expanded, names in GROUPS:
        if not any(_spec_of(name, state.EXPLORE) for name in names):
            continue
        group = st.expander(_(title), expanded=expanded, key=f"group_{title}", on_change="rerun")
        if group.open:  # what is not seen is not sent: every element costs time per key press
            with group:
                for name in names:
                    _control_with_dependents(name)


def _preset_and_reset() -> None:
    blocks.start_from(PRESETS, state.preset_key(), _("a preset experiment …"), state.load_preset)
    st.button(
        _("Reset all settings"),
        icon=":material/restart_alt:",
        on_click=lambda: state.replace(Experiment()),
        width="stretch",
    )


def _control_with_dependents(name: str) -> None:
    control(name)
    dependents(name)


def control(name: str, slot: state.Slot = state.EXPLORE, *, compact: bool = False) -> None:
    """Draw the widget of a field in the current container, if the field applies.

    Args:
        name: the field.
        slot: whose setting it is.
        compact: for a narrow place: no line on what the chosen option does, no sliders over
            whole numbers.
    """
    spec = _spec_of(name, slot)
    if spec is None or not spec.applies(name, state.settings(slot)):
        return
    field = spec.model_fields[name]
    current = state.value(name, field.default, slot)
    place = _Place(name, field, current, slot, compact)
    chosen = _widget(place)(place)
    if name != "architecture" or not _switched(chosen, slot):
        state.store(name, chosen, slot)


def dependents(name: str, slot: state.Slot = state.EXPLORE, *, compact: bool = False) -> None:
    """Draw the widgets of all fields that hang on ``name``, and of those that hang on them."""
    spec = _spec_of(name, slot)
    for dependent in spec.model_fields if spec else ():
        if spec and find_owners(spec).get(dependent) == name:
            control(dependent, slot, compact=compact)
            dependents(dependent, slot, compact=compact)


@dataclass(frozen=True)
class _Place:
    """What a widget is drawn for."""

    name: str
    field: FieldInfo
    current: Any
    slot: state.Slot
    compact: bool

    def common(self, current: Any) -> dict[str, Any]:
        """What all kinds of widgets are given."""
        return {
            "label": _(self.field.title or self.name),
            "help": _(self.field.description or ""),
            "key": state.widget_key(self.name, current, self.slot),
        }


_Widget = Callable[[_Place], Any]


def _widget(place: _Place) -> _Widget:
    field = place.field
    if find_enum(field):
        return _choice
    if field.annotation is bool:
        return _toggle
    if get_origin(field.annotation) is Literal:
        return _numbers
    if place.name == "widths":
        return _widths
    low, high, _excluded = find_bounds(field)
    if field.annotation is int:
        short = (high or 0) - (low or 0) <= SLIDER_RANGE and not place.compact
        return _slider if short else _whole_number
    return _share if (low, high) == (0, 1) else _number


def _choice(place: _Place) -> str:
    enum = find_enum(place.field)
    assert enum is not None
    table = TABLES[enum]
    architecture = state.value("architecture", Architecture.MLP, place.slot)
    code = st.selectbox(
        options=[str(member) for member in list_options(enum, architecture)],
        format_func=lambda code: _(table[code].label),
        **place.common(str(place.current)),
    )
    if not place.compact:
        st.caption(_(table[code].help))
    return str(code)


def _toggle(place: _Place) -> bool:
    return st.toggle(**place.common(bool(place.current)))


def _numbers(place: _Place) -> int:
    chosen: int = st.selectbox(
        options=get_args(place.field.annotation), **place.common(place.current)
    )
    return chosen


def _slider(place: _Place) -> int:
    low, high, _excluded = find_bounds(place.field)
    chosen: int = st.slider(
        min_value=int(low or 0), max_value=int(high or 0), **place.common(int(place.current))
    )
    return chosen


def _whole_number(place: _Place) -> int:
    low, high, _excluded = find_bounds(place.field)
    chosen: int = st.number_input(
        min_value=int(low or 0), max_value=int(high or 0), step=1,
        **place.common(int(place.current)),
    )  # fmt: skip
    return chosen


def _share(place: _Place) -> float:
    chosen: float = st.slider(
        min_value=0.0, max_value=1.0, step=0.01, **place.common(float(place.current))
    )
    return chosen


def _number(place: _Place) -> float:
    low, high, excluded = find_bounds(place.field)
    assert low is not None
    # A number field has no open ends: the smallest number it offers stands for "above 0".
    smallest = low + 1e-9 if excluded else low
    chosen: float = st.number_input(
        min_value=smallest, max_value=high, step=_step(float(place.field.default)), format="%g",
        **place.common(float(place.current)),
    )  # fmt: skip
    return chosen


def _step(default: float) -> float:
    """A tenth of the default's decade, so that the arrows make a visible difference."""
    return 10.0 ** (len(str(int(default))) - 2) if default >= 1 else max(default, 0.1) / 10


def _widths(place: _Place) -> tuple[int | str, ...]:
    text = st.text_input(
        placeholder="750-700-650", **place.common("-".join(map(str, place.current)))
    )
    return codec.parse_widths(text)
