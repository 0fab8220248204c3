"""Widgets of the page on recurrent networks, made from the fields of its specs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from gradflow.core.catalog import TABLES
from gradflow.core.recurrent.settings import TIME_PRESETS
from gradflow.core.recurrent.training import LEARNABLE
from gradflow.core.spec import find_bounds, find_enum
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.recurrent import state
from gradflow.ui.recurrent.state import VIEWS, View
from gradflow.ui.views.controls import Controls

TITLES: dict[str, str] = {
    View.TIME: N_("Through time"),
    View.GATES: N_("Gates"),
    View.CELLS: N_("Cells side by side"),
    View.FACTORS: N_("A factor of one"),
    View.CLIPPING: N_("Clipping"),
    View.TRAINING: N_("Training"),
}
GROUPS: tuple[tuple[str, bool, tuple[str, ...]], ...] = (
    (N_("Cell"), True, ("cell", "forget_bias", "layers", "hidden_size")),
    (
        N_("Recurrent matrix"), True,
        ("recurrent_init", "recurrent_scale", "recurrent_gain", "spectral_radius"),
    ),
    (N_("Sequences and loss"), True,
     ("source", "length", "features", "recall", "loss_at", "batch_size", "seed")),
    (N_("Precision and device"), False, ("dtype", "device")),
)  # fmt: skip
_SCALES = (0.0, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 1.0, 1.01, 1.05, 1.1, 1.2, 1.5, 2.0, 2.5, 3.0,
           5.0, 10.0)  # fmt: skip
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
_SMALL = (1e-6, 1e-5, 1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, 1e6)
MARKS: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(("hidden_size", "batch_size", "features"), _SIZES),
    **dict.fromkeys(("recurrent_gain", "spectral_radius", "gain"), _SCALES),
    **dict.fromkeys(("clip_norm", "clip_value"), _SMALL),
    "learning_rate": (1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
    "steps": (10, 20, 50, 100, 200, 300, 500, 1000, 2000),
}
"""Sliders over these values, as far as the field allows them."""
STEPS = {"branch_scale": 0.05}
"""Of sliders over fractions; half a unit unless said here."""


def draw(view: str) -> None:
    """Draw the settings of a view in the current container."""
    if view == View.FACTORS:
        Controls(VIEWS, view).slider("steps")
        for name in ("branch_scale", "forget_bias", "gain", "hidden_size", "batch_size", "seed"):
            widget(view, name)
    elif view == View.TRAINING:
        _training()
    else:
        _pass(view)


def _pass(view: str) -> None:
    if view != View.CELLS:
        blocks.start_from(TIME_PRESETS, state.preset_key(), _("an example …"), state.load_preset)
    for title, expanded, names in GROUPS:
        box = st.expander(_(title), expanded=expanded, key=f"recurrent_{title}", on_change="rerun")
        if box.open:  # what is not seen is not sent
            with box:
                for name in names:
                    if not (view == View.CELLS and name in ("cell", "forget_bias")):
                        widget(view, name)


def _training() -> None:
    view = View.TRAINING
    Controls(VIEWS, view).select("source", {code: row.label for code, row in LEARNABLE.items()})
    widget(view, "length")
    st.markdown(_("Cells"))
    for name in ("rnn_tanh", "rnn_relu", "lstm", "gru"):
        widget(view, name)
    for name in ("forget_bias", "hidden_size", "steps", "learning_rate", "clip_norm",
                 "batch_size", "seed"):  # fmt: skip
        widget(view, name)


def widget(view: str, name: str) -> None:
    """The widget of a field, if it applies: what kind follows from the field."""
    field = VIEWS.specs[view].model_fields[name]
    controls = Controls(VIEWS, view)
    enum = find_enum(field)
    if enum is not None:
        controls.select(name, {code: row.label for code, row in TABLES[enum].items()})
    elif field.annotation is bool:
        controls.toggle(name)
    elif name == "seed":
        new = st.number_input(step=1, **_range(view, name), **place(view, name))
        VIEWS.store(view, name, new)
    elif name in MARKS:
        low, high = _range(view, name).values()
        controls.marks(name, [mark for mark in MARKS[name] if low <= mark <= high])
    else:
        controls.slider(name, STEPS.get(name, 0.5))


def _range(view: str, name: str) -> dict[str, Any]:
    field = VIEWS.specs[view].model_fields[name]
    low, high, _excluded = find_bounds(field)
    assert low is not None
    assert high is not None
    kind: Callable[[float], float] = int if field.annotation is int else float
    return {"min_value": kind(low), "max_value": kind(high)}


def up_to(view: str, name: str, high: int) -> None:
    """A slider from a whole field's least value to ``high``; none if that is all there is."""
    low = int(_range(view, name)["min_value"])
    if high > low:
        key = state.prepared_key(view, name, min(VIEWS.values(view)[name], high))
        new = st.slider(min_value=low, max_value=high, **place(view, name) | {"key": key})
        VIEWS.store(view, name, new)


def one_of(view: str, name: str, labels: Mapping[str, str], shown: str) -> None:
    """The choice of one of a few options; ``shown``: the one in force."""
    key = state.prepared_key(view, name, shown)
    new = st.segmented_control(
        options=list(labels), required=True, format_func=lambda code: labels[code],
        **place(view, name) | {"key": key},
    )  # fmt: skip
    VIEWS.store(view, name, new)


def place(view: str, name: str) -> dict[str, Any]:
    """What all kinds of widgets are given."""
    field = VIEWS.specs[view].model_fields[name]
    return {
        "label": _(field.title or name),
        "help": _(field.description or ""),
        "key": VIEWS.widget_key(view, name),
    }
