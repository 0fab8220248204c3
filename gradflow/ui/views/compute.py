"""Longer computations: in parts, so that a newer run of the page can end them, and kept."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gradflow.core.text import Text, _
from gradflow.ui.compute import ADMISSION

Tell = Callable[[float, Text | str], None]
"""Told of a computation from time to time: the share that is done, and what is being done."""
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


def kept_or_computed(
    kept: Kept, key: Any, work: Callable[[Tell], R], bar: Callable[[DeltaGenerator], Any]
) -> R:
    """A long result from the cache, or computed under a progress bar.

    ``st.cache_data`` forbids progress bars inside. A newer run of the page ends the computation.
    Between its steps others may compute, so that a long one does not hold up short ones.

    Args:
        kept: the cache; whoever asks second for the same waits for the first one.
        key: hashable.
        work: makes the result, telling how far it is.
        bar: draws the progress bar into a place, once it is needed.
    """
    place = st.empty()
    bars: list[Any] = []

    def tell(done: float, what: Text | str) -> None:
        if not bars:
            bars.append(bar(place))
        bars[0].progress(min(done, 1.0), str(what))

    def advance(done: float, what: Text | str) -> None:
        ADMISSION.release()
        try:
            tell(done, what)
        finally:
            ADMISSION.acquire()

    def compute() -> R:
        with ADMISSION:
            return work(advance)

    waits = _("waiting for the same computation of someone else")
    found = kept.get(key, compute, lambda: tell(0.0, waits))
    place.empty()
    return found


class _Entry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: list[Any] = []
