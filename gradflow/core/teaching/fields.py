"""Specs as URL query parameters, and fields that hold several numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.text import Text

SEPARATOR = "_"
"""Separates the numbers of one field in a URL; a character that URLs do not escape."""


def parse_numbers(
    name: str, values: Any, limit: float, low: float | None = None
) -> tuple[float, ...]:
    """Parse the numbers of a field.

    Args:
        name: the field, for the message.
        values: a number, several numbers, or text with separators between numbers.
        limit: the largest number allowed.
        low: the smallest number allowed; −limit unless given.

    Raises:
        InvalidExperiment: an entry is not a number or is out of range.
    """
    entries = values.split(SEPARATOR) if isinstance(values, str) else values
    smallest = -limit if low is None else low
    parsed = []
    for entry in entries if isinstance(entries, Iterable) else (entries,):
        try:
            number = float(entry)
        except (TypeError, ValueError):
            number = math.nan
        if not smallest <= number <= limit:
            raise InvalidExperiment.for_value(
                name, entry, Text("numbers from {low} to {high}", low=smallest, high=limit)
            )
        parsed.append(number)
    return tuple(parsed)


def to_query(spec: Spec) -> dict[str, str]:
    """Write the fields that apply as text, which the spec's constructor reads back exactly.

    A field without any number is left out, as its default is to have none.
    """
    values = dict(spec)
    names = [name for name in type(spec).list_applicable(values) if values[name] != ()]
    return {name: _to_text(values[name]) for name in names}


def _to_text(value: Any) -> str:
    if isinstance(value, tuple):
        return SEPARATOR.join(map(_to_text, value))
    return repr(value) if isinstance(value, float) else str(value)
