"""Longer computations: in parts, so that a newer run of the page can end them, and kept."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from gradflow.core.text import _

_SHOWN_AFTER = 0.3
"""Seconds before a progress bar appears; what is cached comes sooner."""
_WAIT_SECONDS = 0.3
P = TypeVar("P")
R = TypeVar("R")


def in_parts(parts: Sequence[P], compute: Callable[[P], R]) -> dict[P, R]:
    """The result of every part; a bar shows how many are done.

    Args:
        parts: hashable.
        compute: makes the result of one, or takes it from a cache.
    """
    place, start = st.empty(), time.monotonic()
    found: dict[P, R] = {}
    for part in parts:
        found[part] = compute(part)
        if time.monotonic() - start > _SHOWN_AFTER:
            done = _("{done} of {total} computed").format(done=len(found), total=len(parts))
            place.progress(len(found) / len(parts), done)
    place.empty()
    return found


class Kept:
    """The latest results by key; each is computed by one thread at a time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._guard = threading.Lock()
        self._entries: OrderedDict[Any, _Entry] = OrderedDict()

    def get(self, key: Any, compute: Callable[[], R], waiting: Callable[[], None]) -> R:
        """The result of ``key``.

        Args:
            key: hashable.
            compute: makes the result; if it raises, nothing is kept.
            waiting: called again and again while another thread computes the same.
        """
        with self._guard:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
        while not entry.lock.acquire(timeout=_WAIT_SECONDS):
            waiting()
        try:
            if not entry.values:
                entry.values.append(compute())
            found: R = entry.values[0]
        finally:
            entry.lock.release()
        return found


class _Entry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: list[Any] = []
