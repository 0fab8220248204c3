"""The language of a session: the one of its browser if there is a catalogue, else English.

Streamlit runs the app's script in a thread of its own, which begins without a language; ``main.py``
sets it before anything is drawn. Two things run without that script and are given the language
that was in force when they were drawn: fragments, and files that are made when they are asked for.
Callbacks of widgets run before the script: they keep codes and ``Text``, and render nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

from gradflow.core.text import LANGUAGE, find_language, read_in

P = ParamSpec("P")
R = TypeVar("R")


def set_language() -> None:
    """Let this run of the script read everything in the language of its browser."""
    LANGUAGE.set(find_language(st.context.locale or ""))


def keep_language(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function that reads everything in the language of now, in whatever thread it runs."""
    language = LANGUAGE.get()

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with read_in(language):
            return function(*args, **kwargs)

    return call
