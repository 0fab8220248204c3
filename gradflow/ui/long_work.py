"""Long computations: cached, with progress, and ended by a newer run of the page."""

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

Progress = Callable[[float, Text | str], None]
"""Called from time to time with the share that is done, from 0 to 1, and what is being done."""
_BAR_DELAY = 0.3
"""Seconds before a progress bar appears; cached results come sooner."""
_WAIT_SECONDS = 0.3
"""Time between two signs of life of a thread that waits for another."""
P = TypeVar("P")
R = TypeVar("R")


def compute_parts(parts: Sequence[P], compute: Callable[[P], R]) -> dict[P, R]:
    """Compute the result of every part under a bar that shows how many are done.

    Args:
        parts: hashable.
        compute: computes the result of one part, or takes it from a cache.
    """
    bar, start = st.empty(), time.monotonic()
    results: dict[P, R] = {}
    for part in parts:
        results[part] = compute(part)
        if time.monotonic() - start > _BAR_DELAY:
            done = _("{done} of {total} computed").format(done=len(results), total=len(parts))
            bar.progress(len(results) / len(parts), done)
    bar.empty()
    return results


class ResultCache:
    """The latest results by key; each is computed by one thread at a time."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._guard = threading.Lock()
        self._entries: OrderedDict[Any, _CacheEntry] = OrderedDict()

    def get(self, key: Any, compute: Callable[[], R], show_waiting: Callable[[], None]) -> R:
        """Take a result from the cache, or compute it.

        Args:
            key: hashable.
            compute: makes the result; if it raises, nothing is kept.
            show_waiting: called again and again while another thread computes the same.
        """
        with self._guard:
            entry = self._entries.setdefault(key, _CacheEntry())
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
        while not entry.lock.acquire(timeout=_WAIT_SECONDS):
            show_waiting()
        try:
            if not entry.values:
                entry.values.append(compute())
            result: R = entry.values[0]
        finally:
            entry.lock.release()
        return result


def compute_with_progress(
    cache: ResultCache,
    key: Any,
    work: Callable[[Progress], R],
    draw_bar: Callable[[DeltaGenerator], Any],
) -> R:
    """Take a long result from the cache, or compute it under a progress bar.

    Streamlit's own cache forbids progress bars inside. A newer run of the page ends the work.
    Between its steps others may compute, so that a long one does not hold up short ones.

    Args:
        cache: the results so far; two who ask for the same at once share one computation.
        key: hashable.
        work: computes the result, and reports its progress.
        draw_bar: draws the progress bar into an empty element, once it is needed.
    """
    space = st.empty()
    bars: list[Any] = []

    def show_progress(done: float, what: Text | str) -> None:
        if not bars:
            bars.append(draw_bar(space))
        bars[0].progress(min(done, 1.0), str(what))

    def advance(done: float, what: Text | str) -> None:
        ADMISSION.release()
        try:
            show_progress(done, what)
        finally:
            ADMISSION.acquire()

    def compute() -> R:
        with ADMISSION:
            return work(advance)

    waits = _("waiting for the same computation of someone else")
    result = cache.get(key, compute, lambda: show_progress(0.0, waits))
    space.empty()
    return result


class _CacheEntry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: list[Any] = []
