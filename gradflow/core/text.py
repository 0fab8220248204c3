"""Text for a person, rendered when it is read and in the reader's language.

Code computes with codes and numbers, and may keep its results for all readers. A sentence about
them is a ``Text``: a template with its values, which becomes a string only when it is read. So a
second language is a catalogue (``locale/LANGUAGE/LC_MESSAGES/gradflow.mo``), not a rewrite.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from gradflow.core.numbers import format_count, format_number

LANGUAGE: ContextVar[str] = ContextVar("language", default="en")
"""Code of the reader's language; the app sets it once per run of its script."""

_LOCALES = Path(__file__).parents[1] / "locale"
"""The catalogues."""

Value: TypeAlias = "str | float | Text"
"""What a text can quote: codes, names and numbers as they are, and other texts."""


class Text:
    """A message and its values; ``str`` renders it in the reader's language.

    The template is the English message and the key in the catalogues. Its placeholders are those
    of ``str.format``, which write numbers as ``format_number`` does; a template without values is
    taken literally, braces included. Texts can be nested, compared, hashed, copied and pickled;
    none of that renders them.

    >>> str(Text("layers {first} to {last}", first=3, last=7))
    'layers 3 to 7'

    Args:
        template: the message in English; an empty one is an empty text, which is false.
        values: a value for each placeholder; a ``Text`` is rendered together with this one.
    """

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, Value]

    def __init__(self, template: str, /, **values: Value) -> None:
        self.template = template
        self.values = MappingProxyType(values)

    def __str__(self) -> str:
        message = _(self.template)
        values = {name: _make_quotable(value) for name, value in self.values.items()}
        return message.format(**values) if values else message

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        values = "".join(f", {name}={value!r}" for name, value in self.values.items())
        return f"Text({self.template!r}{values})"

    def __bool__(self) -> bool:
        return bool(self.template)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Text):
            return NotImplemented
        return (self.template, self.values) == (other.template, other.values)

    def __hash__(self) -> int:
        return hash((self.template, frozenset(self.values.items())))

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Text, self.template, **self.values), ()


_LONGEST_COUNT = 10**12
"""Whole numbers beyond are written with a power of ten."""


class _Number(float):
    """A number that a template quotes as people write it, unless the template says how."""

    def __format__(self, spec: str) -> str:
        return super().__format__(spec) if spec else format_number(self)


def _make_quotable(value: Value) -> Value:
    match value:
        case bool():
            return value
        case int() if abs(value) <= _LONGEST_COUNT:
            return format_count(value)
        case int() | float():
            return _Number(value)
    return value


EMPTY = Text("")
"""Nothing to say; it is false."""


def join_texts(*texts: Text | str, separator: str = " ") -> Text:
    """Put texts one after the other, leaving out the empty ones."""
    given = [text for text in texts if text]
    parts: dict[str, Value] = {f"part{i}": text for i, text in enumerate(given)}
    return Text(separator.join(f"{{{name}}}" for name in parts), **parts)


def _(message: str) -> str:
    """Translate a message now, into the reader's language."""
    return load_catalogue(LANGUAGE.get()).gettext(message) if message else ""


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for "mark, translate later"
    """Mark a string in a table for translation; it is translated where it is shown."""
    return message


@cache
def load_catalogue(language: str) -> gettext.NullTranslations:
    """Load the translations into a language; without a catalogue texts stay in English."""
    return gettext.translation("gradflow", localedir=_LOCALES, languages=[language], fallback=True)


@contextmanager
def read_in(language: str) -> Iterator[None]:
    """Read everything in a language."""
    token = LANGUAGE.set(language)
    try:
        yield
    finally:
        LANGUAGE.reset(token)


def find_language(locale: str) -> str:
    """Find the language for a browser's locale: for ``pt-BR`` pt_BR, else pt, else English."""
    code, languages = locale.replace("-", "_"), list_languages()
    return next((c for c in (code, code.partition("_")[0]) if c in languages), "en")


@cache
def list_languages() -> frozenset[str]:
    """List the codes of the languages in which texts can be read."""
    catalogues = _LOCALES.glob("*/LC_MESSAGES/gradflow.mo")
    return frozenset({"en", *(file.parents[1].name for file in catalogues)})
