"""Streamlit's theme is made once, and is what Streamlit itself makes."""

import inspect
from collections.abc import Iterator

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

from gradflow.ui.theme import keep_theme

SECTIONS = ("theme", "theme.light", "theme.dark", "theme.sidebar", "theme.dark.sidebar")


@pytest.fixture
def options() -> Iterator[None]:
    """Set a theme beside that of the app, and undo it."""
    chosen = {"theme.base": "dark", "theme.baseRadius": "small", "theme.dark.textColor": "#abcdef"}
    before = {name: config.get_option(name) for name in chosen}
    for name, value in chosen.items():
        config.set_option(name, value)
    yield
    for name, value in before.items():
        config.set_option(name, value)


def fill(section: str) -> CustomThemeConfig:
    """Fill a message, or the part of it that a section is in, as Streamlit does."""
    message = CustomThemeConfig()
    path = section.split(".")[1:]
    part = message
    for name in path:
        part = getattr(part, name)
    app_session._populate_theme_msg(part, section)
    return message


@pytest.mark.usefixtures("options")
def test_the_theme_is_streamlits_own_and_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    streamlits = inspect.unwrap(app_session._populate_theme_msg)
    monkeypatch.setattr(app_session, "_populate_theme_msg", streamlits)
    own = [fill(section) for section in SECTIONS]
    assert [bool(message.ListFields()) for message in own] == [True, True, True, False, False]
    asked: list[str] = []
    read = config.get_options_for_section
    monkeypatch.setattr(
        config, "get_options_for_section", lambda name: asked.append(name) or read(name)
    )
    keep_theme()
    keep_theme()  # as a second server in the process
    for _ in range(2):
        for section, expected in zip(SECTIONS, own, strict=True):
            message = fill(section)
            assert message == expected
            assert message.SerializeToString() == expected.SerializeToString()
    assert asked == list(SECTIONS)


def test_another_streamlit_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(app_session, "_populate_theme_msg")
    keep_theme()
    assert not hasattr(app_session, "_populate_theme_msg")
