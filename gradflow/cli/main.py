"""The command ``gradflow``: its arguments, and what a failure looks like."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Sequence
from typing import NoReturn

import gradflow
from gradflow.cli import health, proxy, run, serve, sweep
from gradflow.cli.console import give_up_stdout, say
from gradflow.core.errors import GradflowError
from gradflow.core.text import _

_WRONG_ARGUMENTS = 2
"""Exit status, as of every Unix command."""


_COMMANDS = {"serve": serve, "run": run, "sweep": sweep, "health": health, "proxy": proxy}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, instead of after the usage."""
        say(_("{problem} ({command} --help says more)").format(problem=message, command=self.prog))
        raise SystemExit(_WRONG_ARGUMENTS)


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands; each sets ``call``, which takes the parsed arguments."""
    parser = _Parser("gradflow", description=_("See how gradients flow through a network."))
    parser.add_argument("--version", action="version", version=f"gradflow {gradflow.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, module in _COMMANDS.items():
        command = commands.add_parser(
            name, help=str(module.HELP), description=str(module.HELP), epilog=str(module.MORE)
        )
        module.add_arguments(command)
        command.set_defaults(call=module.call)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: without the program's name; those of the process by default.

    Returns:
        The exit status: 0, 1 where the command failed, 128 + the signal where one ended it.

    Raises:
        SystemExit: the arguments are wrong (2), or ask for help or the version (0).
    """
    options = make_parser().parse_args(arguments)
    call: Callable[[argparse.Namespace], None] = options.call
    try:
        call(options)
    except GradflowError as error:
        say(error.message)
        return 1
    except BrokenPipeError:  # the reader of our data has seen enough: gradflow run … | head
        give_up_stdout()
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0
