"""Compiled loops of the theory: a prediction calls them once per layer, on some 30 numbers each.

NumPy takes 5 µs a call whatever the length, and these formulas take a dozen calls.
"""

from __future__ import annotations

import math

import numpy as np

from gradflow.core.recording.kernels import compile_loop

POINTS = 6
"""Nodes of an interpolation."""
_MOST_LOG_Q = 1e3
"""Logarithms of variances are cut off there, so that no exponential overflows on the way."""


@compile_loop()
def interpolate_moments(table, first_log_q, step, q, at_zero, noise):  # type: ignore[no-untyped-def]
    """Interpolate E φ, Var φ and E φ'² at the variances ``q``: an array of three rows.

    Six-point Lagrange inside the table, straight lines beyond its ends. ``table`` has the rows of
    ``ActivationLaw.table`` at the nodes ``first_log_q + i·step``, ``at_zero`` is φ(0) and φ'(0)²,
    and ``noise``, half the variance of a random slope, is added.
    """
    result = np.empty((3, q.size))
    last = table.shape[1] - 1
    for i in range(q.size):
        if q[i] <= 0:
            result[0, i], result[1, i], result[2, i] = at_zero[0], 0.0, at_zero[1]
        else:
            log_q = math.log(q[i])  # NaN stays NaN
            inside = min(max(log_q, first_log_q), first_log_q + last * step)
            position = (inside - first_log_q) / step
            first = min(max(int(position) - 2, 0), last - POINTS + 1) if position >= 0 else 0
            distance = position - first
            log_variance = log_slope = shift = 0.0
            for j in range(POINTS):
                weight = 1.0
                for k in range(POINTS):
                    if k != j:
                        weight *= (distance - k) / (j - k)
                log_variance += weight * table[0, first + j]
                log_slope += weight * table[1, first + j]
                shift += weight * table[2, first + j]
            beyond = min(max(log_q, -_MOST_LOG_Q), _MOST_LOG_Q) - inside
            if beyond != 0:
                end = 1 if beyond < 0 else last
                log_variance += beyond * (table[0, end] - table[0, end - 1]) / step
                log_slope += beyond * (table[1, end] - table[1, end - 1]) / step
            variance = math.exp(log_variance)
            result[0, i] = at_zero[0] + shift * math.sqrt(variance)
            result[1, i], result[2, i] = variance, math.exp(log_slope)
        result[1, i] += noise * q[i]
        result[2, i] += noise
    return result


@compile_loop()
def average_share_inside(intervals, q):  # type: ignore[no-untyped-def]
    """Compute the share of N(0, q) inside disjoint ``intervals``, averaged over ``q``."""
    total = 0.0
    for i in range(q.size):
        unit = math.sqrt(2 * max(q[i], 1e-300))
        for k in range(intervals.shape[0]):
            low, high = intervals[k, 0] / unit, intervals[k, 1] / unit
            if low > 0:  # the smaller tail, lest the difference of two ones remain
                total += (math.erfc(low) - math.erfc(high)) / 2
            else:
                total += (math.erfc(-high) - math.erfc(-low)) / 2
    return total / q.size


@compile_loop()
def sum_powers(coefficients, x):  # type: ignore[no-untyped-def]
    """Compute Σ_k coefficients[k]·x^k for every ``x``."""
    result = np.zeros(x.size)
    for i in range(x.size):
        total = 0.0
        for k in range(coefficients.size - 1, -1, -1):
            total = total * x[i] + coefficients[k]
        result[i] = total
    return result


@compile_loop()
def measure_pair(pair):  # type: ignore[no-untyped-def]
    """Measure the mean squares of two rows, the mean of all and the mean of their product."""
    first, second, total, product = 0.0, 0.0, 0.0, 0.0
    count = pair.shape[1]
    for i in range(count):
        a, b = pair[0, i], pair[1, i]
        first += a * a
        second += b * b
        total += a + b
        product += a * b
    return first / count, second / count, total / (2 * count), product / count


@compile_loop()
def average_populations(rows, population, inverse):  # type: ignore[no-untyped-def]
    """Average rows over populations of 1/``inverse`` units; each unit gets its own one's mean."""
    result = np.empty_like(rows)
    sums = np.empty(inverse.size)
    for r in range(rows.shape[0]):
        sums[:] = 0.0
        for i in range(rows.shape[1]):
            sums[population[i]] += rows[r, i]
        sums *= inverse
        for i in range(rows.shape[1]):
            result[r, i] = sums[population[i]]
    return result


@compile_loop()
def remove_direction(rows, directions):  # type: ignore[no-untyped-def]
    """Make each row orthogonal to its row of ``directions``, and of mean square 1."""
    result = np.empty_like(rows)
    count = rows.shape[1]
    for r in range(rows.shape[0]):
        product, power = 0.0, 1e-300
        for i in range(count):
            product += rows[r, i] * directions[r, i]
            power += directions[r, i] * directions[r, i]
        square = 1e-300
        for i in range(count):
            result[r, i] = rows[r, i] - product / power * directions[r, i]
            square += result[r, i] * result[r, i]
        result[r] *= math.sqrt(count / square)
    return result


@compile_loop()
def remove_correlations(rows, stream):  # type: ignore[no-untyped-def]
    """Make two ``rows`` orthogonal to constants, two rows of ``stream`` and each other, in place.

    Gram–Schmidt; their mean square becomes 1. What is along those before already stays as it is.
    """
    count = rows.shape[1]
    known = np.empty((5, count))
    known[0] = 1 / math.sqrt(count)
    rank = 1
    for k in range(4):
        vector = stream[k] if k < 2 else rows[k - 2]
        left = known[rank]
        whole = 0.0
        for i in range(count):
            left[i] = vector[i]
            whole += vector[i] * vector[i]
        for d in range(rank):
            product = 0.0
            for i in range(count):
                product += left[i] * known[d, i]
            for i in range(count):
                left[i] -= product * known[d, i]
        square = 0.0
        for i in range(count):
            square += left[i] * left[i]
        if square > 1e-12 * whole:
            left /= math.sqrt(square)
            rank += 1
            if k >= 2:
                for i in range(count):
                    rows[k - 2, i] = left[i] * math.sqrt(count)
