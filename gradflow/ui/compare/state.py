"""The part of the session that belongs to the Compare page; see ``state``.

Each letter in use has a Column in one dictionary, and, unless it is a file without a setting, a
slot of settings of its own.
"""

from __future__ import annotations

from dataclasses import replace as changed
from typing import Any

import streamlit as st

from gradflow.core import codec
from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare.settings import LETTERS, REFERENCE, Column
from gradflow.ui.state import Slot, last_valid, replace, settings, tolerant

_COMPARE, _COMPARE_URL, _COMPARE_VALID = "compare", "compare_url", "compare_valid"
_ADD_PRESET, _UPLOADS, _REFUSED = "add_preset", "uploads", "refused_files"


def compared(letter: str) -> Slot:
    """The slot of a column."""
    return Slot(f"compared_{letter}", f"compare_{letter}_")


def load_comparison() -> None:
    """Take the columns from the URL, or at first the setting of Explore as the reference."""
    query = st.query_params.to_dict()
    named = {letter: query[letter] for letter in LETTERS if letter in query}
    known = _COMPARE in st.session_state
    if known and (not named or query == st.session_state[_COMPARE_URL]):
        return
    st.session_state[_COMPARE] = {}
    st.session_state[_COMPARE_VALID] = {}
    st.session_state[_COMPARE_URL] = {}
    if REFERENCE not in named:
        put_column(REFERENCE, Column(), last_valid())
    for letter, text in named.items():
        own = compare_settings.from_text(text)
        reference = {} if letter == REFERENCE else codec.to_query(valid(REFERENCE))
        alone = letter != REFERENCE and compare_settings.stands_alone(own, reference)
        shared = compare_settings.joined({}, reference)
        experiment, problem = tolerant(shared | own)
        name = query.get(f"{letter}_name", "")[:MAX_NAME]
        put_column(letter, Column(name=name, alone=alone), experiment)
        st.session_state[compared(letter).problem] = problem


MAX_NAME = 40
"""Characters of a column's name."""


def columns() -> dict[str, Column]:
    """The columns by letter, in order."""
    found: dict[str, Column] = st.session_state[_COMPARE]
    return {letter: found[letter] for letter in LETTERS if letter in found}


def free_letters() -> list[str]:
    """Letters that are not in use."""
    return [letter for letter in LETTERS if letter not in st.session_state[_COMPARE]]


def put_column(letter: str, column: Column, experiment: Experiment | None) -> None:
    """Set a column; its controls show ``experiment``."""
    remove_column(letter)
    st.session_state[_COMPARE][letter] = column
    if experiment is not None:
        replace(experiment, compared(letter))
        st.session_state[_COMPARE_VALID][letter] = experiment


def change_column(letter: str, **changes: Any) -> None:
    """Change fields of a column."""
    st.session_state[_COMPARE][letter] = changed(st.session_state[_COMPARE][letter], **changes)


def remove_column(letter: str) -> None:
    """Forget a column and what its widgets say."""
    slot = compared(letter)
    for kept in (_COMPARE, _COMPARE_VALID):
        st.session_state[kept].pop(letter, None)
    for key in list(st.session_state):
        if str(key) in (slot.key, slot.problem) or str(key).startswith(slot.widgets):
            del st.session_state[key]


def valid(letter: str) -> Experiment:
    """The last setting of a column that was possible."""
    experiment: Experiment = st.session_state[_COMPARE_VALID][letter]
    return experiment


def share(letter: str, reference: Experiment) -> None:
    """Give a column the data, loss, seed and the like of the reference."""
    slot = compared(letter)
    fields = codec.to_fields(reference)
    st.session_state[slot.key] = compare_settings.joined(settings(slot), fields)


def settled_column(letter: str, experiment: Experiment) -> None:
    """Remember the setting that a column shows."""
    st.session_state[_COMPARE_VALID][letter] = experiment


def settled_comparison(query: dict[str, str]) -> None:
    """Let the URL carry the columns."""
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_COMPARE_URL] = query


def name_key(letter: str) -> str:
    """The key of the widget for a column's name, prepared to show it."""
    key = f"{compared(letter).widgets}name"
    if key not in st.session_state:
        st.session_state[key] = columns()[letter].name
    return key


def preset_key_of(letter: str) -> str:
    """The key of a column's preset widget, which always waits for a choice."""
    key = f"{compared(letter).widgets}preset"
    st.session_state[key] = None
    return key


def load_column_preset(letter: str) -> None:
    """Callback of a column's preset widget."""
    if code := st.session_state[f"{compared(letter).widgets}preset"]:
        put_column(letter, Column(), PRESETS[code].experiment)


def add_preset_key() -> str:
    """The key of the widget that adds a preset, which always waits for a choice."""
    st.session_state[_ADD_PRESET] = None
    return _ADD_PRESET


def add_preset() -> None:
    """Callback of the widget that adds a preset."""
    if code := st.session_state[_ADD_PRESET]:
        put_column(free_letters()[0], Column(), PRESETS[code].experiment)


def uploads_key() -> str:
    """The key of the upload widget; a new one once its files have been taken."""
    return f"{_UPLOADS}_{st.session_state.setdefault(_UPLOADS, 0)}"


def uploads_taken(refused: list[str]) -> None:
    """Empty the upload widget, and remember why some of its files were refused."""
    st.session_state[_UPLOADS] += 1
    st.session_state[_REFUSED] = refused


def refused_files() -> list[str]:
    """Why files of the last upload were refused; said once."""
    return list(st.session_state.pop(_REFUSED, []))
