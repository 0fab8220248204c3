"""Where the app is served: its port and its base path, as Streamlit's own settings say."""

from __future__ import annotations

import os

from gradflow.cli.console import CommandFailed
from gradflow.core.errors import quote_value
from gradflow.core.text import Text

DEFAULT_PORT = 8501


def read_port() -> int:
    """Read the port from ``STREAMLIT_SERVER_PORT``, if it is set."""
    return parse_port(os.environ.get("STREAMLIT_SERVER_PORT") or str(DEFAULT_PORT))


def parse_port(text: str) -> int:
    """Parse the number of a port.

    Raises:
        CommandFailed: it is none.
    """
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    message = Text("port: {port} is not allowed; choose 1 to 65535", port=quote_value(text))
    raise CommandFailed(message)


def read_base_path() -> str:
    """Read the path below which the app is served: ``""`` or ``/gradflow``.

    Streamlit takes it from ``STREAMLIT_SERVER_BASE_URL_PATH``.
    """
    path = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
    return f"/{path}" if path else ""
