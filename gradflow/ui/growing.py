"""What grows while it is looked at: one run of a page draws it several times, in the same place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st
from streamlit.cursor import RunningCursor
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from gradflow.core.text import _
from gradflow.ui.wanted import check_wanted

P = TypeVar("P")
R = TypeVar("R")
_FIRST_SECONDS, _AGAIN_SECONDS = 0.05, 0.5
"""After how long what is known is drawn, and between two drawings of it."""


class GrowingPlace:
    """A part of a page that one run draws several times.

    Streamlit puts what a run draws one below the other, and refuses a key that the run has drawn
    already. Here each drawing takes the place of the one before and may have its keys, so that a
    browser changes what it shows and keeps its nodes, zoom and hovers.
    """

    def __init__(self) -> None:
        self._container = st.container()
        self._drawn: list[frozenset[str]] = []
        self._next = time.monotonic() + _FIRST_SECONDS

    @property
    def is_due(self) -> bool:
        """Whether it is time to draw what is new."""
        return time.monotonic() > self._next

    @contextmanager
    def draw(self) -> Iterator[None]:
        """Draw in the place of what was drawn here before."""
        context = get_script_run_ctx(suppress_warning=True)
        if context is None:  # nobody looks
            yield
            return
        names = (context.shared.widget_ids_this_run, context.shared.widget_user_keys_this_run)
        for known, drawn in zip(names, self._drawn, strict=False):
            with known._lock:
                known._data -= drawn
        cursor = self._container._cursor
        assert isinstance(cursor, RunningCursor)
        cursor.reset()
        before = [known.snapshot() for known in names]
        with self._container:
            yield
        self._drawn = [
            known.snapshot() - others for known, others in zip(names, before, strict=True)
        ]
        self._next = time.monotonic() + _AGAIN_SECONDS


def draw_parts(
    parts: Sequence[P],
    compute: Callable[[P], R],
    draw: Callable[[dict[P, R], str], object],
) -> dict[P, R]:
    """Compute part after part, and draw the picture of those that are known: it grows.

    Args:
        parts: hashable; in the order in which they come.
        compute: computes the result of one part, or takes it from a cache.
        draw: draws the picture of the parts that are known, with a sentence that says how many
            these are; it is empty once they are all.

    Returns:
        The result of every part.
    """
    place = GrowingPlace()
    known: dict[P, R] = {}
    for part in parts:
        check_wanted()
        known[part] = compute(part)
        is_whole = len(known) == len(parts)
        if is_whole or place.is_due:
            progress = _("{done} of {total} computed").format(done=len(known), total=len(parts))
            with place.draw():
                draw(known, "" if is_whole else progress)
    return known
