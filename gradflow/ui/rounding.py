"""Means that are 0 but for rounding errors."""

from __future__ import annotations

_ERROR_SHARE = 1e-12
"""Share of the size of the averaged numbers: above the rounding errors of a mean in float64."""


def drop_rounding_error(mean: float, size: float = 1.0) -> float:
    """Replace a mean that is a rounding error by 0, so that nobody reads 3·10⁻¹⁷.

    Args:
        mean: the mean.
        size: of the numbers that were averaged, say their standard deviation.
    """
    return 0.0 if abs(mean) < _ERROR_SHARE * size else mean
