"""Fields that hold several numbers, and specs as URL query parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.spec import Spec

SEPARATOR = "_"
"""Between the numbers of one field in a URL, which leaves it as it is."""


def parse_numbers(
    name: str, values: Any, limit: float, low: float | None = None
) -> tuple[float, ...]:
    """``values`` as floats.

    Args:
        name: the field, for the message.
        values: numbers or text that reads as numbers; text with separators is split.
        limit: the largest that is allowed.
        low: the smallest that is allowed; −limit unless given.

    Raises:
        InvalidExperiment: something that is not a number, or out of range.
    """
    entries = values.split(SEPARATOR) if isinstance(values, str) else values
    smallest = -limit if low is None else low
    found = []
    for entry in entries if isinstance(entries, Iterable) else (entries,):
        try:
            found.append(float(entry))
        except (TypeError, ValueError):
            found.append(float("nan"))
        if not smallest <= found[-1] <= limit:
            raise InvalidExperiment(
                f"{name}: {quote_value(entry)} is not allowed; "
                f"choose numbers from {smallest:g} to {limit:g}",
                fields=(name,),
            )
    return tuple(found)


def to_query(spec: Spec) -> dict[str, str]:
    """The fields that apply, as text that the spec's constructor reads back exactly."""
    values = dict(spec)
    return {name: _text(values[name]) for name in type(spec).applicable(values)}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return SEPARATOR.join(map(_text, value))
    return repr(value) if isinstance(value, float) else str(value)
