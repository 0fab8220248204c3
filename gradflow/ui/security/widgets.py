"""What a browser says that widgets hold: only what they can hold reaches the app.

Streamlit hands on whatever a browser sends: a text where a number is due, an option that nobody
offered, a list of the wrong length. Reading it raises in the middle of a run, or callbacks get it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.state.common import WidgetMetadata, unpack_widget_state_value
from streamlit.runtime.state.session_state import Serialized, SessionState

from gradflow.core import plain

Metadata = WidgetMetadata[Any]
_MOST_EVENTS = 100


def refuse_forged_values() -> None:
    """Have Streamlit treat an impossible value of a widget as if it had not been sent.

    A Streamlit that works in another way is left so; then tests fail.
    """
    take, register = SessionState.set_widgets_from_proto, SessionState.register_widget
    if hasattr(take, "__wrapped__"):
        return

    @wraps(take)
    def take_possible(state: SessionState, sent: WidgetStates) -> None:
        known = state._new_widget_state.widget_metadata
        possible = [w for w in sent.widgets if w.id not in known or is_possible(w, known[w.id])]
        take(state, WidgetStates(widgets=possible))

    @wraps(register)
    def register_possible(state: SessionState, metadata: Metadata, user_key: str | None) -> Any:
        states = state._new_widget_state.states  # with values of widgets that were not known yet
        waiting = states.get(metadata.id)
        if isinstance(waiting, Serialized) and not is_possible(waiting.value, metadata):
            del states[metadata.id]
        return register(state, metadata, user_key)

    _replace("set_widgets_from_proto", take_possible)
    _replace("register_widget", register_possible)


def _replace(name: str, function: Callable[..., Any]) -> None:
    setattr(SessionState, name, function)


def is_possible(sent: WidgetState, metadata: Metadata) -> bool:
    """Whether a widget can hold what a browser says it does.

    It can if that is of the widget's type, is one of its options, and if Streamlit would write it
    in the same way as it came: what is out of range, it replaces. Of buttons of which one can be
    pressed, one always is.
    """
    kind = sent.WhichOneof("value")
    if kind is None:  # a list from which nothing is chosen
        return metadata.clearable and metadata.value_type == "string_value"
    if kind != metadata.value_type:
        return False
    try:
        return _CHECKS.get(kind, _is_read_back)(sent, metadata)
    except Exception:  # whatever a deserializer makes of a forged value
        return False


def _is_read_back(sent: WidgetState, metadata: Metadata) -> bool:
    value = unpack_widget_state_value(sent)
    options = metadata.formatted_options
    if options is not None and value not in options:
        return False
    return bool(metadata.serializer(metadata.deserializer(value)) == value)


def _is_list_read_back(sent: WidgetState, metadata: Metadata) -> bool:
    values = list(unpack_widget_state_value(sent))
    options, most = metadata.formatted_options, metadata.max_array_length
    read = metadata.deserializer(values)
    return (
        (options is None or set(values) <= set(options))
        and (most is None or len(values) <= most)
        and (metadata.allow_url_duplicates or len(set(values)) == len(values))
        and read is not None
        and list(metadata.serializer(read)) == values
    )


def _is_file(sent: WidgetState, metadata: Metadata) -> bool:
    metadata.deserializer(unpack_widget_state_value(sent))  # raises if it is of another kind
    return True


def _is_no_state(sent: WidgetState, _metadata: Metadata) -> bool:
    """Whether a component keeps nothing in the browser, as none of ours does."""
    return bool(plain.parse(sent.json_value) == {})


def _are_events(sent: WidgetState, metadata: Metadata) -> bool:
    """Whether a component sends events that it has; what they carry is for their callbacks."""
    events = plain.parse(sent.json_trigger_value)
    return (
        isinstance(events, list)
        and len(events) <= _MOST_EVENTS
        and all(isinstance(e, dict) and _is_event(e.get("event"), metadata) for e in events)
    )


def _is_event(name: Any, metadata: Metadata) -> bool:
    return isinstance(name, str) and name in (metadata.callbacks or {})


_CHECKS: dict[str, Callable[[WidgetState, Metadata], bool]] = {
    "double_array_value": _is_list_read_back,
    "int_array_value": _is_list_read_back,
    "string_array_value": _is_list_read_back,
    "file_uploader_state_value": _is_file,
    "json_value": _is_no_state,
    "json_trigger_value": _are_events,
}
"""How values of a kind are checked, if not as a whole."""
