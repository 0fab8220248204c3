"""What is said to whoever waits for a computation."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from gradflow.core.text import _

_TELL_SECONDS = 1.0
"""A wait after which people want to know why, and the least time between two sentences about it."""
_TOAST_SECONDS, _TOAST_GONE_SECONDS = 4, 4.5
"""How long a toast is shown, and after how long it is gone."""
TELL: ContextVar[Callable[[str], None] | None] = ContextVar("TELL", default=None)
"""Called with a sentence for whoever waits; set by what computes for something else than a page."""


class Patience:
    """The wait of one thread: says how many come first once it is long, and when that changes.

    On a page it is a toast, for which nothing moves; the next one comes when it is gone.
    """

    def __init__(self) -> None:
        self._next = time.monotonic() + _TELL_SECONDS
        self._told = 0

    def see(self, before: int) -> None:
        """Take how many come before this thread now; 0 if it is next."""
        now, tell = time.monotonic(), TELL.get()
        if now < self._next or before == 0:
            return
        if tell is None:
            self._next = now + _TOAST_GONE_SECONDS
            _show_toast(_describe_place(before))
        elif before != self._told:
            self._told, self._next = before, now + _TELL_SECONDS
            tell(_describe_place(before))


def _describe_place(before: int) -> str:
    if before == 1:
        return _("Waiting for a turn: one other before you.")
    return _("Waiting for a turn: {n} others before you.").format(n=before)


def _show_toast(text: str) -> None:
    """Show it on the page that runs here; elsewhere nothing happens."""
    if get_script_run_ctx(suppress_warning=True) is not None:
        st.toast(text, icon=":material/hourglass_top:", duration=_TOAST_SECONDS)
