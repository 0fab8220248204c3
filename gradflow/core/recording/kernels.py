"""Compiled loops over the entries of one CPU tensor.

Plain torch operations need about a dozen passes over a tensor for the same numbers, these need
two or three, and they release the GIL (docs/decisions/0001-compiled-recording.md). Every loop is
written so that LLVM turns it into SIMD: one kind of accumulator per loop, no branches. ``x`` is
flat float32 or float64, ``bits`` the same memory as signed integers of the same width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

# Sums may be reordered; NaN, infinities and subnormal numbers keep their meaning.
_REORDER = {"reassoc", "nsz", "contract", "arcp"}
_BLOCK = 1024
_LANES = 4  # separate counters: consecutive increments of one bin would wait for each other


def _compiled(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return numba.njit(function, nogil=True, cache=True, **options)  # type: ignore[no-any-return]
        except RuntimeError:  # nowhere to write a cache: compile anew in every process
            return numba.njit(function, nogil=True, **options)  # type: ignore[no-any-return]

    return decorate


@_compiled(fastmath=_REORDER)
def sums(x):  # type: ignore[no-untyped-def]
    """Σx and Σx² in float64."""
    total, square = 0.0, 0.0
    for i in range(x.size):
        wide = np.float64(x[i])
        total += wide
        square += wide * wide
    return total, square


@_compiled(fastmath=_REORDER)
def centred_square(x, mean):  # type: ignore[no-untyped-def]
    """Σ(x − mean)² in float64."""
    square = 0.0
    for i in range(x.size):
        wide = np.float64(x[i]) - mean
        square += wide * wide
    return square


@_compiled()
def extremes(x, bits):  # type: ignore[no-untyped-def]
    """Smallest and largest entry; one of them is NaN if any entry is.

    Found as sortable integers (all but the sign flipped where negative), because minima of floats
    do not vectorize and lose NaN; here NaN sorts outermost.
    """
    cast = bits.dtype.type  # numba would widen every result to 64 bits
    sign_shift, magnitude = 8 * bits.itemsize - 1, cast(~(-1 << (8 * bits.itemsize - 1)))
    low = high = cast(bits[0] ^ (cast(bits[0] >> sign_shift) & magnitude))
    for i in range(bits.size):
        key = cast(bits[i] ^ (cast(bits[i] >> sign_shift) & magnitude))
        low = min(low, key)
        high = max(high, key)
    found = np.array([low, high])
    for i in range(2):
        found[i] ^= cast(found[i] >> sign_shift) & magnitude
    values = found.view(x.dtype)
    return np.float64(values[0]), np.float64(values[1])


@_compiled(fastmath=_REORDER)
def zeros_and_inside(x, low, high):  # type: ignore[no-untyped-def]
    """How many entries are exactly zero, and how many lie in [low, high]."""
    zeros = inside = np.int32(0)  # 64 bits would halve the lanes of SIMD
    for i in range(x.size):
        zeros = np.int32(zeros + np.int32(x[i] == 0))
        inside = np.int32(inside + np.int32((x[i] >= low) & (x[i] <= high)))
    return zeros, inside


@_compiled()
def around_zero(bits, smallest_normal):  # type: ignore[no-untyped-def]
    """How many entries are +0, −0, and subnormal: of magnitude below ``smallest_normal``."""
    cast = bits.dtype.type
    minus_zero = cast(-1 << (8 * bits.itemsize - 1))
    zeros = minus_zeros = below = np.int32(0)
    for i in range(bits.size):
        zeros = np.int32(zeros + np.int32(bits[i] == 0))
        minus_zeros = np.int32(minus_zeros + np.int32(bits[i] == minus_zero))
        below = np.int32(below + np.int32(cast(bits[i] & ~minus_zero) < smallest_normal))
    return zeros, minus_zeros, below - zeros - minus_zeros


@_compiled(fastmath=_REORDER)
def linear_counts(x, low, scale, bins):  # type: ignore[no-untyped-def]
    """Counts of ⌊(x − low)·scale⌋; all x must be finite and in range.

    The last bin includes its upper edge.
    """
    lanes = np.zeros((_LANES, bins + 1), np.int32)
    index = np.empty(_BLOCK, np.int32)
    for start in range(0, x.size, _BLOCK):
        size = min(_BLOCK, x.size - start)
        for j in range(size):
            index[j] = np.int32((x[start + j] - low) * scale)
        whole = size // _LANES * _LANES
        for j in range(0, whole, _LANES):
            for lane in range(_LANES):
                lanes[lane, np.uint32(index[j + lane])] += 1
        for j in range(whole, size):
            lanes[0, np.uint32(index[j])] += 1
    counts = np.empty(bins, np.int64)
    for k in range(bins):
        counts[k] = lanes[0, k] + lanes[1, k] + lanes[2, k] + lanes[3, k]
    counts[bins - 1] += lanes[0, bins] + lanes[1, bins] + lanes[2, bins] + lanes[3, bins]
    return counts


@_compiled()
def signal_scan(x, bits, inside_low, inside_high, bins):  # type: ignore[no-untyped-def]
    """All statistics of a signal in one call, which for small tensors costs as much as a loop.

    The counts are empty if the range is not one that the tensor's own arithmetic can divide.
    """
    low, high = extremes(x, bits)
    counts = np.empty(0, np.int64)
    if 1e-30 < high - low < 1e37:
        counts = linear_counts(x, x.dtype.type(low), x.dtype.type(bins / (high - low)), bins)
    return sums(x), low, high, zeros_and_inside(x, inside_low, inside_high), counts


@_compiled()
def gradient_scan(x, bits, shift, size):  # type: ignore[no-untyped-def]
    """Sums, extremes, and counts over the log grid: ``size`` negative bins, then positive ones.

    Also how many entries are zero or subnormal (exponent 0, the first bins of each sign).
    """
    lanes = np.zeros((_LANES, 2 * size), np.int32)
    whole = x.size // _LANES * _LANES
    for i in range(0, whole, _LANES):
        for lane in range(_LANES):
            lanes[lane, np.uint32((bits[i + lane] >> shift) + size)] += 1
    for i in range(whole, x.size):
        lanes[0, np.uint32((bits[i] >> shift) + size)] += 1
    counts = np.empty(2 * size, np.int32)
    for k in range(2 * size):
        counts[k] = lanes[0, k] + lanes[1, k] + lanes[2, k] + lanes[3, k]
    lowest = 0
    for k in range(4):
        lowest += counts[k] + counts[size + k]
    return sums(x), extremes(x, bits), counts, lowest


@_compiled()
def dead_columns(rows, low, high):  # type: ignore[no-untyped-def]
    """Columns of which no entry lies strictly between ``low`` and ``high``."""
    alive = np.zeros(rows.shape[1], np.uint8)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            alive[j] |= np.uint8((rows[i, j] > low) & (rows[i, j] < high))
    return rows.shape[1] - alive.sum()
