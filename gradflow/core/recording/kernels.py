"""Compiled loops over the entries of one CPU tensor.

Plain torch operations need about a dozen passes over a tensor for the same numbers, these need
two or three, and they release the GIL (docs/decisions/0001-compiled-recording.md). Every loop is
written so that LLVM turns it into SIMD: one kind of accumulator per loop, no branches, blocks as
slices (an index that is a sum might be negative, which would be tested every time). ``x`` is flat
float32 or float64, ``bits`` the same memory as signed integers of the same width.
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


def compile_loop(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function with Numba, without the GIL, and cache it beside its source."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            return numba.njit(function, nogil=True, cache=True, **options)  # type: ignore[no-any-return]
        except RuntimeError:  # nowhere to write a cache: compile anew in every process
            return numba.njit(function, nogil=True, **options)  # type: ignore[no-any-return]

    return decorate


@compile_loop(fastmath=REORDER)
def compute_sums(x):  # type: ignore[no-untyped-def]
    """Compute Σx and Σx² in float64."""
    total, square = 0.0, 0.0
    for i in range(x.size):
        wide = np.float64(x[i])
        total += wide
        square += wide * wide
    return total, square


@compile_loop(fastmath=REORDER)
def sum_centred_squares(x, mean):  # type: ignore[no-untyped-def]
    """Compute Σ(x − mean)² in float64."""
    square = 0.0
    for i in range(x.size):
        wide = np.float64(x[i]) - mean
        square += wide * wide
    return square


@compile_loop()
def find_extremes(x, bits):  # type: ignore[no-untyped-def]
    """Find the smallest and the largest entry; both NaN if any entry is.

    Entries are compared as sortable integers (all but the sign flipped where negative), because
    minima of floats do not vectorize and lose NaN; here NaN sorts outermost.
    """
    cast = bits.dtype.type  # numba would widen every result to 64 bits
    sign_shift, magnitude = 8 * bits.itemsize - 1, cast(~(-1 << (8 * bits.itemsize - 1)))
    low = high = cast(bits[0] ^ (cast(bits[0] >> sign_shift) & magnitude))
    for i in range(bits.size):
        key = cast(bits[i] ^ (cast(bits[i] >> sign_shift) & magnitude))
        low = min(low, key)
        high = max(high, key)
    keys = np.array([low, high])
    for i in range(2):
        keys[i] ^= cast(keys[i] >> sign_shift) & magnitude
    values = keys.view(x.dtype)
    lowest, highest = np.float64(values[0]), np.float64(values[1])
    if np.isnan(lowest) or np.isnan(highest):
        return math.nan, math.nan
    return lowest, highest


@compile_loop()
def compute_moments_in_range(x):  # type: ignore[no-untyped-def]
    """Compute mean, population standard deviation and rms; squares must stay in float64."""
    total, square = compute_sums(x)
    mean, square = total / x.size, square / x.size
    variance = square - mean * mean
    if variance < 1e-6 * square:  # cancellation: subtract the mean first
        variance = sum_centred_squares(x, mean) / x.size
    return mean, math.sqrt(variance), math.sqrt(square)


@compile_loop()
def compute_moments(x, low, high):  # type: ignore[no-untyped-def]
    """Compute mean, population standard deviation and rms, given the extremes of ``x``."""
    largest = max(abs(low), abs(high))
    if x.itemsize == 8 and not 1e-140 < largest < 1e140 and 0 < largest < math.inf:
        # Squares would leave float64's own range.
        mean, std, rms = compute_moments_in_range(x / largest)
        return largest * mean, largest * std, largest * rms
    return compute_moments_in_range(x)


@compile_loop()
def count_nonfinite(x, low, high):  # type: ignore[no-untyped-def]
    """Count NaN, +inf and −inf entries; finite extremes mean that there are none."""
    nan = posinf = neginf = np.int64(0)
    if not (math.isfinite(low) and math.isfinite(high)):
        for i in range(x.size):
            nan += np.isnan(x[i])
            posinf += x[i] == math.inf
            neginf += x[i] == -math.inf
    return nan, posinf, neginf


@compile_loop(fastmath=REORDER)
def count_inside(x, low, high):  # type: ignore[no-untyped-def]
    """Count the entries in [low, high]."""
    count = np.int32(0)  # 64 bits would halve the lanes of SIMD
    for i in range(x.size):
        count = np.int32(count + np.int32((x[i] >= low) & (x[i] <= high)))
    return count


@compile_loop()
def count_near_zero(bits, smallest_normal):  # type: ignore[no-untyped-def]
    """Count the entries that are +0, −0 and subnormal: of magnitude below ``smallest_normal``."""
    cast = bits.dtype.type
    minus_zero, limit = cast(-1 << (8 * bits.itemsize - 1)), cast(smallest_normal)
    zeros = minus_zeros = below = np.int32(0)
    for i in range(bits.size):
        zeros = np.int32(zeros + np.int32(bits[i] == 0))
        minus_zeros = np.int32(minus_zeros + np.int32(bits[i] == minus_zero))
        below = np.int32(below + np.int32(cast(bits[i] & ~minus_zero) < limit))
    return zeros, minus_zeros, below - zeros - minus_zeros


@compile_loop()
def _increment(lanes, index):  # type: ignore[no-untyped-def]
    whole = index.size // _LANES
    for j in range(whole):
        for lane in range(_LANES):
            lanes[lane, np.uint32(index[np.uint32(_LANES * j + lane)])] += 1
    for j in range(_LANES * whole, index.size):
        lanes[0, np.uint32(index[j])] += 1


@compile_loop(fastmath=REORDER)
def fill_linear_counts(x, low, scale, counts):  # type: ignore[no-untyped-def]
    """Count the values ⌊(x − low)·scale⌋ into ``counts``; all x must be finite and in range.

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


