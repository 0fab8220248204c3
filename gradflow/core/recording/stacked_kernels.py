"""Compiled loops over tensors whose first axis is the member of a stack; see ``kernels``."""

from __future__ import annotations

import math

import numpy as np

from gradflow.core.recording.kernels import (
    compile_loop,
    compute_moments_in_range,
    compute_similarity,
    compute_sums,
    count_inside,
    count_nonfinite,
    mark_alive_columns,
)


@compile_loop()
def compute_stacked_moments(rows):  # type: ignore[no-untyped-def]
    """Compute mean, population standard deviation and rms of each row, in float64."""
    result = np.empty((rows.shape[0], 3))
    for s in range(rows.shape[0]):
        mean, std, rms = compute_moments_in_range(rows[s])
        if rows.itemsize == 8 and not 1e-140 < rms < 1e140:
            largest = np.abs(rows[s]).max()
            if 0 < largest < math.inf:  # squares have left float64's own range
                mean, std, rms = compute_moments_in_range(rows[s] / largest)
                mean, std, rms = largest * mean, largest * std, largest * rms
        result[s, 0], result[s, 1], result[s, 2] = mean, std, rms
    return result


@compile_loop()
def measure_stacked_responses(parts, low, high, alive_low, alive_high):  # type: ignore[no-untyped-def]
    """Measure saturation and dead units of each part (batch, units).

    Saturated is the share of entries outside [low, high], NaN not counted; dead are the units
    never strictly between ``alive_low`` and ``alive_high`` (0 if there is NaN).
    """
    cast = parts.dtype.type
    result = np.empty((parts.shape[0], 2))
    for s in range(parts.shape[0]):
        flat = parts[s].reshape(-1)
        total = compute_sums(flat)[0]
        nan = count_nonfinite(flat, total, total)[0]
        result[s, 0] = 1.0 - (count_inside(flat, cast(low), cast(high)) + nan) / flat.size
        result[s, 1] = 0.0 if nan else float(mark_alive_columns(parts[s], alive_low, alive_high)[0])
    return result


@compile_loop()
def compute_similarities(parts):  # type: ignore[no-untyped-def]
    """Compute the mean cosine between two different rows of each part (batch, units)."""
    result = np.empty(parts.shape[0])
    for s in range(parts.shape[0]):
        result[s] = compute_similarity(parts[s], np.abs(parts[s]).max())
    return result
