"""Compiled loops over tensors whose first axis is the seed; see ``kernels``."""

from __future__ import annotations

import math

import numpy as np

from gradflow.core.recording.kernels import (
    compiled,
    dead_columns,
    inside,
    moments_in_range,
    nonfinite,
    sums,
)


@compiled()
def moments(rows):  # type: ignore[no-untyped-def]
    """Mean, population standard deviation and root mean square of each row, in float64."""
    found = np.empty((rows.shape[0], 3))
    for s in range(rows.shape[0]):
        mean, std, rms = moments_in_range(rows[s])
        if rows.itemsize == 8 and not 1e-140 < rms < 1e140:
            largest = np.abs(rows[s]).max()
            if 0 < largest < math.inf:  # squares have left float64's own range
                mean, std, rms = moments_in_range(rows[s] / largest)
                mean, std, rms = largest * mean, largest * std, largest * rms
        found[s, 0], found[s, 1], found[s, 2] = mean, std, rms
    return found


@compiled()
def responses(parts, low, high, alive_low, alive_high):  # type: ignore[no-untyped-def]
    """Of each part (batch, units): the share of entries outside [low, high], NaN not counted,
    and the units never strictly between ``alive_low`` and ``alive_high`` (0 if there is NaN).
    """  # noqa: D205 - one sentence
    cast = parts.dtype.type
    found = np.empty((parts.shape[0], 2))
    for s in range(parts.shape[0]):
        flat = parts[s].reshape(-1)
        total = sums(flat)[0]
        nan = nonfinite(flat, total, total)[0]
        found[s, 0] = 1.0 - (inside(flat, cast(low), cast(high)) + nan) / flat.size
        found[s, 1] = 0.0 if nan else float(dead_columns(parts[s], alive_low, alive_high))
    return found
