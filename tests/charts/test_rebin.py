import numpy as np
import pytest

from gradflow.charts.rebin import (
    Grid,
    compute_quantiles,
    find_histogram_extremes,
    rebin,
)
from gradflow.core.histogram import Histogram, drop_zeros
from tests.charts.reports import make_linear_histogram, make_log_histogram


def test_exact_overlap_by_hand():
    histogram = Histogram("linear", np.array([0.0, 1.0, 3.0]), np.array([4, 6]))
    result = rebin(histogram, Grid("linear", 0.5, 1.0, 2))
    # Row 0.5…1.5: half of the first bin, a quarter of the second. Row 1.5…2.5: half of it.
    assert result.rows == pytest.approx([(2 + 1.5) / 10, 3 / 10])
    assert (result.below, result.above) == pytest.approx((2 / 10, 1.5 / 10))
    assert result.spread == pytest.approx(0.35)


@pytest.mark.parametrize(
    "grid",
    [
        Grid.cover(-1.0, 1.0, 90),
        Grid.cover(-0.1, 7.0, 40),
        Grid.cover(-2.0, 5.0, 90, "symlog", 0.1),
        Grid("linear", 2.0, 0.1, 10),
    ],
)
@pytest.mark.parametrize("relu", [False, True])
def test_mass_is_conserved(grid, relu):
    x = np.random.default_rng(0).normal(size=5000)
    x = np.maximum(x, 0) if relu else x
    x[:50] = np.nan
    x[50:60] = np.inf
    result = rebin(make_linear_histogram(x), grid)
    assert result.rows.sum() + result.below + result.above + result.nonfinite == pytest.approx(1)
    assert result.nonfinite == pytest.approx(60 / 5000)
    assert result.zeros == pytest.approx((x == 0).mean())


def test_mass_of_a_log_histogram_is_conserved():
    x = np.random.default_rng(0).normal(size=5000) * 1e-6
    x[:1000] = 0
    result = rebin(make_log_histogram(x), Grid("log10", -9.0, 0.1, 30))
    assert result.zeros == pytest.approx(0.2)
    assert result.rows.sum() + result.below + result.above + result.zeros == pytest.approx(1)


def test_zeros_stand_in_one_row_and_do_not_count_as_spread():
    x = np.maximum(np.random.default_rng(1).normal(size=10_000), 0)
    grid = Grid.cover(0.0, 4.0, 80)
    result = rebin(make_linear_histogram(x), grid)
    zero_row = int(np.searchsorted(grid.edges, 0.0)) - 1
    assert result.rows[zero_row] > 0.45
    assert result.spread < 0.05
    assert drop_zeros(make_linear_histogram(x)).sum() == (x > 0).sum()


def test_zero_is_in_the_middle_of_a_row():
    for low, high in ((-1.0, 1.0), (0.0, 3.3), (-7.1, 0.2)):
        grid = Grid.cover(low, high, 90)
        assert grid.low <= low
        assert grid.high >= high
        assert ((0 - grid.low) / grid.step) % 1 == pytest.approx(0.5)


def test_a_constant_is_one_point():
    for value in (0.0, 0.25, -3.0):
        histogram = make_linear_histogram(np.full(64, value))
        grid = Grid.cover(-4.0, 4.0, 90)
        result = rebin(histogram, grid)
        row = int(np.flatnonzero(result.rows)[0])
        assert result.rows[row] == 1
        assert grid.edges[row] <= value <= grid.edges[row + 1]
        assert find_histogram_extremes(histogram) == (value, value)
        assert list(compute_quantiles(histogram, (0.1, 0.9))) == [value, value]


def test_nothing_finite_is_no_error():
    for histogram in (
        make_linear_histogram(np.full(8, np.nan)),
        make_log_histogram(np.full(8, np.inf)),
        make_log_histogram(np.zeros(8)),
        Histogram("linear", np.zeros(1), np.zeros(0, np.int64)),
    ):
        result = rebin(histogram, Grid("linear", 0.0, 1.0, 4))
        assert result.rows.sum() == 0
        assert np.isnan(find_histogram_extremes(histogram)).all()
        assert np.isnan(list(compute_quantiles(histogram, (0.5,)))).all()


def test_symlog_is_inverted():
    grid = Grid("symlog", -20.0, 1.0, 40, 0.1)
    values = np.array([-1e15, -3.0, 0.0, 0.01, 5e19])
    assert grid.from_axis(np.array([grid.to_axis(v) for v in values])) == pytest.approx(values)


def test_quantiles_of_the_uniform_distribution():
    histogram = make_linear_histogram(np.linspace(0, 1, 100_001))
    assert list(compute_quantiles(histogram, (0.1, 0.5, 0.9))) == pytest.approx(
        [0.1, 0.5, 0.9], abs=1e-3
    )
