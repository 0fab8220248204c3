"""Strict JSON: encoding of values, and readers that check what they read.

Non-finite numbers are the strings NaN, Infinity and -Infinity. The readers raise ``ValueError`` on
anything that they do not expect; ``name_field`` says where it stands.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gradflow.core.errors import quote_value

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_DEEPEST = 16
"""Lists and mappings within each other; a run with reports in it has eight."""
_ROUNDING = 1e-6
"""How far outside its bounds rounding may leave a mean of cosines."""


def parse(text: str | bytes) -> Any:
    """Parse JSON that a stranger may have written.

    Raises:
        ValueError: it is no JSON, or nested deeper than anything that is written here.
    """
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [data]
    for _depth in range(_DEEPEST):
        level = [part for item in level for part in _list_parts(item)]
        if not level:
            return data
    raise ValueError("nested too deeply")


def _list_parts(item: Any) -> list[Any]:
    values = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
    return [value for value in values if isinstance(value, (dict, list))]


@contextmanager
def name_field(name: str) -> Iterator[None]:
    """Put the field's name before what is wrong with the data that are read inside."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"{name}: {error} is missing") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name}: {error}") from error


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
    """Return the value if it is of one of these types; else raise ``ValueError``."""
    if not isinstance(value, types):
        raise ValueError(_write_fault(value, " or ".join(_KINDS[kind] for kind in types)))  # noqa: TRY004 - one error for all that is read
    return value


_KINDS = {
    dict: "a mapping",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "null",
}


def read_field(data: Mapping[str, Any], name: str, read: Callable[[Any], Any]) -> Any:
    """Read a field of a mapping; what is wrong with it begins with its name."""
    with name_field(name):
        if name not in data:
            raise ValueError("missing")
        return read(data[name])


def read_text(value: Any) -> str:
    """Read a text that can be written as UTF-8: half a character cannot be sent to a browser."""
    text = str(check_type(value, str))
    if not text.isascii():
        text.encode()  # raises UnicodeEncodeError, a ValueError
    return text


def read_whole(value: Any) -> int:
    """Read a whole number from 0 that fits into 64 bits."""
    if type(value) is not int or not 0 <= value < 2**63:
        raise ValueError(_write_fault(value, "a whole number from 0"))
    return int(value)


def read_real(value: Any) -> float:
    """Read a number, which may be one of the three non-finite strings."""
    if isinstance(value, str) and value in _NON_FINITE:
        return _NON_FINITE[value]
    if type(value) not in (int, float):
        raise ValueError(_write_fault(value, "a number"))
    return float(value)


def read_positive(value: Any) -> float:
    """Read a finite number above 0."""
    number = read_real(value)
    if not 0 < number < math.inf:
        raise ValueError(_write_fault(value, "a finite number above 0"))
    return number


def read_size(value: Any) -> float:
    """Read a norm, or another number that cannot be negative; it may be infinite or NaN."""
    number = read_real(value)
    if number < 0:
        raise ValueError(_write_fault(value, "a number from 0"))
    return number


def read_share(value: Any) -> float:
    """Read a share; NaN where it is not known."""
    number = read_real(value)
    if not (0 <= number <= 1 or math.isnan(number)):
        raise ValueError(_write_fault(value, "a share from 0 to 1"))
    return number


def read_cosine(value: Any) -> float:
    """Read a cosine, or a mean of some; NaN where it is not known."""
    number = read_real(value)
    if abs(number) > 1 + _ROUNDING:
        raise ValueError(_write_fault(value, "a cosine from −1 to 1"))
    return number


def read_count(value: Any) -> float:
    """Read a count among measured numbers; NaN where it is not known."""
    number = read_real(value)
    if not math.isnan(number) and not (number >= 0 and number.is_integer()):
        raise ValueError(_write_fault(value, "a whole number from 0"))
    return number


def _write_fault(value: Any, allowed: str) -> str:
    return f"{quote_value(value)} is not {allowed}"
