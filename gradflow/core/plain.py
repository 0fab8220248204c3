"""Strict JSON: encoding of values, and readers that check what they read.

Non-finite numbers are the strings NaN, Infinity and -Infinity. The readers raise ``TypeError``,
``ValueError`` or ``KeyError`` on anything that they do not expect.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode(value: Any) -> Any:
    """Replace non-finite numbers by strings, at any depth of mappings and lists."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def check_type(value: Any, *types: type) -> Any:
    """Return the value if it is of one of these types; else raise ``TypeError``."""
    if not isinstance(value, types):
        raise TypeError(f"{value!r:.50}")
    return value


def read_text(value: Any) -> str:
    """Read a text."""
    return str(check_type(value, str))


def read_whole(value: Any) -> int:
    """Read a whole number from 0 that fits into 64 bits."""
    if isinstance(value, bool) or not 0 <= check_type(value, int) < 2**63:
        raise ValueError(f"{value!r:.50}")
    return int(value)


def read_real(value: Any) -> float:
    """Read a number, which may be one of the three non-finite strings."""
    if isinstance(value, str):
        return _NON_FINITE[value]
    if isinstance(value, bool):
        raise TypeError(f"{value!r}")
    return float(check_type(value, int, float))


def read_positive(value: Any) -> float:
    """Read a finite number above 0."""
    number = read_real(value)
    if not 0 < number < math.inf:
        raise ValueError(f"{value!r:.50}")
    return number
