"""Numbers for reading."""

from __future__ import annotations

ROUNDING = 1e-12


def tidy(mean: float) -> float:
    """A mean, but 0 where nothing but rounding is left of it."""
    return 0.0 if abs(mean) < ROUNDING else mean
