"""Axes of a sweep, as they are named on a command line."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from gradflow.cli.console import CommandFailed
from gradflow.core.errors import quote_value
from gradflow.core.text import Text

_MOST_VALUES = 10_000


class Axis(NamedTuple):
    """A setting and its values, as somebody named them.

    Attributes:
        name: of the setting.
        values: numbers, or options.
        is_spaced: whether only the ends were named; whole numbers are rounded then.
    """

    name: str
    values: list[Any]
    is_spaced: bool = False


def parse_axis(text: str) -> Axis:
    """Parse ``name=values``: ``10,20,50``, or ``from:to:count``, with ``:log`` in equal ratios.

    Raises:
        CommandFailed: it is neither.
    """
    name, equals, values = text.partition("=")
    if not (name and equals and values):
        message = Text(
            "axis: {text} is not NAME=VALUES, such as depth=10,20,50", text=quote_value(text)
        )
        raise CommandFailed(message)
    if ":" in values:
        return Axis(name, _space_out(text, values.split(":")), is_spaced=True)
    parts = values.split(",")
    if "" in parts:
        message = Text("axis: {text} has an empty value between commas", text=quote_value(text))
        raise CommandFailed(message)
    return Axis(name, [_parse_value(value) for value in parts])


def _space_out(text: str, parts: list[str]) -> list[float]:
    try:
        low, high, count = float(parts[0]), float(parts[1]), int(parts[2])
        ratios = parts[3:] == ["log"]
        possible = 2 <= count <= _MOST_VALUES and (low > 0 < high or not ratios)
    except (ValueError, IndexError):
        possible = False
    if not possible or len(parts) > 3 + ratios or not math.isfinite(high - low):
        message = Text(
            "axis: {text} is not NAME=from:to:count or NAME=from:to:count:log, with a count of 2 "
            "to {most}, and numbers above 0 for log",
            text=quote_value(text),
            most=_MOST_VALUES,
        )
        raise CommandFailed(message)
    shares = [i / (count - 1) for i in range(count)]
    if ratios:
        return [float(f"{low * (high / low) ** share:.6g}") for share in shares]
    return [float(f"{low + (high - low) * share:.6g}") for share in shares]


def _parse_value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)
