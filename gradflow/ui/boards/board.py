"""Boards as a component of ours: figures that compute in the browser, and follow a hand at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from gradflow.ui.assets import write_shim
from gradflow.ui.settings.state import read_widget

Reader = Callable[[Any], Any]
"""Reads a value that a browser has sent, which may be anything; raises ``ValueError``."""

_mount = st.components.v2.component(
    "gradflow_board", js=write_shim("boards.js"), isolate_styles=False
)


def draw_board(
    kind: str,
    key: str,
    *,
    alt: str,
    spec: Mapping[str, Any],
    texts: Mapping[str, str],
    readers: Mapping[str, Reader],
    take: Callable[[Mapping[str, Any]], None],
    **more: Any,
) -> None:
    """Draw a board.

    Args:
        kind: which one, see ``boards.js``.
        key: its name on the page.
        alt: says in words what it shows.
        spec: what it computes from; a hand changes it in the browser first.
        texts: what it says, in the reader's language.
        readers: how to read what a hand may change, by name.
        take: called in a callback with what was changed, once the hand rests.
        more: what this kind needs besides.
    """
    widget = f"figure_{key}"
    count = _read_sent(widget).get("count")
    data = {"kind": kind, "name": key, "alt": alt, "spec": spec, "texts": texts, **more}
    data["answered"] = count if isinstance(count, int) else None
    _mount(
        key=widget,
        data=data,
        on_change_change=lambda: _pass_changes(widget, readers, take),
    )


def _pass_changes(
    widget: str, readers: Mapping[str, Reader], take: Callable[[Mapping[str, Any]], None]
) -> None:
    changes = {}
    for name, value in _read_sent(widget).items():
        try:
            changes[name] = readers[name](value)
        except (KeyError, TypeError, ValueError):
            continue
    if changes:
        take(changes)


def _read_sent(widget: str) -> Mapping[str, Any]:
    sent = (read_widget(widget) or {}).get("change")
    return sent if isinstance(sent, Mapping) else {}


def read_number(low: float, high: float) -> Reader:
    """Make a reader of a number in this range."""

    def read(value: Any) -> float:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
        if not low <= number <= high:
            raise ValueError
        return number

    return read


def read_count(low: int, high: int) -> Reader:
    """Make a reader of a whole number in this range."""
    read = read_number(low, high)

    def read_whole(value: Any) -> int:
        if not read(value).is_integer():
            raise ValueError
        return int(value)

    return read_whole


def read_numbers(low: float, high: float, most: int) -> Reader:
    """Make a reader of up to so many numbers in this range."""
    read = read_number(low, high)

    def read_all(values: Any) -> tuple[float, ...]:
        if not isinstance(values, list) or not 1 <= len(values) <= most:
            raise ValueError
        return tuple(map(read, values))

    return read_all
