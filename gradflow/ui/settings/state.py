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
        """Say whether this session has the value already."""
        return self.key in st.session_state


def show_in_widget(key: str, value: Any) -> None:
    """Make the widget of this key, which is drawn next, show a value.

    A widget that shows it already is left alone: an assignment would be sent to the browser and
    could overwrite what its user types meanwhile.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def read_widget(key: str, default: Any = None) -> Any:
    """Read what the widget of this key says."""
    return st.session_state.get(key, default)
