"""A made-up language for tests: every message stands in ⟦ ⟧ and in full-width letters.

English letters in a text that is read in it were never marked for translation.
"""

from __future__ import annotations

import gettext
import re
from string import ascii_letters

import pytest

from gradflow.core import text

PSEUDO = "qps"
"""Its code, which no real language has."""
_FULL_WIDTH = {ord(letter): ord(letter) + 0xFEE0 for letter in ascii_letters}
_KEPT = re.compile(r"(\{[^{}]*\}|<[^<>]*>)")
"""Placeholders and HTML tags, which a translator leaves alone."""


class PseudoTranslations(gettext.NullTranslations):
    """A catalogue that has a translation of every message."""

    def gettext(self, message: str) -> str:
        return translate(message)


def translate(message: str) -> str:
    """Translate a message; placeholders and tags stay."""
    parts = _KEPT.split(message)
    return f"⟦{''.join(p if i % 2 else p.translate(_FULL_WIDTH) for i, p in enumerate(parts))}⟧"


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the catalogue of the made-up language to those that there are."""
    load, languages = text.load_catalogue, text.list_languages() | {PSEUDO}

    def load_catalogue(language: str) -> gettext.NullTranslations:
        return PseudoTranslations() if language == PSEUDO else load(language)

    monkeypatch.setattr(text, "load_catalogue", load_catalogue)
    monkeypatch.setattr(text, "list_languages", lambda: languages)


def list_english_words(read: str) -> set[str]:
    """List the words of two letters or more that were not translated."""
    return set(re.findall(r"[A-Za-z]{2,}", read))
