"""Read numbers back from texts for people."""

from __future__ import annotations

import re

_TO_PLAIN = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-", ",")
_SUPERSCRIPT = "[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+"
_NUMBER = re.compile(rf"(?P<power>−?(?:[\d.,]*\d·)?10{_SUPERSCRIPT})|−?\d[\d,]*(?:\.\d+)?")


def read_numbers(text: str) -> list[float]:
    """Read all numbers in a text: 0.5, 1,797, 10⁻⁶, −3·10²⁰."""
    return [_read_number(match[0], bool(match["power"])) for match in _NUMBER.finditer(text)]


def _read_number(text: str, is_power: bool) -> float:
    if not is_power:
        return float(text.translate(_TO_PLAIN))
    mantissa, _, exponent = text.rpartition("10")
    mantissa = mantissa.rstrip("·").translate(_TO_PLAIN)
    if mantissa in ("", "-"):
        mantissa += "1"
    return float(f"{mantissa}e{exponent.translate(_TO_PLAIN)}")
