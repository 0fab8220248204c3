"""What is said to whoever waits for a computation."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from gradflow.core.text import _


def _show_toast(text: str) -> None:
    """Say it on the page that runs here, where nothing moves for it; elsewhere nothing happens."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        st.toast(text, icon=":material/hourglass_top:", duration="short")


_TELL_SECONDS = 1.0
"""A wait after which people want to know why."""
TELL: ContextVar[Callable[[str], None]] = ContextVar("TELL", default=_show_toast)
"""Called with a sentence for whoever waits; set by what computes for something else than a page."""


def tell_place(before: int) -> None:
    """Say how many computations of others come first."""
    if before == 1:
        text = _("Waiting for a turn: one other before you.")
    else:
        text = _("Waiting for a turn: {n} others before you.").format(n=before)
    TELL.get()(text)


class Patience:
    """The wait of one thread: says how many come first once it is long, and when that changes.

    Args:
        tell: called with the number; what it raises ends the waiting.
    """

    def __init__(self, tell: Callable[[int], None] = tell_place) -> None:
        self._tell = tell
        self._begin = time.monotonic()
        self._told = 0

    def see(self, before: int) -> None:
        """Take how many come before this thread now; 0 if it is next."""
        if time.monotonic() - self._begin >= _TELL_SECONDS and before != self._told:
            if before:
                self._tell(before)
            self._told = before
