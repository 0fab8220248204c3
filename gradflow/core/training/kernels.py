"""Compiled loops of the light recording: the moments of one CPU tensor without its histogram.

They call loops of ``gradflow.core.recording.kernels`` (after a change there: ``make clean``).
"""

from __future__ import annotations

import math

import numpy as np

from gradflow.core.recording.kernels import (
    REORDER,
    compiled,
    extremes,
    inside,
    moments,
    nonfinite,
    sums,
)


@compiled()
def summarize_signal(x, bits, inside_low, inside_high):  # type: ignore[no-untyped-def]
    """Compute mean, population standard deviation, root mean square and more of a signal.

    After these three come the number of non-finite entries, the share of entries that are neither
    in [inside_low, inside_high] nor NaN (0 if inside_low > inside_high), the smallest and the
    largest entry.
    """
    low, high = extremes(x, bits)
    mean, std, rms = moments(x, low, high)
    nan, posinf, neginf = nonfinite(x, low, high)
    outside = 0.0
    if inside_low <= inside_high:
        cast = x.dtype.type
        outside = 1.0 - (inside(x, cast(inside_low), cast(inside_high)) + nan) / x.size
    return mean, std, rms, nan + posinf + neginf, outside, low, high


@compiled()
def root_mean_square(x, bits):  # type: ignore[no-untyped-def]
    """Compute the root mean square, and count the non-finite entries."""
    _, square = sums(x)
    if math.isfinite(square) and (x.itemsize == 4 or 1e-280 < square < 1e280):
        return math.sqrt(square / x.size), np.int64(0)
    low, high = extremes(x, bits)
    _, _, rms = moments(x, low, high)
    nan, posinf, neginf = nonfinite(x, low, high)
    return rms, nan + posinf + neginf


@compiled(fastmath=REORDER)
def _find_largest_difference(x, y):  # type: ignore[no-untyped-def]
    largest = 0.0
    for i in range(x.size):
        largest = max(largest, abs(np.float64(x[i]) - np.float64(y[i])))
    return largest


@compiled(fastmath=REORDER)
def _squared_distance(x, y, unit):  # type: ignore[no-untyped-def]
    square = 0.0
    for i in range(x.size):
        wide = (np.float64(x[i]) - np.float64(y[i])) / unit
        square += wide * wide
    return square


@compiled()
def _distance(x, y):  # type: ignore[no-untyped-def]
    square = _squared_distance(x, y, 1.0)
    if 1e-280 < square < 1e280:
        return math.sqrt(square)
    largest = _find_largest_difference(x, y)
    if largest == 0 or not math.isfinite(largest):
        return math.sqrt(square)
    return largest * math.sqrt(_squared_distance(x, y, largest))


@compiled()
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


@compiled()
def measure_segment_distances(x, y, ends):  # type: ignore[no-untyped-def]
    """Measure the Frobenius norm of each part of x − y, in float64."""
    distances = np.zeros(ends.size)
    start = 0
    for i in range(ends.size):
        end = ends[i]
        distances[i] = _distance(x[start:end], y[start:end])
        start = end
    return distances
