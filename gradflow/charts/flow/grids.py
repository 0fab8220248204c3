"""Rows of the Flow figure's bands: which values its two axes cover."""

from __future__ import annotations

import math

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.charts.rebin import Grid, compute_quantiles, find_histogram_extremes
from gradflow.core.histogram import Histogram

BAND_ROWS = 90
SYMLOG_GROWTH = 30.0
"""A signal that grows by more than this factor over the network gets a symlog axis."""
READOUT_OUTLIER = 2.5
"""A readout that spans more than this many times all hidden layers' range is clipped, marked."""
LOW_TAIL = 0.1
"""Share of a layer that may lie far below the gradient axis: tails are long on a log axis."""
LEAST_DECADES = 5.0
"""Decades that a gradient axis spans at least: a steady gradient must look steady."""


def choose_activation_grid(histograms: list[Histogram]) -> Grid:
    """Choose the rows of the forward band for the activations of each layer."""
    return choose_signal_grid(np.array([_find_reach(h) for h in histograms]).reshape(-1, 2))


def choose_signal_grid(reach: FloatArray) -> Grid:
    """Choose the rows of the forward band.

    They are linear over the range of the hidden layers, unless the signal grows more than
    ``SYMLOG_GROWTH``-fold over the network: then symlog, linear below the first layer's scale. A
    far wider readout does not squeeze the hidden layers: it is clipped.

    Args:
        reach: low and high end of each layer, ``(layers, 2)``, stray entries far outside aside;
            the readout is the last one. NaN where there is nothing finite.
    """
    hidden = reach[:-1] if len(reach) > 1 else reach
    hidden = hidden[np.isfinite(hidden).all(axis=1)]
    if not len(hidden):
        hidden = reach[np.isfinite(reach).all(axis=1)]
    if not len(hidden):
        return Grid.cover(-1.0, 1.0, BAND_ROWS)
    scales = np.abs(hidden).max(axis=1)
    scales = scales[scales > 0]
    if len(scales) and scales.max() > SYMLOG_GROWTH * scales[0]:
        # In a comparison with an exploded network, one of ordinary size keeps its shape.
        return make_symlog_grid(reach, float(min(scales[0], np.quantile(scales, 0.25))))
    low, high = hidden[:, 0].min(), hidden[:, 1].max()
    wide_low, wide_high = np.nanmin(reach), np.nanmax(reach)
    if wide_high - wide_low <= READOUT_OUTLIER * (high - low):
        low, high = wide_low, wide_high
    # If all values are equal, make a window around them.
    if high - low <= 1e-6 * max(abs(low), abs(high)) or high == low:
        margin = 0.5 * max(abs(low), abs(high)) or 1.0
        low, high = low - margin, high + margin
    return Grid.cover(float(low), float(high), BAND_ROWS)


def make_symlog_grid(reach: FloatArray, scale: float) -> Grid:
    """Make rows that are linear below the power of ten under ``scale``, and logarithmic beyond."""
    threshold = 10.0 ** math.floor(math.log10(scale))
    finite = reach[np.isfinite(reach).all(axis=1)]
    axis = Grid("symlog", 0.0, 1.0, 1, threshold)
    low, high = axis.to_axis(float(finite[:, 0].min())), axis.to_axis(float(finite[:, 1].max()))
    return Grid.cover(low, high, BAND_ROWS, "symlog", threshold)


def _find_reach(histogram: Histogram) -> tuple[float, float]:
    """Find the range an axis should cover: the extremes, unless a few entries lie far out."""
    low, high = find_histogram_extremes(histogram)
    if math.isnan(low):
        return math.nan, math.nan
    inner_low, inner_high = compute_quantiles(histogram, (0.0005, 0.9995))
    room = 0.5 * (inner_high - inner_low)
    return max(low, inner_low - room), min(high, inner_high + room)


def list_gradient_reach(histograms: list[Histogram]) -> FloatArray:
    """List what a gradient axis should cover of each layer: ``(layers, 2)``, as log10.

    Below, a part of ``LOW_TAIL`` is left out. Layers without any gradient are, too.
    """
    return np.array(
        [
            (next(compute_quantiles(h, (LOW_TAIL,))), find_histogram_extremes(h)[1])
            for h in histograms
            if h.scale == "log10" and h.counts.any()
        ]
    ).reshape(-1, 2)


def find_gradient_range(
    reach: FloatArray, level: FloatArray, limits: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Find the range of the gradient axis, and the limits of the number format within it.

    Args:
        reach: what it should cover of each layer, ``(layers, 2)``; the readout is the last one.
        level: log10 of the RMS gradients.
        limits: smallest normal and smallest number of the format; 0 if unknown.

    Returns:
        Low and high end, smallest normal and smallest number, all as log10; the last two are NaN
        if the axis does not come near.
    """
    # The readout's gradient is p - y; where the network is sure, p has no lower end.
    lows = reach[:-1, 0] if len(reach) > 2 else reach[:, 0]
    levels = level[np.isfinite(level)]
    low = min([*lows, *levels], default=-6.0) - 1.0
    high = max([*reach[:, 1], *levels], default=0.0) + 0.3
    near = [math.nan, math.nan]
    for i, (value, margin) in enumerate(zip(limits, (0.5, 0.6), strict=True)):
        if value > 0 and low < math.log10(value) + 2:
            near[i] = math.log10(value)
            low = min(low, near[i] - margin)
    if high - low < LEAST_DECADES:
        lacking = LEAST_DECADES - (high - low)
        low, high = low - 0.7 * lacking, high + 0.3 * lacking
    return low, high, near[0], near[1]
