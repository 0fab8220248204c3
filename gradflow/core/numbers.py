"""Numbers as people write them: the only place that knows how many digits, and which signs."""

from __future__ import annotations

import math

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MINUS = "−"


def format_number(value: float, digits: int = 3) -> str:
    """Write a number for reading: 0.012, 2.3, 51,200, but 5.2·10⁻⁷ and 10⁻¹⁴; NaN, ∞, −∞.

    Args:
        value: a whole number below a million is written in full.
        digits: significant digits of any other.
    """
    if math.isnan(value):
        return "NaN"
    sign = _MINUS if value < 0 else ""
    size = abs(value)
    if math.isinf(size):
        return f"{sign}∞"
    if size < 1e6 and size == int(size):
        return sign + format_count(int(size))
    mantissa, exponent = f"{size:.{digits - 1}e}".split("e")
    e = int(exponent)
    if -4 < e < 6:
        rounded = float(f"{mantissa}e{e}")
        return sign + _trim_zeros(f"{rounded:,.{max(0, digits - 1 - e)}f}")
    mantissa = _trim_zeros(mantissa)
    return sign + (format_power(e) if mantissa == "1" else f"{mantissa}·{format_power(e)}")


def format_power(exponent: int) -> str:
    """Write a power of ten: 10⁻⁷."""
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def format_count(value: int) -> str:
    """Write a whole number in full, its digits in groups of three: 12,345."""
    return f"{value:,}".replace("-", _MINUS)


def format_share(value: float) -> str:
    """Write a share of 1 in per cent; only exactly 0 is "0%", only exactly 1 is "100%"."""
    if math.isnan(value):
        return "NaN"
    if 0 < value < 1e-4:
        return "<0.01%"
    if 0.9999 < value < 1:
        return ">99.99%"
    percent = 100 * value
    decimals = 0 if percent in (0, 100) else 2 if percent < 1 or percent > 99 else 1
    return f"{_trim_zeros(f'{percent:.{decimals}f}')}%"


def _trim_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
