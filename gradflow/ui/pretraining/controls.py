"""The controls of the page on pretraining."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gradflow.core.catalog import ACTIVATIONS
from gradflow.core.numbers import format_number
from gradflow.core.pretraining.digits import TRAINING
from gradflow.core.pretraining.presets import PRETRAINING_PRESETS
from gradflow.core.pretraining.spec import METHODS, STACK_ACTIVATIONS, STARTS, Start
from gradflow.core.text import N_, _
from gradflow.ui import blocks
from gradflow.ui.pretraining.state import PAGE, STACK, TRANSFER, TUNING, PretrainingView
from gradflow.ui.settings.fields import (
    AnyForm,
    draw_buttons,
    draw_marks,
    draw_slider,
    draw_toggle,
)
from gradflow.ui.settings.form import Conversion

_RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_DEVIATIONS = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_WIDTHS = (8, 16, 32, 64, 100, 128)
_BATCHES = (10, 20, 50, 100, 200)
_LABELLED = (20, 50, 100, 200, 500, TRAINING)
_STEPS = (50, 100, 200, 300, 500, 1000, 2000)
_CHOSEN_STARTS = Conversion(
    to_widget=lambda starts: [str(start) for start in starts],
    from_widget=lambda codes, _starts: tuple(codes),
)
TASKS = {"noisy": N_("the same, noisy"), "others": N_("the other digits")}
_CHOSEN_DIGITS = Conversion(to_widget=list, from_widget=lambda digits, _first: "".join(digits))


def draw_controls() -> None:
    """Draw all controls of the view in the current container."""
    presets = {code: PRETRAINING_PRESETS[code] for code in PAGE.form.presets}
    blocks.draw_presets(PAGE.form, presets, _("an example …"))
    if PAGE.view == PretrainingView.LAYERS:
        _draw_stack(STACK)
    elif PAGE.view == PretrainingView.TUNING:
        _draw_tuning()
    else:
        _draw_transfer()


def _draw_stack(form: AnyForm) -> None:
    draw_buttons(form, "method", {code: row.label for code, row in METHODS.items()})
    draw_slider(form, "layers")
    _draw_marks(form, "width", _WIDTHS)
    draw_slider(form, "k")
    draw_toggle(form, "sampled")
    _draw_activation(form)
    draw_slider(form, "epochs")
    _draw_marks(form, "learning_rate", _RATES)
    _draw_marks(form, "batch_size", _BATCHES)
    draw_slider(form, "seed")


def _draw_tuning() -> None:
    st.pills(
        options=[str(start) for start in Start],
        selection_mode="multi",
        format_func=lambda code: _(STARTS[Start(code)].label),
        **TUNING.bind("starts", _CHOSEN_STARTS),
    )
    _draw_marks(TUNING, "steps", _STEPS)
    _draw_marks(TUNING, "tuning_rate", _RATES)
    _draw_marks(TUNING, "small_std", _DEVIATIONS)
    _draw_marks(TUNING, "labelled", _LABELLED)
    draw_slider(TUNING, "seeds")
    box = st.expander(_("The stack"), key="pretraining_stack_box", on_change="rerun")
    if box.open:
        with box:
            _draw_stack(TUNING)


def _draw_transfer() -> None:
    draw_buttons(TRANSFER, "task", TASKS)
    st.pills(
        options=list("0123456789"),
        selection_mode="multi",
        **TRANSFER.bind("first", _CHOSEN_DIGITS),
    )
    draw_slider(TRANSFER, "layers")
    draw_slider(TRANSFER, "reused", high=TRANSFER.read_value("layers"))
    _draw_marks(TRANSFER, "width", _WIDTHS)
    _draw_activation(TRANSFER)
    _draw_marks(TRANSFER, "steps", _STEPS)
    _draw_marks(TRANSFER, "learning_rate", _RATES)
    draw_slider(TRANSFER, "seeds")
    draw_slider(TRANSFER, "seed")


def _draw_activation(form: AnyForm) -> None:
    draw_buttons(form, "activation", {code: ACTIVATIONS[code].label for code in STACK_ACTIVATIONS})


def _draw_marks(form: AnyForm, name: str, marks: Sequence[float]) -> None:
    is_whole = form.find_field(name).annotation is int
    draw_marks(form, name, marks, format_func=str if is_whole else format_number)
