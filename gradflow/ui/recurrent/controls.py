"""The controls of the page on recurrent networks."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gradflow.core.recurrent.settings import TIME_PRESETS
from gradflow.core.recurrent.training import LEARNABLE
from gradflow.core.spec import find_bounds, find_enum
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.recurrent.state import FACTORS, PASS, TRAINING
from gradflow.ui.settings.experiments import Group, draw_group
from gradflow.ui.settings.fields import (
    AnyForm,
    draw_choice,
    draw_fields,
    draw_marks,
    draw_number,
    draw_slider,
    draw_toggle,
)

_CELL = Group(N_("Cell"), ("cell", "layers", "hidden_size"))
_ANY_CELL = Group(_CELL.title, ("layers", "hidden_size"))
_OTHER_GROUPS = (
    Group(N_("Recurrent matrix"), ("recurrent_init", "recurrent_scale")),
    Group(N_("Sequences and loss"), ("source", "loss_at", "batch_size", "seed")),
    Group(N_("Precision and device"), ("dtype", "device"), expanded=False),
)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)
_SCALES = (
    *(0.0, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99),
    *(1.0, 1.01, 1.05, 1.1, 1.2, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0),
)
_THRESHOLDS = (1e-6, 1e-5, 1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0, 1e6)
_MARKS: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(("hidden_size", "batch_size", "features"), _SIZES),
    **dict.fromkeys(("recurrent_gain", "spectral_radius", "gain"), _SCALES),
    **dict.fromkeys(("clip_norm", "clip_value"), _THRESHOLDS),
    "learning_rate": (1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
}
"""Fields whose sliders go over these values, as far as the field allows them."""
_TRAINING_STEPS = (10, 20, 50, 100, 200, 300, 500, 1000, 2000)


def draw_pass(draw_own: Callable[[], None]) -> None:
    """Draw the settings of one pass in the current container.

    Args:
        draw_own: draws what the view has besides.
    """
    blocks.draw_presets(PASS, TIME_PRESETS, _("an example …"))
    draw_own()
    _draw_groups(_CELL)


def draw_any_cell() -> None:
    """Draw the settings of one pass of every cell in the current container."""
    draw_slider(PASS, "compared_bias", step=0.5)
    draw_layer()
    _draw_groups(_ANY_CELL)


def draw_layer() -> None:
    """Draw the choice of the layer that is shown, if there are several."""
    draw_slider(PASS, "layer", high=PASS.read_value("layers"))


def draw_thresholds() -> None:
    """Draw the thresholds of clipping in the current container."""
    draw_fields(PASS, ("clip_norm", "clip_value"), draw=draw_setting)


def _draw_groups(cell: Group) -> None:
    for group in (cell, *_OTHER_GROUPS):
        draw_group(PASS, group, key=f"recurrent_{group.title}", draw=draw_setting)


def draw_factors() -> None:
    """Draw the settings of the paths back in the current container."""
    draw_slider(FACTORS, "steps")
    draw_slider(FACTORS, "branch_scale", step=0.05)
    names = ("forget_bias", "gain", "hidden_size", "batch_size", "seed")
    draw_fields(FACTORS, names, draw=draw_setting)


def draw_training() -> None:
    """Draw the settings of a short training in the current container."""
    draw_choice(TRAINING, "source", {str(code): row.label for code, row in LEARNABLE.items()})
    draw_slider(TRAINING, "length")
    with st.container(horizontal=True):
        for name in ("rnn_tanh", "rnn_relu", "lstm", "gru"):
            draw_toggle(TRAINING, name)
    draw_fields(TRAINING, ("forget_bias", "hidden_size"), draw=draw_setting)
    draw_marks(TRAINING, "steps", _TRAINING_STEPS)
    names = ("learning_rate", "clip_norm", "batch_size", "seed")
    draw_fields(TRAINING, names, draw=draw_setting)


def draw_setting(form: AnyForm, name: str) -> None:
    """Draw the widget of a field if it applies; the kind follows from the field."""
    if find_enum(form.find_field(name)):
        draw_choice(form, name)
    elif name == "seed":
        draw_number(form, name)
    elif name in _MARKS:
        low, high, _excluded = find_bounds(form.find_field(name))
        assert low is not None
        assert high is not None
        draw_marks(form, name, [mark for mark in _MARKS[name] if low <= mark <= high])
    else:
        draw_slider(form, name, step=0.5)
