"""What the owner of a server sets by environment variables; an impossible value is refused."""

from __future__ import annotations

import math
import os

from gradflow.core.errors import GradflowError, quote_value
from gradflow.core.text import Text

PROCESSES = "GRADFLOW_PROCESSES"
"""Among how many processes of the app this machine's memory is divided."""
MAX_GIB, DEFAULT_MAX_GIB = "GRADFLOW_MAX_GIB", 2.0
MAX_TFLOP, DEFAULT_MAX_TFLOP = "GRADFLOW_MAX_TFLOP", 0.5
MAX_TRAINING_TFLOP, DEFAULT_MAX_TRAINING_TFLOP = "GRADFLOW_MAX_TRAINING_TFLOP", 200.0
_MOST_PROCESSES = 1024
_SWITCH = {"": False, "0": False, "false": False, "off": False, "1": True, "true": True, "on": True}


class InvalidEnvironment(GradflowError):
    """An environment variable has an impossible value; the message names all three.

    It is no ``ValueError``, so that no settings of a user are blamed for it.
    """

    @classmethod
    def for_value(cls, name: str, value: str, allowed: Text | str) -> InvalidEnvironment:
        """Refuse the value of a variable; ``allowed`` completes "choose …"."""
        message = Text(
            "{name}: {value} is not allowed; choose {allowed}",
            name=name,
            value=quote_value(value),
            allowed=allowed,
        )
        return cls(message)


def read_limits() -> tuple[float, float]:
    """Read how many GiB of memory and TFLOP of arithmetic an experiment may take.

    Raises:
        InvalidEnvironment: a limit is no number above 0.
    """
    return _read_amount(MAX_GIB, DEFAULT_MAX_GIB), _read_amount(MAX_TFLOP, DEFAULT_MAX_TFLOP)


def read_training_limit() -> float:
    """Read how many TFLOP of arithmetic a training run may take.

    Raises:
        InvalidEnvironment: the limit is no number above 0.
    """
    return _read_amount(MAX_TRAINING_TFLOP, DEFAULT_MAX_TRAINING_TFLOP)


def count_processes() -> int:
    """Read among how many processes of the app this machine's memory is divided.

    Raises:
        InvalidEnvironment: the variable is no such number.
    """
    text = os.environ.get(PROCESSES, "").strip()
    if not text:
        return 1
    if text.isascii() and text.isdecimal() and len(text) < 5 and 1 <= int(text) <= _MOST_PROCESSES:
        return int(text)
    allowed = Text("a whole number from 1 to {most}", most=_MOST_PROCESSES)
    raise InvalidEnvironment.for_value(PROCESSES, text, allowed)


def read_switch(name: str, text: str) -> bool:
    """Read whether a variable switches something on.

    Raises:
        InvalidEnvironment: its text is neither on nor off.
    """
    switched = _SWITCH.get(text.strip().lower())
    if switched is None:
        raise InvalidEnvironment.for_value(name, text, Text("1 or 0"))
    return switched


def _read_amount(name: str, default: float) -> float:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not 0 < amount < math.inf:
        raise InvalidEnvironment.for_value(name, text, Text("a number above 0"))
    return amount
