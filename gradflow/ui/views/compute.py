"""Longer computations in parts, so that a newer run of the page can end them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from gradflow.core.text import _

_SHOWN_AFTER = 0.3
"""Seconds before a progress bar appears; what is cached comes sooner."""
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
