"""Text that a person reads: made when it is read, in the language of who reads it.

Code computes with codes and numbers and may keep what it computed for everybody; a sentence about
it is a ``Text``, a template with its values, which becomes a string only when it is read. A second
language is a catalogue (``locale/LANGUAGE/LC_MESSAGES/gradflow.mo``), not a rewrite.
"""

from __future__ import annotations

import gettext
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGE: ContextVar[str] = ContextVar("language", default="en")
"""Code of the language that is read; the app sets it once per session."""


@cache
def load_catalogue(language: str) -> gettext.NullTranslations:
    """Load the translations into a language; without a catalogue texts stay in English."""
    locale = Path(__file__).parents[1] / "locale"
    return gettext.translation("gradflow", localedir=locale, languages=[language], fallback=True)


def _(message: str) -> str:
    """Translate a message now, into the language that is read."""
    return load_catalogue(LANGUAGE.get()).gettext(message) if message else ""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "mark, translate later"
    """Mark a string in a table for translation; it is translated where it is shown."""
    return message


class Text:
    """A message and its values; ``str`` renders it in the language of the reader.

    Texts are equal if they say the same in every language, and can be hashed and pickled. A value
    may be a ``Text`` itself.

    >>> str(Text("layers {first} to {last}", first=3, last=7))
    'layers 3 to 7'
    """

    def __init__(self, template: str, **values: Any) -> None:
        self.template = template
        self.values = values

    def __str__(self) -> str:
        return _(self.template).format(**self.values)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return f"Text({self.template!r}, {self.values!r})"

    def __bool__(self) -> bool:
        return bool(self.template)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and (self.template, self.values) == (
            other.template,
            other.values,
        )

    def __hash__(self) -> int:
        return hash((self.template, *sorted(self.values)))


def join_texts(*texts: Text | str, separator: str = " ") -> Text:
    """Put sentences one after the other; empty ones are left out."""
    given = [text for text in texts if text]
    names = [f"part{i}" for i in range(len(given))]
    template = separator.join(f"{{{name}}}" for name in names)
    return Text(template, **dict(zip(names, given, strict=True)))
