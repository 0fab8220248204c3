"""All errors that GradFlow raises on purpose, with one base class for callers to catch."""

from __future__ import annotations

import json
from typing import Any

from gradflow.core.text import Text


class GradflowError(Exception):
    """Base class of all errors raised by GradFlow; a message can be shown to a user as it is.

    The message is a ``Text``, which renders in the language of its reader.
    """

    @property
    def message(self) -> Text | str:
        """The message before it is rendered."""
        message: Text | str = self.args[0]
        return message


class InvalidExperiment(GradflowError, ValueError):
    """A setting is impossible; the message names the field, the value and what is allowed.

    ``fields`` are the names of the settings at fault, for callers that can correct them.
    """

    def __init__(self, message: Text | str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields

    @classmethod
    def for_value(cls, field: str, value: object, allowed: Text | str) -> InvalidExperiment:
        """Refuse the value of a setting; ``allowed`` completes "choose …"."""
        message = Text(
            "{field}: {value} is not allowed; choose {allowed}",
            field=field,
            value=quote_value(value),
            allowed=allowed,
        )
        return cls(message, fields=(field,))


class InvalidReport(GradflowError, ValueError):
    """A saved report cannot be read: not a report, damaged, or of another format version."""


class ProbeError(GradflowError):
    """A model cannot be probed as it stands; the message says what to change."""


class DeviceUnavailable(GradflowError):
    """The experiment asks for a device that this machine does not have."""


def quote_value(value: Any) -> str:
    """Quote a value for an error message: JSON-like, short, and printable whatever it is."""
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):  # an int of 5000 digits, say
        text = f"this {type(value).__name__}"
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= 60 else text[:57] + "…"
