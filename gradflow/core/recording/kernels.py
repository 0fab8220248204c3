"""Compiled loops over the entries of one CPU tensor.

Plain torch operations need about a dozen passes over a tensor for the same numbers, these need
two or three, and they release the GIL (docs/decisions/0001-compiled-recording.md). Every loop is
written so that LLVM turns it into SIMD: one kind of accumulator per loop, no branches, blocks as
slices (an index that is a sum might be negative, and is then tested). ``x`` is
flat float32 or float64, ``bits`` the same memory as signed integers of the same width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

# Sums may be reordered; NaN, infinities and subnormal numbers keep their meaning.
REORDER = {"reassoc", "nsz", "contract", "arcp"}
_BLOCK = 1024
_LANES = 4  # separate counters: consecutive increments of one bin would wait for each other


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return numba.njit(function, nogil=True, cache=True, **options)  # type: ignore[no-any-return]
        except RuntimeError:  # nowhere to write a cache: compile anew in every process
            return numba.njit(function, nogil=True, **options)  # type: ignore[no-any-return]

    return decorate


@compiled(fastmath=REORDER)
def sums(x):  # type: ignore[no-untyped-def]
    """Σx and Σx² in float64."""
    total, square = 0.0, 0.0
    for i in range(x.size):
        wide = np.float64(x[i])
        total += wide
        square += wide * wide
    return total, square


@compiled(fastmath=REORDER)
def centred_square(x, mean):  # type: ignore[no-untyped-def]
    """Σ(x − mean)² in float64."""
    square = 0.0
    for i in range(x.size):
        wide = np.float64(x[i]) - mean
        square += wide * wide
    return square


@compiled()
def extremes(x, bits):  # type: ignore[no-untyped-def]
    """Smallest and largest entry; both NaN if any entry is.

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
    lowest, highest = np.float64(values[0]), np.float64(values[1])
    if np.isnan(lowest) or np.isnan(highest):
        return math.nan, math.nan
    return lowest, highest


@compiled()
def moments_in_range(x):  # type: ignore[no-untyped-def]
    """Mean, population standard deviation and rms of entries whose squares stay in float64."""
    total, square = sums(x)
    mean, square = total / x.size, square / x.size
    variance = square - mean * mean
    if variance < 1e-6 * square:  # cancellation: subtract the mean first
        variance = centred_square(x, mean) / x.size
    return mean, math.sqrt(variance), math.sqrt(square)


@compiled()
def moments(x, low, high):  # type: ignore[no-untyped-def]
    """Mean, population standard deviation and root mean square; ``low``, ``high``: extremes."""
    largest = max(abs(low), abs(high))
    if x.itemsize == 8 and not 1e-140 < largest < 1e140 and 0 < largest < math.inf:
        # Squares would leave float64's own range.
        mean, std, rms = moments_in_range(x / largest)
        return largest * mean, largest * std, largest * rms
    return moments_in_range(x)


@compiled()
def nonfinite(x, low, high):  # type: ignore[no-untyped-def]
    """NaN, +inf and −inf entries; the extremes already tell whether there are any."""
    nan = posinf = neginf = np.int64(0)
    if not (math.isfinite(low) and math.isfinite(high)):
        for i in range(x.size):
            nan += np.isnan(x[i])
            posinf += x[i] == math.inf
            neginf += x[i] == -math.inf
    return nan, posinf, neginf


@compiled(fastmath=REORDER)
def inside(x, low, high):  # type: ignore[no-untyped-def]
    """How many entries lie in [low, high]."""
    count = np.int32(0)  # 64 bits would halve the lanes of SIMD
    for i in range(x.size):
        count = np.int32(count + np.int32((x[i] >= low) & (x[i] <= high)))
    return count


@compiled()
def around_zero(bits, smallest_normal):  # type: ignore[no-untyped-def]
    """How many entries are +0, −0, and subnormal: of magnitude below ``smallest_normal``."""
    cast = bits.dtype.type
    minus_zero, limit = cast(-1 << (8 * bits.itemsize - 1)), cast(smallest_normal)
    zeros = minus_zeros = below = np.int32(0)
    for i in range(bits.size):
        zeros = np.int32(zeros + np.int32(bits[i] == 0))
        minus_zeros = np.int32(minus_zeros + np.int32(bits[i] == minus_zero))
        below = np.int32(below + np.int32(cast(bits[i] & ~minus_zero) < limit))
    return zeros, minus_zeros, below - zeros - minus_zeros


@compiled()
def _increment(lanes, index):  # type: ignore[no-untyped-def]
    whole = index.size // _LANES
    for j in range(whole):
        for lane in range(_LANES):
            lanes[lane, np.uint32(index[np.uint32(_LANES * j + lane)])] += 1
    for j in range(_LANES * whole, index.size):
        lanes[0, np.uint32(index[j])] += 1


