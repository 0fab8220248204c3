"""What the Compare page keeps: a column per letter in use, each with a form of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gradflow.core import codec
from gradflow.core.experiment import Experiment
from gradflow.core.text import Text
from gradflow.ui.compare import settings as compare_settings
from gradflow.ui.compare.rival import find_rival
from gradflow.ui.compare.settings import LETTERS, REFERENCE, Column
from gradflow.ui.explore.state import EXPLORE, find_cures
from gradflow.ui.settings.codecs import EXPERIMENTS
from gradflow.ui.settings.experiments import make_experiment_form
from gradflow.ui.settings.link import Link, join_names, parse_link
from gradflow.ui.settings.page import Address
from gradflow.ui.settings.state import SessionValue, read_widget, show_in_widget

FORMS = {letter: make_experiment_form(f"compare_{letter}") for letter in LETTERS}
ADDRESS = Address("compare")
MAX_NAME = 40
"""Characters of a column's name."""
_COLUMNS: SessionValue[dict[str, Column]] = SessionValue("compare_columns", dict)
_EDITED: SessionValue[str] = SessionValue("compare_edited", lambda: REFERENCE)
"""The setting whose controls are shown."""


def load_comparison() -> None:
    """Take the columns from the URL, or at first the setting of Explore, and a rival of it."""
    query = ADDRESS.read_change([*LETTERS, *map(name_parameter, LETTERS)])
    if query is None:
        return
    columns = {letter: query[letter] for letter in LETTERS if letter in query}
    if _COLUMNS.is_set() and not columns:
        return
    _COLUMNS.set({})
    explored = EXPLORE.read_last_valid()
    if not columns and (rival := find_rival(explored, find_cures(explored))) is not None:
        put_column(LETTERS[1], Column(), rival)
    if REFERENCE not in columns:
        put_column(REFERENCE, Column(), explored)
    for letter, text in columns.items():
        own = compare_settings.from_text(text)
        reference = (
            {} if letter == REFERENCE else codec.to_query(FORMS[REFERENCE].read_last_valid())
        )
        alone = letter != REFERENCE and compare_settings.stands_alone(own, reference)
        name = query.get(name_parameter(letter), "")[:MAX_NAME]
        put_column(letter, Column(name=name, alone=alone), None)
        shared = compare_settings.select_shared(reference)
        FORMS[letter].load_link(_name_unknown(own, parse_link(EXPERIMENTS, own, shared)))


def _name_unknown(own: Mapping[str, str], link: Link[Experiment]) -> Link[Experiment]:
    """Add to the problems of a column's text what is no setting: nobody appends to that text."""
    unknown = [name for name in own if name not in EXPERIMENTS.list_names()]
    if not unknown:
        return link
    problem = Text("{names}: there is no such setting here", names=join_names(unknown))
    return Link(link.settings, (problem, *link.problems))


def name_parameter(letter: str) -> str:
    """Write the URL parameter with a column's name."""
    return f"{letter}_name"


def list_columns() -> dict[str, Column]:
    """List the columns by letter, in order."""
    columns = _COLUMNS.get()
    return {letter: columns[letter] for letter in LETTERS if letter in columns}


def list_free_letters() -> list[str]:
    """List the letters that are not in use."""
    return [letter for letter in LETTERS if letter not in _COLUMNS.get()]


def put_column(letter: str, column: Column, experiment: Experiment | None) -> None:
    """Set a column; its widgets show ``experiment``, if given, and it is to be changed next."""
    _EDITED.set(letter)
    _COLUMNS.set(_COLUMNS.get() | {letter: column})
    if experiment is not None:
        FORMS[letter].replace(experiment)


def change_column(letter: str, **changes: Any) -> None:
    """Change fields of a column."""
    columns = _COLUMNS.get()
    _COLUMNS.set(columns | {letter: replace(columns[letter], **changes)})


def rename_column(letter: str, key: str) -> None:
    """Give a column the name in the widget of this key."""
    change_column(letter, name=read_widget(key) or "")


def remove_column(letter: str) -> None:
    """Remove a column."""
    _COLUMNS.set({other: c for other, c in _COLUMNS.get().items() if other != letter})


def find_edited() -> str:
    """Find the letter of the setting whose controls are shown."""
    return _EDITED.get() if _EDITED.get() in _COLUMNS.get() else REFERENCE


def bind_edited() -> dict[str, Any]:
    """Prepare the choice of the setting whose controls are shown."""
    key = "compare_edited_widget"
    show_in_widget(key, find_edited())
    return {"key": key, "on_change": lambda: _EDITED.set(read_widget(key))}
