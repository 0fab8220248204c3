"""What the commands say: data on stdout, everything else on stderr, one line per error."""

from __future__ import annotations

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
    """Write data to stdout as UTF-8, whatever the terminal's encoding is."""
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
