"""The only file that touches ``st.session_state`` and the query parameters.

Settings live in one flat dictionary per session, and in the URL. Streamlit forgets the state of
a widget that is not drawn, so the dictionary, not the widgets, is what is kept: a widget is given
its value from there before it is drawn, and hands it back after. Streamlit's own binding of
widgets to the URL is not used, because it writes translated labels instead of stable codes and
replaces forged values silently.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core import codec
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS

_SETTINGS = "settings"
_URL = "url"
_PROBLEM = "url_problem"
_LAST_VALID = "last_valid"
_PRESET = "preset"
_LAYER = "layer"
_WIDGET = "setting_"


def load() -> None:
    """Take the settings from the URL when the session starts and when the URL was changed."""
    query = st.query_params.to_dict()
    if _SETTINGS in st.session_state and query == st.session_state.get(_URL):
        return
    if _SETTINGS in st.session_state and not query:
        return  # another page's link, or a reset URL: keep what the user has set
    experiment, problem = _tolerant(query)
    replace(experiment)
    st.session_state[_PROBLEM] = problem


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


def url_problem() -> str:
    """What was wrong with the URL, until the next setting is changed."""
    return str(st.session_state.get(_PROBLEM, ""))


def replace(experiment: Experiment) -> None:
    """Make every control show ``experiment``."""
    st.session_state[_PROBLEM] = ""
    st.session_state[_SETTINGS] = codec.to_fields(experiment)
    for key in list(st.session_state):
        if str(key).startswith(_WIDGET):
            del st.session_state[key]


def value(name: str, default: Any) -> Any:
    """The current value of a setting."""
    return st.session_state[_SETTINGS].get(name, default)


def settings() -> dict[str, Any]:
    """All settings as they stand, valid or not."""
    return dict(st.session_state[_SETTINGS])


def widget_key(name: str, current: Any) -> str:
    """The key of the widget of a setting, prepared to show ``current``."""
    key = _WIDGET + name
    if key not in st.session_state:
        st.session_state[key] = current
    return key


def store(name: str, new: Any) -> None:
    """Keep what a widget says."""
    if st.session_state[_SETTINGS].get(name) != new:
        st.session_state[_SETTINGS][name] = new
        st.session_state[_PROBLEM] = ""


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
