"""Streamlit's message about the theme, made once per process.

Streamlit makes it out of all its options for every run of every session, of fragments too: a sixth
of what a known setting costs the server. The options are those that the server has started with.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps

from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

_NAME = "_populate_theme_msg"
Populate = Callable[..., None]


def keep_theme() -> None:
    """Have Streamlit make its theme only once; a Streamlit that works in another way is left so."""
    populate = getattr(app_session, _NAME, None)
    if populate is not None and not hasattr(populate, "__wrapped__"):
        setattr(app_session, _NAME, remember_theme(populate))


def remember_theme(populate: Populate) -> Populate:
    """Make a function that fills a message as ``populate`` does, which it asks once per section."""

    @cache
    def make_message(section: str) -> CustomThemeConfig:
        message = CustomThemeConfig()
        populate(message, section)
        return message

    @wraps(populate)
    def fill(message: CustomThemeConfig, section: str = "theme") -> None:
        known = make_message(section)
        if known.ListFields():  # merging nothing would say that there is a section
            message.MergeFrom(known)

    return fill
