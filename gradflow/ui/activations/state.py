"""The part of the session that belongs to the page on activation functions; see ``state``.

Each view has a slot of flat settings, from which its spec is made; the URL carries the view and
its spec's fields.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import streamlit as st

from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.spec import shown as quoted
from gradflow.core.teaching.activation_facts import SEPARATOR, ShownFunctions
from gradflow.core.teaching.dying import BiasedLayer
from gradflow.core.teaching.gaussian import GaussianInput
from gradflow.core.teaching.hyperbolic import Pair
from gradflow.core.teaching.slope_products import SlopeChains
from gradflow.ui import state
from gradflow.ui.state import Slot


class View(StrEnum):
    """What the page shows."""

    FUNCTIONS = "functions"
    LAYERS = "layers"
    DYING = "dying"
    GAUSSIAN = "gaussian"
    HYPERBOLIC = "hyperbolic"


SPECS: dict[View, type[Spec]] = {
    View.FUNCTIONS: ShownFunctions,
    View.LAYERS: SlopeChains,
    View.DYING: BiasedLayer,
    View.GAUSSIAN: GaussianInput,
    View.HYPERBOLIC: Pair,
}
_VIEW, _VIEW_WIDGET, _URL = "activations_view", "activations_view_widget", "activations_url"
_PROBLEM, _LOADED = "activations_problem", "activations_loaded"


def slot(view: View) -> Slot:
    """Where the settings of a view lie."""
    return Slot(f"activations_{view}", f"activation_{view}_")


def load() -> None:
    """Take the settings from the URL when the session starts and when the URL was changed."""
    query = st.query_params.to_dict()
    known = _VIEW in st.session_state
    if known and (not query or query == st.session_state.get(_URL)):
        return
    if not known:
        st.session_state[_LOADED] = {}
        for view in View:
            _put(view, SPECS[view]())
    st.session_state[_PROBLEM] = ""
    asked = query.pop("view", None)
    if asked is not None and asked not in set(View):
        allowed = ", ".join(View)
        _complain(f"view: {quoted(asked)} is not allowed; choose one of {allowed}")
    view = View(asked) if asked in set(View) else View.FUNCTIONS
    st.session_state[_VIEW] = view
    if asked == view or (asked is None and query):
        _put(view, _tolerant(SPECS[view], query))


def _complain(text: str) -> None:
    st.session_state[_PROBLEM] = "\n".join(filter(None, [st.session_state[_PROBLEM], text]))


def _tolerant(kind: type[Spec], fields: dict[str, str]) -> Spec:
    """The spec of a URL; what is impossible in it is dropped and reported."""
    while True:
        try:
            return kind(**fields)
        except InvalidExperiment as error:
            _complain(str(error))
            fields = {name: text for name, text in fields.items() if name not in error.fields}


def _put(view: View, spec: Spec) -> None:
    st.session_state[_LOADED][view] = dict(spec)
    st.session_state[slot(view).key] = dict(spec)
    for key in list(st.session_state):
        if str(key).startswith(slot(view).widgets):
            del st.session_state[key]


def problem() -> str:
    """What was wrong with the URL, until the next setting is changed."""
    return str(st.session_state[_PROBLEM])


def view_key() -> str:
    """The key of the choice of a view, prepared to show the one in force."""
    st.session_state[_VIEW_WIDGET] = st.session_state[_VIEW]
    return _VIEW_WIDGET


def view_chosen() -> None:
    """Callback of that choice."""
    st.session_state[_VIEW] = View(st.session_state[_VIEW_WIDGET])
    st.session_state[_PROBLEM] = ""


def loaded(view: View, name: str) -> Any:
    """The value of a field as the last link gave it, or its default."""
    return st.session_state[_LOADED][view][name]


def store(view: View, name: str, new: Any) -> None:
    """Keep what a widget says."""
    if st.session_state[slot(view).key].get(name) != new:
        st.session_state[_PROBLEM] = ""
    state.store(name, new, slot(view))


def spec(view: View) -> Spec:
    """The spec of a view's settings, those that apply."""
    values = state.settings(slot(view))
    kind = SPECS[view]
    return kind(**{name: values[name] for name in kind.applicable(values)})


def settled(view: View, shown: Spec) -> None:
    """Let the URL carry the view and its settings."""
    values = dict(shown)
    query = {"view": str(view)} | {
        name: _text(values[name]) for name in type(shown).applicable(values)
    }
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_URL] = query


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return SEPARATOR.join(value)
    return repr(value) if isinstance(value, float) else str(value)
