"""The part of the session that belongs to the page of descents; see ``state``."""

from __future__ import annotations

from typing import Any

import streamlit as st

from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.descent_presets import PRESETS
from gradflow.core.teaching.fields import to_query
from gradflow.core.teaching.optimizers import DescentOptimizer
from gradflow.core.teaching.surfaces import SURFACES, Surface
from gradflow.ui.forged import made

_DESCENT, _URL, _PROBLEM = "descent", "descent_url", "descent_problem"
_WIDGET = "descent_set_"
FIRST = "vanishing"
"""The preset that the page opens with."""


def load() -> None:
    """Take the settings from the URL when the session starts and when the URL was changed."""
    query = st.query_params.to_dict()
    known = _DESCENT in st.session_state
    if known and (not query or query == st.session_state.get(_URL)):
        return
    descent, problems = PRESETS[FIRST].descent, list[str]()
    if query:
        descent, (problems, _used) = made(
            lambda texts: Descent(**texts), query, Descent.model_fields
        )
    st.session_state[_DESCENT], st.session_state[_PROBLEM] = descent, "\n".join(problems)


def current() -> Descent:
    """The settings as they stand; always possible ones."""
    descent: Descent = st.session_state[_DESCENT]
    return descent


def problem() -> str:
    """What was wrong with the URL, until the next setting is changed."""
    return str(st.session_state[_PROBLEM])


def settled() -> None:
    """Let the URL carry the settings."""
    query = to_query(current())
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_URL] = query


def key(name: str, value: Any) -> str:
    """The key of a widget, prepared to show ``value``."""
    st.session_state[_WIDGET + name] = value
    return _WIDGET + name


def _set(descent: Descent) -> None:
    st.session_state[_DESCENT], st.session_state[_PROBLEM] = descent, ""


def _change(**settings: Any) -> None:
    _set(Descent(**dict(current()) | settings))


def changed(name: str) -> None:
    """Callback of the widget of a field that stands for itself."""
    _change(**{name: st.session_state[_WIDGET + name]})


def surface_changed() -> None:
    """Callback of the choice of a loss: start, shape and learning rate become its own."""
    surface = Surface(st.session_state[_WIDGET + "surface"])
    _change(surface=surface, start=(), shape=None, learning_rate=None)


def coordinate_changed(axis: int) -> None:
    """Callback of the slider of one coordinate of the start."""
    start = list(current().start)
    start[axis] = float(st.session_state[f"{_WIDGET}start_{axis}"])
    _change(start=tuple(start))


def start_chosen() -> None:
    """Callback of the choice of a named start."""
    chosen = st.session_state[_WIDGET + "named_start"]
    if chosen is not None:
        _change(start=SURFACES[current().surface].starts[chosen].point)


def optimizers_changed() -> None:
    """Callback of the choice of rules; those that stay keep their multiplier."""
    kept = dict(zip(current().optimizers, current().multipliers, strict=True))
    chosen = st.session_state[_WIDGET + "optimizers"]
    optimizers = tuple(one for one in DescentOptimizer if one in chosen)
    if optimizers:
        multipliers = tuple(kept.get(one, 1.0) for one in optimizers)
        _change(optimizers=optimizers, multipliers=multipliers)


def multiplier_changed(place: int) -> None:
    """Callback of the multiplier of one rule."""
    multipliers = list(current().multipliers)
    multipliers[place] = float(st.session_state[f"{_WIDGET}multiplier_{place}"])
    _change(multipliers=tuple(multipliers))


def preset() -> str | None:
    """The code of the preset whose settings are the current ones, if any."""
    return next((code for code, p in PRESETS.items() if p.descent == current()), None)


def preset_chosen() -> None:
    """Callback of the choice of a preset."""
    if code := st.session_state[_WIDGET + "preset"]:
        _set(PRESETS[code].descent)
