"""The only file that touches ``st.session_state`` and the query parameters.

Settings live in one flat dictionary per session, and in the URL. Streamlit forgets the state of
a widget that is not drawn, so the dictionary, not the widgets, is what is kept: a widget is given
its value from there before it is drawn, and hands it back after. Streamlit's own binding of
widgets to the URL is not used, because it writes translated labels instead of stable codes and
replaces forged values silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any

import streamlit as st

from gradflow.core import codec
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS
from gradflow.core.remedies import Ranking
from gradflow.core.verdict import Verdict
from gradflow.ui import compare_settings
from gradflow.ui.compare_settings import LETTERS, REFERENCE, Column

_URL = "url"
_LAST_VALID = "last_valid"
_PRESET = "preset"
_LAYER = "layer"
_CURES = "cures"
_VERDICT = "verdict"


@dataclass(frozen=True)
class Slot:
    """One set of settings in the session.

    Attributes:
        key: where the settings lie.
        widgets: what the keys of their widgets begin with.
    """

    key: str
    widgets: str

    @property
    def problem(self) -> str:
        """Where a complaint about the URL lies."""
        return f"{self.key}_problem"


EXPLORE = Slot("settings", "setting_")


def load() -> None:
    """Take the settings from the URL when the session starts and when the URL was changed."""
    query = st.query_params.to_dict()
    if EXPLORE.key in st.session_state and query == st.session_state.get(_URL):
        return
    if EXPLORE.key in st.session_state and not query:
        return  # another page's link, or a reset URL: keep what the user has set
    experiment, problem = _tolerant(query)
    replace(experiment)
    st.session_state[EXPLORE.problem] = problem


def _tolerant(query: dict[str, str]) -> tuple[Experiment, str]:
    """The experiment of a URL; what is impossible in it is dropped and reported."""
    problems: list[str] = []
    while True:
        try:
            return codec.from_query(query), "\n".join(problems)
        except InvalidExperiment as error:
            problems.append(str(error))
            bad = [name for name in error.fields if name in query]
            query = {name: text for name, text in query.items() if name not in bad} if bad else {}


def url_problem(slot: Slot = EXPLORE) -> str:
    """What was wrong with the URL, until the next setting is changed."""
    return str(st.session_state.get(slot.problem, ""))


def replace(experiment: Experiment, slot: Slot = EXPLORE) -> None:
    """Make every control of a slot show ``experiment``."""
    st.session_state[slot.problem] = ""
    st.session_state[slot.key] = codec.to_fields(experiment)
    for key in list(st.session_state):
        if str(key).startswith(slot.widgets):
            del st.session_state[key]


def value(name: str, default: Any, slot: Slot = EXPLORE) -> Any:
    """The current value of a setting."""
    return st.session_state[slot.key].get(name, default)


def settings(slot: Slot = EXPLORE) -> dict[str, Any]:
    """All settings as they stand, valid or not."""
    return dict(st.session_state[slot.key])


def widget_key(name: str, current: Any, slot: Slot = EXPLORE) -> str:
    """The key of the widget of a setting, prepared to show ``current``."""
    key = slot.widgets + name
    if key not in st.session_state:
        st.session_state[key] = current
    return key


def store(name: str, new: Any, slot: Slot = EXPLORE) -> None:
    """Keep what a widget says."""
    if st.session_state[slot.key].get(name) != new:
        st.session_state[slot.key][name] = new
        st.session_state[slot.problem] = ""


def settled(experiment: Experiment) -> None:
    """Remember a valid experiment, and let the URL carry it."""
    st.session_state[_LAST_VALID] = experiment
    query = codec.to_query(experiment)
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_URL] = query


def last_valid() -> Experiment:
    """The last experiment that could be run."""
    return st.session_state.get(_LAST_VALID) or Experiment()


def preset() -> str | None:
    """The code of the preset whose settings are the current ones, if any."""
    try:
        current = codec.from_fields(settings())
    except InvalidExperiment:
        return None
    return next((code for code, p in PRESETS.items() if p.experiment == current), None)


def preset_key() -> str:
    """The key of the preset widget, prepared to show the preset in force."""
    st.session_state[_PRESET] = preset()
    return _PRESET


def load_preset() -> None:
    """Callback of the preset widget."""
    if code := st.session_state[_PRESET]:
        replace(PRESETS[code].experiment)


def layer_key(layers: int) -> str:
    """The key of the layer widget, prepared for a network of so many layers."""
    st.session_state[_LAYER] = chosen_layer(layers) or 1
    return _LAYER


def chosen_layer(layers: int) -> int | None:
    """The layer that was chosen last, if any, in a network of so many layers."""
    layer = st.session_state.get(_LAYER)
    return None if layer is None else min(int(layer), layers)


def layer_clicked(figure_key: str) -> None:
    """Callback of the Flow figure: show the layer that was clicked."""
    points = st.session_state[figure_key]["selection"]["points"]
    if points:
        chosen = points[0]["customdata"]
        st.session_state[_LAYER] = int(chosen[0] if isinstance(chosen, list) else chosen)


def keep_cures(experiment: Experiment, ranking: Ranking) -> None:
    """Remember what the cures did for an experiment; only the last one's are kept."""
    st.session_state[_CURES] = (codec.to_query(experiment), ranking)


def kept_cures(experiment: Experiment) -> Ranking | None:
    """What the cures did for this experiment, if they were tried on it last."""
    query, ranking = st.session_state.get(_CURES, (None, None))
    return ranking if query == codec.to_query(experiment) else None


def verdict_key() -> str:
    """The key of the choice of a verdict on the page of diagnoses; the URL has the last word."""
    asked = about() or str(st.session_state.get(_VERDICT))
    st.session_state[_VERDICT] = Verdict(asked) if asked in set(Verdict) else Verdict.VANISHING
    return _VERDICT


def about() -> str:
    """What verdict the URL asks for, if any; it may be forged."""
    return str(st.query_params.get("about", ""))


def verdict_chosen() -> None:
    """Callback of that choice."""
    st.query_params["about"] = str(st.session_state[_VERDICT])


# --- Compare ------------------------------------------------------------------------------------
#
# Each letter in use has a Column in one dictionary, and, unless it is a file without a setting, a
# slot of settings of its own.

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
        experiment, problem = _tolerant(shared | own)
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