@compiled(fastmath=REORDER)
def linear_counts(x, low, scale, counts):  # type: ignore[no-untyped-def]
    """Fill ``counts`` with those of ⌊(x − low)·scale⌋; all x must be finite and in range.

    The last bin includes its upper edge.
    """
    bins = counts.size
    lanes = np.zeros((_LANES, bins + 1), np.int32)
    index = np.empty(_BLOCK, np.int32)
    for start in range(0, x.size, _BLOCK):
        block = x[start : start + _BLOCK]
        for j in range(block.size):
            index[j] = np.int32((block[j] - low) * scale)
        _increment(lanes, index[: block.size])
    for k in range(bins):
        counts[k] = lanes[0, k] + lanes[1, k] + lanes[2, k] + lanes[3, k]
    counts[bins - 1] += lanes[0, bins] + lanes[1, bins] + lanes[2, bins] + lanes[3, bins]


@compiled()
def signal_scan(x, bits, inside_low, inside_high, counts):  # type: ignore[no-untyped-def]
    """All statistics of a signal in one call, which for small tensors costs as much as a loop.

    Returns moments, extremes, zeros, non-finite entries, entries in [inside_low, inside_high] (0
    if that is no interval), and whether ``counts`` was filled: not if the range is none that the
    tensor's own arithmetic can divide.
    """
    low, high = extremes(x, bits)
    mean, std, rms = moments(x, low, high)
    cast = x.dtype.type
    zeros = unsaturated = np.int32(0)
    if low <= 0 <= high or math.isnan(low):
        zeros = inside(x, cast(0), cast(0))
    if inside_low <= inside_high:
        unsaturated = inside(x, cast(inside_low), cast(inside_high))
    counted = 1e-30 < high - low < 1e37
    if counted:
        linear_counts(x, cast(low), cast(counts.size / (high - low)), counts)
    nan, posinf, neginf = nonfinite(x, low, high)
    return mean, std, rms, low, high, zeros, nan, posinf, neginf, unsaturated, counted


@compiled()
def gradient_scan(x, bits, shift, smallest_normal, always, counts):  # type: ignore[no-untyped-def]
    """All statistics of a gradient, and its counts over the log grid: negative bins, then positive.

    Entries around zero are looked at one by one if there are any in the first bins of each sign,
    those of exponent 0, or ``always``. Returns moments, extremes, zeros, subnormal and non-finite
    entries.
    """
    size = counts.size // 2
    lanes = np.zeros((_LANES, 2 * size), np.int32)
    index = np.empty(_BLOCK, np.int32)
    for start in range(0, bits.size, _BLOCK):
        block = bits[start : start + _BLOCK]
        for j in range(block.size):
            index[j] = np.int32(block[j] >> shift) + np.int32(size)
        _increment(lanes, index[: block.size])
    for k in range(2 * size):
        counts[k] = lanes[0, k] + lanes[1, k] + lanes[2, k] + lanes[3, k]
    lowest = 0
    for k in range(4):
        lowest += counts[k] + counts[size + k]
    zeros = minus_zeros = subnormal = np.int32(0)
    if always or lowest:
        zeros, minus_zeros, subnormal = around_zero(bits, smallest_normal)
        counts[size] -= zeros
        counts[0] -= minus_zeros
    low, high = extremes(x, bits)
    mean, std, rms = moments(x, low, high)
    nan, posinf, neginf = nonfinite(x, low, high)
    return mean, std, rms, low, high, zeros + minus_zeros, subnormal, nan, posinf, neginf


@compiled(fastmath=REORDER)
def similarity(rows, largest):  # type: ignore[no-untyped-def]
    """Mean cosine between two different rows, those that are all zero left out.

    With unit vectors u, Σ_{i≠j} u_i·u_j = ‖Σ u_i‖² − m, so that one sweep does for all pairs.
    ``largest`` is the largest absolute entry.
    """
    if largest == 0:
        return math.nan
    # Squares stay in float64's range.
    scale = 1.0 if 1e-140 < largest < 1e140 else min(1.0 / largest, 1e300)
    total = np.zeros(rows.shape[1])
    used = 0
    for i in range(rows.shape[0]):
        square = 0.0
        for j in range(rows.shape[1]):
            wide = np.float64(rows[i, j]) * scale
            square += wide * wide
        if square > 0:
            used += 1
            unit = scale / math.sqrt(square)
            for j in range(rows.shape[1]):
                total[j] += np.float64(rows[i, j]) * unit
    if used < 2:
        return math.nan
    length = 0.0
    for j in range(total.size):
        length += total[j] * total[j]
    return (length - used) / (used * (used - 1.0))


@compiled()
def dead_columns(rows, low, high):  # type: ignore[no-untyped-def]
    """Columns of which no entry lies strictly between ``low`` and ``high``."""
    alive = np.zeros(rows.shape[1], np.uint8)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            alive[j] |= np.uint8((rows[i, j] > low) & (rows[i, j] < high))
    return rows.shape[1] - alive.sum()


@compiled()
def dead_channels(images, low, high):  # type: ignore[no-untyped-def]
    """As ``dead_columns``, of (samples, channels, positions)."""
    dead = 0
    for c in range(images.shape[1]):
        alive = False
        for i in range(images.shape[0]):
            for k in range(images.shape[2]):
                if low < images[i, c, k] < high:
                    alive = True
                    break
            if alive:
                break
        dead += not alive
    return dead
