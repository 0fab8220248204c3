"""What the commands say: data on stdout, everything else on stderr, one line per error."""

from __future__ import annotations

import os
import sys

from gradflow.core.errors import GradflowError
from gradflow.core.text import Text


class CommandFailed(GradflowError):
    """A command cannot do what it was asked for; the message is one line for the terminal."""


def say(message: Text | str) -> None:
    """Say something to the person at the terminal: a line on stderr."""
    sys.stderr.write(f"gradflow: {' '.join(str(message).split())}\n")
    sys.stderr.flush()


def write_data(text: str) -> None:
    """Write data to stdout as UTF-8, whatever the terminal's encoding is.

    Raises:
        CommandFailed: it cannot be written: stdout is closed, or the disk is full.
        BrokenPipeError: whoever read it has seen enough.
    """
    if sys.stdout is None:
        raise CommandFailed(Text("stdout: is closed"))
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up_stdout()
        message = Text("stdout: cannot be written ({error})", error=error.strerror or str(error))
        raise CommandFailed(message) from error


def give_up_stdout() -> None:
    """Throw away what is left for stdout: Python writes it at the exit, and would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
