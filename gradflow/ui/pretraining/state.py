"""The part of the session that belongs to the page on pretraining; see ``state``.

There are two specs: the stack with its fine-tuning, of which the first two views show a part
each, and the transfer. The URL carries the view and the fields it shows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import streamlit as st

from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.pretraining.presets import PRETRAINING_PRESETS
from gradflow.core.pretraining.spec import USUAL_RATES, FineTuning, Stack, Transfer
from gradflow.core.spec import Spec
from gradflow.core.teaching.fields import to_query
from gradflow.ui import forged


class View(StrEnum):
    """What the page shows."""

    LAYERS = "layers"
    TUNING = "tuning"
    TRANSFER = "transfer"


_SPECS: dict[View, type[Spec]] = {
    View.LAYERS: FineTuning,
    View.TUNING: FineTuning,
    View.TRANSFER: Transfer,
}
_VIEW, _URL, _PROBLEM = "pretraining_view", "pretraining_url", "pretraining_problem"
_STOPPED = "pretraining_stopped"
_WIDGET = "pretraining_set_"


def _home(kind: type[Spec]) -> str:
    return f"pretraining_{kind.__name__}"


def load() -> None:
    """Take the settings from the URL when the session starts and when the URL was changed."""
    query = st.query_params.to_dict()
    known = _VIEW in st.session_state
    if known and (not query or query == st.session_state.get(_URL)):
        return
    if not known:
        for one in set(_SPECS.values()):
            st.session_state[_home(one)] = one()
    st.session_state[_STOPPED] = False
    problems: list[str] = []
    asked = query.pop("view", str(View.LAYERS))
    if asked not in set(View):
        problems.append(
            f"view: {quote_value(asked)} is not allowed; choose one of {', '.join(View)}"
        )
    view = View(asked) if asked in set(View) else View.LAYERS
    st.session_state[_VIEW] = view
    kind = _SPECS[view]
    spec, link = forged.made(lambda texts: kind(**texts), query, kind.model_fields)
    st.session_state[_home(kind)] = spec
    problems += link.problems
    st.session_state[_PROBLEM] = "\n".join(problems)


def view() -> View:
    """What is shown."""
    return View(st.session_state[_VIEW])


def view_chosen() -> None:
    """Callback of the choice of a view."""
    st.session_state[_VIEW] = View(st.session_state[_WIDGET + "view"])
    _settle()


def tuning() -> FineTuning:
    """The stack and its fine-tuning as they are set; always possible."""
    spec: FineTuning = st.session_state[_home(FineTuning)]
    return spec


def transfer() -> Transfer:
    """The transfer as it is set; always possible."""
    spec: Transfer = st.session_state[_home(Transfer)]
    return spec


def shown() -> Spec:
    """The spec of the view."""
    return {View.LAYERS: tuning().build_stack(), View.TUNING: tuning(), View.TRANSFER: transfer()}[
        view()
    ]


def presets() -> list[str]:
    """The codes of the presets of this view."""
    return [
        code for code, preset in PRETRAINING_PRESETS.items() if type(preset.spec) is type(shown())
    ]


def preset() -> str | None:
    """The code of the preset whose settings are the current ones, if any."""
    return next((code for code in presets() if PRETRAINING_PRESETS[code].spec == shown()), None)


def preset_chosen() -> None:
    """Callback of the choice of a preset; a stack keeps its fine-tuning."""
    code = st.session_state[_WIDGET + "preset"]
    if code is None:
        return
    spec = PRETRAINING_PRESETS[code].spec
    if type(spec) is Stack:
        own = {name: value for name, value in dict(tuning()).items() if name not in dict(spec)}
        spec = FineTuning(**dict(spec) | own)
    st.session_state[_home(type(spec))] = spec
    _settle()


def problem() -> str:
    """What was wrong with the URL, until the next setting is changed."""
    return str(st.session_state[_PROBLEM])


def settled() -> None:
    """Let the URL carry the view and its settings."""
    spec = shown()
    fields = to_query(spec)
    query = {"view": str(view())} | {
        name: fields[name] for name in spec.list_applicable(dict(spec))
    }
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_URL] = query


def key(name: str, value: Any) -> str:
    """The key of a widget, prepared to show ``value``."""
    st.session_state[_WIDGET + name] = value
    return _WIDGET + name


def changed(name: str) -> None:
    """Callback of the widget of a field; what no longer applies goes back to its default."""
    kind = _SPECS[view()]
    new = st.session_state[_WIDGET + name]
    if name == "first":
        new = "".join(new)
    values = dict(st.session_state[_home(kind)]) | {name: new}
    if kind is FineTuning:
        if name in ("method", "activation"):
            values["learning_rate"] = _usual_rate(values)
    else:
        values["reused"] = min(values["reused"], values["layers"])
    try:
        spec = kind(**{one: values[one] for one in kind.list_applicable(values)})
    except InvalidExperiment:
        return  # no start or too few digits are chosen: the widget goes back
    st.session_state[_home(kind)] = spec
    _settle()


def _usual_rate(values: dict[str, Any]) -> float:
    rate = float(Stack.model_fields["learning_rate"].default)
    return (
        USUAL_RATES.get(values["activation"], rate) if Stack.applies("activation", values) else rate
    )


def _settle() -> None:
    st.session_state[_PROBLEM], st.session_state[_STOPPED] = "", False


def stop() -> None:
    """Callback of the button that ends a computation."""
    st.session_state[_STOPPED] = True


def go_on() -> None:
    """Callback of the button that begins it again."""
    st.session_state[_STOPPED] = False


def stopped() -> bool:
    """Whether the computation of these settings was ended by hand."""
    return bool(st.session_state[_STOPPED])
