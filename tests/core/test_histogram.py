"""Histograms as numbers: densities, signs, grids, and the way to JSON and back."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import gradflow as gf
from gradflow.core.histogram import (
    FLOAT32_GRID,
    FLOAT64_GRID,
    LINEAR_BINS,
    Histogram,
    Specials,
    make_linear_histogram,
)


def make_linear(**specials: int) -> Histogram:
    counts = np.zeros(LINEAR_BINS, np.int64)
    counts[[0, 7, 255]] = 3, 5, 2
    return make_linear_histogram(-2.0, 6.0, counts, Specials(**specials))


def make_logarithmic(**specials: int) -> Histogram:
    edges, counts = np.array([-3.0, -2.5, -2.0, -1.0]), np.array([4, 0, 6])
    return Histogram("log10", edges, counts, np.array([1, 0, 6]), **specials)


def test_density_is_a_share_per_unit():
    histogram = make_linear()
    assert (histogram.density * np.diff(histogram.edges)).sum() == pytest.approx(1)
    assert histogram.density[7] == pytest.approx(0.5 / (8 / 256))
    with_nan = make_linear(nan=10)
    assert (with_nan.density * np.diff(with_nan.edges)).sum() == pytest.approx(0.5)


def test_density_per_decade_leaves_out_zeros():
    assert_allclose(make_logarithmic(zeros=10).density, [4 / 20 / 0.5, 0, 6 / 20 / 1.0])


def test_totals():
    assert make_linear(zeros=5, nan=1, posinf=2, neginf=3).total == 10 + 6  # zeros are in their bin
    assert (
        make_logarithmic(zeros=5, subnormal=2, nan=1).total == 10 + 5 + 1
    )  # here they are in none
    assert make_logarithmic(nan=1, posinf=2, neginf=3).nonfinite == 6


def test_signs():
    negative, positive = make_logarithmic().signed
    assert negative.tolist() == [1, 0, 6]
    assert positive.tolist() == [3, 0, 0]


def test_nothing_finite():
    empty = make_linear_histogram(0.0, 0.0, np.zeros(0, np.int64), Specials(nan=4))
    assert empty.total == 4
    assert empty.density.tolist() == []


@pytest.mark.parametrize("value", [0.0, -0.0, 3.0, -1e-300, 5e-324, 1.7e308, -1.7e308])
def test_one_value_has_one_bin_around_it(value):
    histogram = make_linear_histogram(value, value, np.array([9]), Specials())
    assert histogram.counts.tolist() == [9]
    low, high = histogram.edges
    assert low <= value <= high
    assert low < high
    assert np.isfinite(histogram.edges).all()


@pytest.mark.parametrize("make", [make_linear, make_logarithmic])
def test_json_and_back(make):
    histogram = make(zeros=1, subnormal=2, nan=3, posinf=4, neginf=5)
    again = Histogram.from_dict(histogram.to_dict())
    assert again.scale == histogram.scale
    for name in ("edges", "counts", "negative"):
        np.testing.assert_array_equal(getattr(again, name), getattr(histogram, name))
    assert again.to_dict() == histogram.to_dict()


@pytest.mark.parametrize("data", [{}, {"scale": "linear"}, [], None, 3, {"counts": [1]}])
def test_other_data_is_refused(data):
    with pytest.raises(gf.InvalidReport):
        Histogram.from_dict(data)


@pytest.mark.parametrize(
    ("grid", "tiny", "smallest", "largest"),
    [
        (FLOAT32_GRID, np.finfo(np.float32).tiny, 2.0**-149, np.finfo(np.float32).max),
        (FLOAT64_GRID, np.finfo(np.float64).tiny, 2.0**-1074, np.finfo(np.float64).max),
    ],
)
def test_the_grid_covers_the_format(grid, tiny, smallest, largest):
    edges = grid.edges
    assert (np.diff(edges) > 0).all()
    assert edges[0] == pytest.approx(np.log10(smallest))
    assert edges[-1] == pytest.approx(np.log10(float(largest)), abs=1e-6)
    normal = edges[edges >= np.log10(float(tiny)) - 1e-9]
    assert 0.057 < np.diff(normal).min() <= np.diff(normal).max() < 0.097
    assert len(normal) == len(edges) - 4  # four bins per factor of two, four for all subnormals
