"""The session: values that outlive one run of a page, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

T = TypeVar("T")


@dataclass(frozen=True)
class SessionValue(Generic[T]):
    """A value of the session.

    Attributes:
        key: its name in the session, unique in the app.
        make_default: makes the value that a new session has.
    """

    key: str
    make_default: Callable[[], T]

    def get(self) -> T:
        """Read the value; a new session gets its default."""
        if not self.is_set():
            st.session_state[self.key] = self.make_default()
        value: T = st.session_state[self.key]
        return value

    def set(self, value: T) -> None:
        """Replace the value."""
        st.session_state[self.key] = value

    def is_set(self) -> bool:
        """Whether this session has the value already."""
        return self.key in st.session_state


_UNSENT: SessionValue[set[str]] = SessionValue("widgets_unsent", set)
"""Keys of widgets that were given a value in a run that has not come to its end."""


def show_in_widget(key: str, value: Any) -> None:
    """Make the widget of this key, which is drawn next, show a value.

    A widget that shows it already is left alone: an assignment would be sent to the browser and
    could overwrite what its user types meanwhile. But what an overtaken run assigned may never have
    been sent: without it the browser would show a widget's default, and send that as a choice.
    """
    unsent = _UNSENT.get()
    if key in unsent or key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
        unsent.add(key)


def mark_widgets_sent() -> None:
    """Note that this run came to its end, so that the browser gets all that it has drawn."""
    _UNSENT.set(set())


def read_widget(key: str, default: Any = None) -> Any:
    """Read what the widget of this key says."""
    return st.session_state.get(key, default)


@dataclass(frozen=True)
class WidgetValue(SessionValue[T]):
    """A value that a widget edits and the page may set.

    The widget gets a new key whenever the page sets the value: where a browser asks again and
    again by itself, it may still send the old value, which would count as a choice of its user's.
    """

    def set(self, value: T) -> None:
        """Replace the value, and the widget."""
        super().set(value)
        self._generation.set(self._generation.get() + 1)

    def bind(self, shown: T, follow: Callable[[], None] | None = None) -> dict[str, Any]:
        """Prepare the widget: the arguments that connect it.

        Args:
            shown: what it shows.
            follow: called after it changed the value.
        """
        key = self._find_widget_key()
        show_in_widget(key, shown)
        return {"key": key, "on_change": self._take, "args": (key, follow)}

    def _take(self, key: str, follow: Callable[[], None] | None) -> None:
        if key == self._find_widget_key():
            super().set(read_widget(key))
            if follow is not None:
                follow()

    def _find_widget_key(self) -> str:
        return f"{self.key}_widget_{self._generation.get()}"

    @property
    def _generation(self) -> SessionValue[int]:
        return SessionValue(f"{self.key}:generation", int)
