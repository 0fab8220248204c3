"""Who comes to Explore: a first visitor, one who returns, or one who follows a link."""

from __future__ import annotations

from urllib.parse import parse_qsl

import streamlit as st

from gradflow.ui.explore.state import EXPLORE, INTRO, PAGE
from gradflow.ui.fragments import rerun_fragments
from gradflow.ui.settings.state import SessionValue

COOKIE, LONGEST = "gradflow_explore", 2000
"""What a browser keeps of the last visit (``visit.js`` writes it): the settings, as an
address has them, and at most so many characters."""
_SHOWS_INTRO: SessionValue[bool] = SessionValue("shows_intro", lambda: False)


def open_explore() -> None:
    """Take the settings of a link, or else those that the visitor left.

    Who brings neither sees the introduction.
    """
    PAGE.load(read_left_settings())
    if not _SHOWS_INTRO.is_set():
        _SHOWS_INTRO.set(not EXPLORE.is_set)


def read_left_settings() -> dict[str, str]:
    """Read the settings that this browser kept; anybody may have forged them."""
    text = st.context.cookies.get(COOKIE, "")
    return dict(parse_qsl(text)) if len(text) <= LONGEST else {}


def shows_intro() -> bool:
    """Whether the introduction is shown: on a first visit, until it is closed."""
    return _SHOWS_INTRO.get()


def close_intro() -> None:
    """Close the introduction for the rest of the session; the browser keeps it closed."""
    _SHOWS_INTRO.set(False)
    rerun_fragments(INTRO)
