"""Compiled loops over tensors whose first axis is the seed; see ``kernels``."""

from __future__ import annotations

import math

import numpy as np

from gradflow.core.recording.kernels import _REORDER, _compiled, centred_square, dead_columns, sums


@_compiled()
def _moments_in_range(x):  # type: ignore[no-untyped-def]
    total, square = sums(x)
    mean, square = total / x.size, square / x.size
    variance = square - mean * mean
    if variance < 1e-6 * square:  # cancellation: subtract the mean first
        variance = centred_square(x, mean) / x.size
    return mean, math.sqrt(variance), math.sqrt(square)


@_compiled()
def moments(rows):  # type: ignore[no-untyped-def]
    """Mean, population standard deviation and root mean square of each row, in float64."""
    found = np.empty((rows.shape[0], 3))
    for s in range(rows.shape[0]):
        mean, std, rms = _moments_in_range(rows[s])
        if rows.itemsize == 8 and not 1e-140 < rms < 1e140:
            largest = np.abs(rows[s]).max()
            if 0 < largest < math.inf:  # squares have left float64's own range
                mean, std, rms = _moments_in_range(rows[s] / largest)
                mean, std, rms = largest * mean, largest * std, largest * rms
        found[s, 0], found[s, 1], found[s, 2] = mean, std, rms
    return found


@_compiled(fastmath=_REORDER)
def _inside_and_nan(x, low, high):  # type: ignore[no-untyped-def]
    inside = nan = np.int32(0)
    for i in range(x.size):
        inside = np.int32(inside + np.int32((x[i] >= low) & (x[i] <= high)))
        nan = np.int32(nan + np.int32(x[i] != x[i]))
    return inside, nan


@_compiled()
def responses(parts, low, high, alive_low, alive_high):  # type: ignore[no-untyped-def]
    """Of each part (batch, units): the share of entries outside [low, high], NaN not counted,
    and the units never strictly between ``alive_low`` and ``alive_high`` (0 if there is NaN).
    """  # noqa: D205 - one sentence
    cast = parts.dtype.type
    found = np.empty((parts.shape[0], 2))
    for s in range(parts.shape[0]):
        flat = parts[s].reshape(-1)
        inside, nan = _inside_and_nan(flat, cast(low), cast(high))
        found[s, 0] = 1.0 - (inside + nan) / flat.size
        found[s, 1] = 0.0 if nan else float(dead_columns(parts[s], alive_low, alive_high))
    return found
