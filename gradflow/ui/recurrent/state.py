"""The part of the session that belongs to the page on recurrent networks; see ``ui.views``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import streamlit as st

from gradflow.core.catalog import Cell
from gradflow.core.errors import InvalidExperiment
from gradflow.core.recurrent.factors import FactorSettings
from gradflow.core.recurrent.settings import TIME_PRESETS, TimePass
from gradflow.core.recurrent.training import Moment, ShortTraining, TrainedCell
from gradflow.ui import state
from gradflow.ui.state import Slot
from gradflow.ui.views.state import Views


class View(StrEnum):
    """What the page shows."""

    TIME = "time"
    GATES = "gates"
    CELLS = "cells"
    FACTORS = "factors"
    CLIPPING = "clipping"
    TRAINING = "training"


@dataclass(frozen=True)
class SharedViews(Views):
    """Views whose specs are of one class share their settings."""

    def slot(self, view: str) -> Slot:
        """Where the settings of a view lie."""
        name = f"{self.page}_{self.specs[view].__name__}"
        return Slot(name, f"{name}_")


VIEWS = SharedViews(
    "recurrent",
    {
        View.TIME: TimePass,
        View.GATES: TimePass,
        View.CELLS: TimePass,
        View.FACTORS: FactorSettings,
        View.CLIPPING: TimePass,
        View.TRAINING: ShortTraining,
    },
)
_PRESET = "recurrent_preset"
_BEGUN, _STOPPED = "recurrent_begun", "recurrent_stopped"
_TRAINED = "recurrent_trained"


def adopt(view: str) -> None:
    """Take settings over from widgets that are drawn only later in this run."""
    slot = VIEWS.slot(view)
    for name, new in state.widget_values(slot):
        if name in VIEWS.specs[view].model_fields:
            VIEWS.store(view, name, new)


def passed(view: str) -> TimePass:
    """The pass that is set.

    Raises:
        InvalidExperiment: the settings are impossible together.
    """
    spec = VIEWS.spec(view)
    assert isinstance(spec, TimePass)
    return spec


def prepared_key(view: str, name: str, shown: Any) -> str:
    """The key of the widget of a field, prepared to show ``shown``."""
    key = VIEWS.widget_key(view, name)
    st.session_state[key] = shown
    return key


def preset() -> str | None:
    """The code of the preset whose experiment is the current one, if any."""
    try:
        current = passed(View.TIME).experiment
    except InvalidExperiment:
        return None
    return next((n for n, one in TIME_PRESETS.items() if one.settings.experiment == current), None)


def preset_key() -> str:
    """The key of the preset widget, prepared to show the preset in force."""
    st.session_state[_PRESET] = preset()
    return _PRESET


def load_preset() -> None:
    """Callback of the preset widget."""
    if code := st.session_state[_PRESET]:
        state.replace_fields(dict(TIME_PRESETS[code].settings), VIEWS.slot(View.TIME))


def choose_cell(cell: Cell) -> None:
    """Callback of a button that changes the cell."""
    slot = VIEWS.slot(View.TIME)
    state.replace_fields(state.settings(slot) | {"cell": cell}, slot)


def begin() -> None:
    """Callback of the button that starts the training of the settings as they stand."""
    st.session_state[_BEGUN] = _settings()
    st.session_state[_STOPPED] = False
    st.session_state[_TRAINED] = {}


def stop() -> None:
    """Callback of the button that ends it; what was trained so far is kept."""
    st.session_state[_STOPPED] = True


def _settings() -> str:
    return VIEWS.spec(View.TRAINING).model_dump_json()


def begun() -> bool:
    """Whether the training of the settings as they stand was asked for."""
    return bool(st.session_state.get(_BEGUN) == _settings())


def elsewhere() -> bool:
    """Whether there are results of other settings."""
    return not begun() and bool(st.session_state.get(_TRAINED))


def stopped() -> bool:
    """Whether it was stopped."""
    return bool(st.session_state.get(_STOPPED))


def keep(cell: Cell, moments: Sequence[Moment]) -> None:
    """Remember how far the training of a cell came."""
    st.session_state[_TRAINED][cell] = tuple(moments)


def trained() -> list[TrainedCell]:
    """What was trained so far, if it has begun."""
    spec = VIEWS.spec(View.TRAINING)
    assert isinstance(spec, ShortTraining)
    found = st.session_state.get(_TRAINED, {}) if begun() else {}
    return [TrainedCell(cell, found[cell]) for cell in spec.cells if found.get(cell)]
