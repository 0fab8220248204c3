"""Where the app is served: its port and its base path, as Streamlit's own settings say."""

from __future__ import annotations

import os
import re

from gradflow.cli.console import CommandFailed
from gradflow.core.errors import quote_value
from gradflow.core.text import Text

DEFAULT_PORT = 8501
_BASE_PATH = re.compile(r"(/[\w.~-]+)*", re.ASCII)


def read_port() -> int:
    """Read the port from ``STREAMLIT_SERVER_PORT``, if it is set."""
    return parse_port(os.environ.get("STREAMLIT_SERVER_PORT") or str(DEFAULT_PORT))


def parse_port(text: str) -> int:
    """Parse the number of a port.

    Raises:
        CommandFailed: it is none.
    """
    if is_port(text):
        return int(text)
    message = Text("port: {port} is not allowed; choose 1 to 65535", port=quote_value(text))
    raise CommandFailed(message)


def is_port(text: str) -> bool:
    """Whether a text is the number of a port."""
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65535


def read_base_path() -> str:
    """Read the path below which the app is served: ``""`` or ``/gradflow``.

    Streamlit takes it from ``STREAMLIT_SERVER_BASE_URL_PATH``.

    Raises:
        CommandFailed: it is none.
    """
    path = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
    return parse_base_path(f"/{path}" if path else "")


def parse_base_path(text: str) -> str:
    """Parse a base path: ``""`` or ``/gradflow``.

    Raises:
        CommandFailed: it is none.
    """
    if _BASE_PATH.fullmatch(text):
        return text
    message = Text(
        "base path: {path} is not allowed; choose letters, digits and . ~ _ - between slashes",
        path=quote_value(text),
    )
    raise CommandFailed(message)
