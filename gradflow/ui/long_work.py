"""Long computations: shared, with progress, and ended by a newer run of the page."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gradflow.core.text import Text, _
from gradflow.ui.admission import admit_long
from gradflow.ui.memo import Memo
from gradflow.ui.turns import ADMISSION
from gradflow.ui.wanted import check_wanted

Progress = Callable[[float, Text | str], None]
"""Called from time to time with the share that is done, from 0 to 1, and what is being done."""
_BAR_DELAY = 0.3
"""Seconds before a progress bar appears; what is cached comes sooner."""
_BAR_SECONDS = 0.25
"""Between two messages to a browser, which shows each late if they come faster than it draws."""
LONG_RESULTS = Memo(96 * 2**20)
"""Apart from the results of short work, so that no number of these pushes out what took minutes."""
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
        check_wanted()
        results[part] = compute(part)
        if time.monotonic() - start > _BAR_DELAY:
            done = _("{done} of {total} computed").format(done=len(results), total=len(parts))
            bar.progress(len(results) / len(parts), done)
    bar.empty()
    return results


def compute_with_progress(
    key: Hashable,
    work: Callable[[Progress], R],
    draw_bar: Callable[[DeltaGenerator], Any],
    size: int,
) -> R:
    """Take a long result from ``LONG_RESULTS``, or compute it under a progress bar.

    A newer run of the page ends the work. Between its steps others may compute, so that a long one
    does not hold up short ones. Whoever asks second for the same waits for the first one.

    Args:
        key: what the result depends on, the kind of work included.
        work: computes the result, and says how far it is.
        draw_bar: draws the progress bar into an empty element, once it is needed.
        size: bytes that the work takes at most, for which it holds room.
    """
    space = st.empty()
    bars: list[Any] = []
    shown = -math.inf

    def show_progress(done: float, what: Text | str) -> None:
        nonlocal shown
        if not bars:
            bars.append(draw_bar(space))
        if time.monotonic() - shown > _BAR_SECONDS:
            bars[0].progress(min(done, 1.0), str(what))
            shown = time.monotonic()

    def advance(done: float, what: Text | str) -> None:
        with ADMISSION.pause():
            check_wanted()
            show_progress(done, what)

    def compute() -> R:
        show_progress(0.0, _("waiting for its turn"))
        with ADMISSION, admit_long(size):
            return work(advance)

    def wait() -> None:
        check_wanted()
        show_progress(0.0, _("waiting for the same computation, which someone else started"))

    result = LONG_RESULTS.get(key, compute, wait)
    space.empty()
    return result


def prepare(key: Hashable, work: Callable[[Progress], R], size: int) -> R:
    """Compute a long result before a page asks for it.

    Args:
        key: what the result depends on; that of the page's own call.
        work: computes the result.
        size: bytes that it takes at most.
    """

    def advance(_done: float, _what: Text | str) -> None:
        with ADMISSION.pause():
            check_wanted()

    def compute() -> R:
        with ADMISSION, admit_long(size):
            return work(advance)

    return LONG_RESULTS.get(key, compute)
