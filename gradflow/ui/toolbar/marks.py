"""Where a slider over a number stops."""

from __future__ import annotations

import math
from collections.abc import Sequence

_LINEAR_RANGE = 200
"""So many whole numbers are all marks; of more, those that are easy to say."""
_LARGEST = 1e6
"""Beyond, a slider over whole numbers makes no sense: the number is typed."""
_STEPS = (
    1,
    1.1,
    1.2,
    1.3,
    1.4,
    1.5,
    1.6,
    1.8,
    2,
    2.2,
    2.5,
    2.8,
    3,
    3.5,
    4,
    4.5,
    5,
    5.5,
    6,
    7,
    8,
    9,
)
"""Within a decade; a step changes the number by 5 to 17%."""
_COARSE_STEPS = (1, 2, 5)
_MOST_DECADES = 8
"""Beyond, counted for both signs, a slider has coarse steps."""


def list_marks(low: float, high: float, *, whole: bool, usual: float) -> list[float]:
    """List the values at which a slider stops, in order; none if the range is too wide.

    Args:
        low: the smallest allowed number, or one below all that are allowed.
        high: the largest.
        whole: whether only whole numbers are allowed.
        usual: the default; marks go down to a hundredth of it.
    """
    if whole:
        return list(_list_whole(int(low), int(high)))
    if (low, high) == (0, 1):
        return [i / 100 for i in range(101)]
    smallest = 10.0 ** (math.floor(math.log10(usual)) - 2 if usual > 0 else -3)
    coarse = math.log10(high / smallest) * (2 if low < 0 else 1) > _MOST_DECADES
    marks = _list_decades(smallest, high, _COARSE_STEPS if coarse else _STEPS)
    above = [mark for mark in (*marks, *([high] if coarse else [])) if low <= mark]
    above = list(dict.fromkeys(above))
    below = [-mark for mark in reversed(above) if low <= -mark]
    return [*below, *([0.0] if low <= 0 else []), *above]


def _list_whole(low: int, high: int) -> list[int]:
    if high - low <= _LINEAR_RANGE:
        return list(range(low, high + 1))
    if high > _LARGEST:
        return []
    decades = (10**exponent for exponent in range(len(str(high))))
    round_numbers = {n * d for d in decades for n in range(10, 100)} | set(range(low, 10))
    powers = {2**exponent for exponent in range(high.bit_length())}
    return sorted(n for n in round_numbers | powers | {high} if low <= n <= high)


def _list_decades(smallest: float, high: float, steps: Sequence[float]) -> list[float]:
    first, last = round(math.log10(smallest)), math.floor(math.log10(high))
    marks = [float(f"{step}e{exponent}") for exponent in range(first, last + 1) for step in steps]
    return [mark for mark in marks if mark <= high]
