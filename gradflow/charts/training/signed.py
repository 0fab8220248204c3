"""Distributions of gradients with their signs: positive entries above 0, negative ones below."""

from __future__ import annotations

import math

import numpy as np

from gradflow.charts.figure import FloatArray
from gradflow.charts.flow.data import Band, shade_rows
from gradflow.charts.flow.grids import BAND_ROWS
from gradflow.charts.rebin import Grid
from gradflow.charts.training.film import GRADIENT, FilmLane, place_bins


def make_signed_grid(sizes: Grid) -> Grid:
    """Make rows for both signs of entries whose sizes the rows of ``sizes``, log10, hold.

    Around 0 they are as high as the smallest of these sizes.
    """
    reach = sizes.high - sizes.low
    high = reach + math.log10(1 + 10.0**-reach)
    return Grid.cover(-high, high, 2 * BAND_ROWS, "symlog", 10.0**sizes.low)


def place_sizes(grid: Grid, logs: FloatArray) -> FloatArray:
    """Place positive values, given as log10, on the rows of ``make_signed_grid``."""
    with np.errstate(over="ignore"):
        return np.asarray(np.log10(1 + 10.0 ** (logs - math.log10(grid.threshold))))


def spread_signed(lane: FilmLane, grid: Grid) -> Band:
    """Spread the gradients of a lane over rows for both signs: a column per frame and layer."""
    low, high, zeros, nonfinite = (
        array[GRADIENT].ravel() for array in (lane.low, lane.high, lane.zeros, lane.nonfinite)
    )
    count = len(low)
    shades, signs = lane.shades[GRADIENT].reshape(count, -1), lane.signs.reshape(count, -1)
    edges = grid.edges
    with np.errstate(divide="ignore"):
        sizes = np.log10(np.expm1(np.abs(edges) * math.log(10))) + math.log10(grid.threshold)
    share = np.zeros((grid.rows, count))
    full, below, above = np.ones(count), np.zeros(count), np.zeros(count)
    for i in np.flatnonzero(zeros + nonfinite < 1):
        ends, amounts = place_bins(shades[i], low[i], high[i], 1 - zeros[i] - nonfinite[i])
        positive, negative = (
            np.interp(sizes, ends, np.concatenate([[0.0], np.cumsum(side)]))
            for side in (amounts * signs[i], amounts * (1 - signs[i]))
        )
        total = float((amounts * (1 - signs[i])).sum())
        smaller = np.where(edges < 0, total - negative, total + positive)
        share[:, i] = np.diff(smaller)
        below[i], above[i] = smaller[0], amounts.sum() - smaller[-1]
        full[i] = share[:, i].max() or 1.0
    share[int(np.searchsorted(edges, 0.0, side="right")) - 1] += zeros
    return Band(
        grid=grid,
        share=share.astype(np.float32),
        shade=shade_rows(share, full),
        below=below,
        above=above,
        zeros=zeros,
        nonfinite=nonfinite,
        hover=[""] * count,
    )
