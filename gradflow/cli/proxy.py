"""``gradflow proxy``: nginx's configuration for servers that run elsewhere."""

from __future__ import annotations

import argparse

from gradflow.cli.address import parse_port, read_base_path
from gradflow.cli.console import write_data
from gradflow.cli.nginx import Proxy
from gradflow.core.text import Text, _

HELP = Text("write nginx's configuration for several servers to stdout")
MORE = Text(
    "Example: gradflow proxy --server 10.0.0.2:8501 --server 10.0.0.3:8501 > nginx.conf. The base "
    "path is that of STREAMLIT_SERVER_BASE_URL_PATH."
)
DEFAULT_PORT = "8080"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "--server",
        action="append",
        default=[],
        metavar="IP:PORT",
        help=_("a server; repeat it for each"),
    )
    parser.add_argument(
        "--port", default=DEFAULT_PORT, help=_("where nginx listens; default: 8080")
    )
    parser.add_argument(
        "--folder",
        default="/tmp",
        help=_("where nginx keeps its files; default: /tmp"),
    )


def call(options: argparse.Namespace) -> None:
    """Write the configuration."""
    proxy = Proxy(options.server, "", parse_port(options.port), read_base_path())
    write_data(proxy.write_configuration(options.folder))