@compile_loop()
def scan_signal(x, bits, inside_low, inside_high, counts):  # type: ignore[no-untyped-def]
    """Compute all statistics of a signal in one call; a call costs as much as a short loop.

    Returns moments, extremes, zeros, non-finite entries, entries in [inside_low, inside_high] (0
    if the interval is empty), and whether ``counts`` was filled: not if the tensor's own
    arithmetic cannot divide the range into bins.
    """
    low, high = find_extremes(x, bits)
    mean, std, rms = compute_moments(x, low, high)
    cast = x.dtype.type
    zeros = unsaturated = np.int32(0)
    if low <= 0 <= high or math.isnan(low):
        zeros = count_inside(x, cast(0), cast(0))
    if inside_low <= inside_high:
        unsaturated = count_inside(x, cast(inside_low), cast(inside_high))
    counted = 1e-30 < high - low < 1e37
    if counted:
        fill_linear_counts(x, cast(low), cast(counts.size / (high - low)), counts)
    nan, posinf, neginf = count_nonfinite(x, low, high)
    return mean, std, rms, low, high, zeros, nan, posinf, neginf, unsaturated, counted


@compile_loop()
def scan_gradient(x, bits, shift, smallest_normal, always, counts):  # type: ignore[no-untyped-def]
    """Compute all statistics of a gradient, and fill ``counts`` over the log grid.

    ``counts`` has the negative bins first, then the positive ones. Zeros and subnormal entries are
    counted in a sweep of their own if the first bins of a sign, those of exponent 0, have entries,
    or ``always``. Returns moments, extremes, zeros, subnormal and non-finite entries.
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
        zeros, minus_zeros, subnormal = count_near_zero(bits, smallest_normal)
        counts[size] -= zeros
        counts[0] -= minus_zeros
    low, high = find_extremes(x, bits)
    mean, std, rms = compute_moments(x, low, high)
    nan, posinf, neginf = count_nonfinite(x, low, high)
    return mean, std, rms, low, high, zeros + minus_zeros, subnormal, nan, posinf, neginf


@compile_loop(fastmath=REORDER)
def compute_similarity(rows, largest):  # type: ignore[no-untyped-def]
    """Compute the mean cosine between two different rows; all-zero rows are left out.

    With m unit vectors u, Σ_{i≠j} u_i·u_j = ‖Σ u_i‖² − m, so that one sweep does for all pairs.
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


@compile_loop()
def mark_alive_columns(rows, low, high):  # type: ignore[no-untyped-def]
    """Mark by 1 the columns with an entry strictly between ``low`` and ``high``, or none but NaN.

    Returns the number of the others, and the marks.
    """
    alive, off = np.zeros(rows.shape[1], np.uint8), np.zeros(rows.shape[1], np.uint8)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            alive[j] |= np.uint8((rows[i, j] > low) & (rows[i, j] < high))
            off[j] |= np.uint8((rows[i, j] <= low) | (rows[i, j] >= high))
    for j in range(rows.shape[1]):
        alive[j] |= np.uint8(off[j] == 0)
    return rows.shape[1] - alive.sum(), alive


@compile_loop()
def mark_alive_channels(images, low, high):  # type: ignore[no-untyped-def]
    """Do so with the channels of (samples, channels, positions)."""
    alive = np.zeros(images.shape[1], np.uint8)
    for c in range(images.shape[1]):
        off = False
        for i in range(images.shape[0]):
            for k in range(images.shape[2]):
                off |= images[i, c, k] <= low or images[i, c, k] >= high
                if low < images[i, c, k] < high:
                    alive[c] = 1
                    break
            if alive[c]:
                break
        alive[c] |= np.uint8(not off)
    return images.shape[1] - alive.sum(), alive


@compile_loop(fastmath=REORDER)
def scan_unit_columns(rows, units, step, low, high):  # type: ignore[no-untyped-def]
    """Compute mean |x| of the first columns over every ``step``-th row, and the share outside.

    Returns both as rows of one array; outside of [low, high], and nothing if ``low`` > ``high``.
    """
    result = np.zeros((2, units))
    cast = rows.dtype.type
    low, high, counts = cast(low), cast(high), low <= high
    used = 0
    for i in range(0, rows.shape[0], step):
        used += 1
        for c in range(units):
            result[0, c] += np.float64(abs(rows[i, c]))
        if counts:
            for c in range(units):
                result[1, c] += np.float64((rows[i, c] < low) | (rows[i, c] > high))
    return result / used


@compile_loop(fastmath=REORDER)
def scan_unit_channels(images, units, step, stride, low, high):  # type: ignore[no-untyped-def]
    """Do so with (samples, channels, positions), at every ``stride``-th position."""
    result = np.zeros((2, units))
    counts = low <= high
    used = 0
    for i in range(0, images.shape[0], step):
        used += len(range(0, images.shape[2], stride))
        for c in range(units):
            for k in range(0, images.shape[2], stride):
                x = images[i, c, k]
                result[0, c] += np.float64(abs(x))
                result[1, c] += np.float64(counts & ((x < low) | (x > high)))
    return result / used
