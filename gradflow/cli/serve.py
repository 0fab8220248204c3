"""``gradflow serve``: the app, in one process or in several behind nginx."""

from __future__ import annotations

import argparse
import importlib.util
import socket
import sys

from gradflow.cli import address, workers
from gradflow.cli.console import CommandFailed, say
from gradflow.cli.nginx import find_nginx
from gradflow.core.machine import share_one_heap
from gradflow.core.text import Text, _

HELP = Text("serve the app")
MORE = Text("Everything else is set by Streamlit's own variables, such as STREAMLIT_SERVER_….")
DEFAULT_HOST = "127.0.0.1"
MOST_WORKERS = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("--port", help=_("default: STREAMLIT_SERVER_PORT or 8501"))
    parser.add_argument(
        "--host",
        default=DEFAULT_HOST,
        help=_("the address to listen on; 0.0.0.0: all of this machine's; default: 127.0.0.1"),
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        help=_("server processes; several stand behind nginx, which must be installed; default: 1"),
    )


def call(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or Ctrl+C.

    Raises:
        GradflowError: something is missing or impossible, or the port is taken.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise CommandFailed(Text("serve: Streamlit is missing; pip install 'gradflow[app]'"))
    from gradflow.ui.environment import check_environment  # noqa: PLC0415 - needs Streamlit

    check_environment()
    port = address.parse_port(options.port) if options.port else address.read_port()
    address.read_base_path()
    if not 1 <= options.workers <= MOST_WORKERS:
        raise CommandFailed(
            Text(
                "workers: {count} is not allowed; choose 1 to {most}",
                count=options.workers,
                most=MOST_WORKERS,
            )
        )
    nginx = find_nginx() if options.workers > 1 else None
    if options.workers > 1 and nginx is None:
        raise CommandFailed(
            Text(
                "workers: several processes need nginx, which is not installed; install it (Debian "
                "and Ubuntu: apt-get install nginx-light; macOS: brew install nginx) or leave "
                "--workers out"
            )
        )
    _refuse_taken_port(options.host, port)
    if nginx is None:
        _serve_here(options.host, port)
    else:
        workers.serve(nginx, options.workers, options.host, port)


def _refuse_taken_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = Text(
                "{host}, port {port}: cannot be listened on ({error}); choose another --host or "
                "--port",
                host=host,
                port=str(port),
                error=error.strerror or str(error),
            )
            raise CommandFailed(message) from error


def _serve_here(host: str, port: int) -> None:
    """Serve in this process."""
    from streamlit.web import cli  # noqa: PLC0415 - not a part of the library alone

    share_one_heap()
    say(Text("starting one server process on http://{host}:{port}", host=host, port=str(port)))
    sys.argv[:] = ["streamlit", *workers.list_arguments(host, port)]
    cli.main(sys.argv[1:], prog_name="streamlit")
