"""Compiled loops of the light recording: the moments of one CPU tensor without its histogram.

They call loops of ``gradflow.core.recording.kernels`` (after a change there: ``make clean``).
"""

from __future__ import annotations

import math

import numpy as np

from gradflow.core.recording.kernels import (
    REORDER,
    compile_loop,
    compute_moments,
    compute_sums,
    count_inside,
    count_nonfinite,
    find_extremes,
)


@compile_loop()
def summarize_signal(x, bits, inside_low, inside_high):  # type: ignore[no-untyped-def]
    """Compute mean, population standard deviation, root mean square and more of a signal.

    After these three come the number of non-finite entries, the share of entries that are neither
    in [inside_low, inside_high] nor NaN (0 if inside_low > inside_high), the smallest and the
    largest entry.
    """
    low, high = find_extremes(x, bits)
    mean, std, rms = compute_moments(x, low, high)
    nan, posinf, neginf = count_nonfinite(x, low, high)
    outside = 0.0
    if inside_low <= inside_high:
        cast = x.dtype.type
        outside = 1.0 - (count_inside(x, cast(inside_low), cast(inside_high)) + nan) / x.size
    return mean, std, rms, nan + posinf + neginf, outside, low, high


@compile_loop()
def root_mean_square(x, bits):  # type: ignore[no-untyped-def]
    """Compute the root mean square, and count the non-finite entries."""
    _, square = compute_sums(x)
    if math.isfinite(square) and (x.itemsize == 4 or 1e-280 < square < 1e280):
        return math.sqrt(square / x.size), np.int64(0)
    low, high = find_extremes(x, bits)
    _, _, rms = compute_moments(x, low, high)
    nan, posinf, neginf = count_nonfinite(x, low, high)
    return rms, nan + posinf + neginf


@compile_loop(fastmath=REORDER)
def _find_largest_difference(x, y):  # type: ignore[no-untyped-def]
    largest = 0.0
    for i in range(x.size):
        largest = max(largest, abs(np.float64(x[i]) - np.float64(y[i])))
    return largest


@compile_loop(fastmath=REORDER)
def _squared_distance(x, y, unit):  # type: ignore[no-untyped-def]
    square = 0.0
    for i in range(x.size):
        wide = (np.float64(x[i]) - np.float64(y[i])) / unit
        square += wide * wide
    return square


@compile_loop()
def _distance(x, y):  # type: ignore[no-untyped-def]
    square = _squared_distance(x, y, 1.0)
    if 1e-280 < square < 1e280:
        return math.sqrt(square)
    largest = _find_largest_difference(x, y)
    if largest == 0 or not math.isfinite(largest):
        return math.sqrt(square)
    return largest * math.sqrt(_squared_distance(x, y, largest))


@compile_loop()
def measure_segment_norms(x, bits, ends):  # type: ignore[no-untyped-def]
    """Measure the Frobenius norm, and count the non-finite entries, of each part of ``x``."""
    norms, broken = np.zeros(ends.size), np.zeros(ends.size)
    start = 0
    for i in range(ends.size):
        end = ends[i]
        if end > start:
            rms, count = root_mean_square(x[start:end], bits[start:end])
            norms[i], broken[i] = rms * math.sqrt(end - start), count
        start = end
    return norms, broken


@compile_loop()
def measure_segment_distances(x, y, ends):  # type: ignore[no-untyped-def]
    """Measure the Frobenius norm of each part of x − y, in float64."""
    distances = np.zeros(ends.size)
    start = 0
    for i in range(ends.size):
        end = ends[i]
        distances[i] = _distance(x[start:end], y[start:end])
        start = end
    return distances
