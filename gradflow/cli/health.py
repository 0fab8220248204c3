"""``gradflow health``: whether the server on this machine answers, for a container's check."""

from __future__ import annotations

import argparse

from gradflow.cli.address import read_base_path, read_port
from gradflow.cli.console import CommandFailed
from gradflow.cli.processes import LOOPBACK, is_healthy
from gradflow.core.text import Text

HELP = Text("ask the server on this machine whether it is well")
MORE = Text(
    "Port and base path are those of STREAMLIT_SERVER_PORT and STREAMLIT_SERVER_BASE_URL_PATH."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the server's own environment says where it is."""


def call(_options: argparse.Namespace) -> None:
    """Ask.

    Raises:
        CommandFailed: it does not answer.
    """
    url = f"http://{LOOPBACK}:{read_port()}{read_base_path()}"
    if not is_healthy(url):
        raise CommandFailed(Text("{url}: no answer", url=url))
