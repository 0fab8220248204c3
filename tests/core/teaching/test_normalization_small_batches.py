"""Spread of batch statistics: theory against simulation and closed forms."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradflow.core.errors import InvalidExperiment
from gradflow.core.teaching.normalization.small_batches import (
    LAWS,
    SIZES,
    Law,
    SmallBatches,
    draw_entries,
    measure_spread,
    measure_spreads,
    predict_spread,
)

FEW = np.array([2, 3, 8, 64])


@pytest.mark.parametrize("law", list(Law))
def test_laws_have_the_moments_that_they_say(law: Law) -> None:
    x = draw_entries(law, (400, 1000), np.random.default_rng(3)).ravel()
    powers = [np.mean(x), np.mean(x**2), np.mean(x**4)]
    errors = [np.std(x**k) / math.sqrt(x.size) for k in (1, 2, 4)]
    expected = [0, 1, LAWS[law].kurtosis]
    assert (np.abs(np.subtract(powers, expected)) < 4.5 * np.array(errors)).all()


@pytest.mark.parametrize("law", list(Law))
def test_spread_of_mean_and_variance_by_simulation(law: Law) -> None:
    random = np.random.default_rng(7)
    expected = predict_spread(law, FEW)
    for i, m in enumerate(FEW.tolist()):
        x = draw_entries(law, (20_000, m), random)
        mean = x.sum(1) / m
        variance = (x**2).sum(1) / m - mean**2
        assert expected.mean[i] == pytest.approx(mean.std(), rel=0.03)
        assert expected.variance[i] == pytest.approx(variance.std(), rel=0.06)


def test_closed_forms_of_a_gaussian() -> None:
    spread = predict_spread(Law.GAUSSIAN, FEW)
    m = FEW.astype(float)
    assert_allclose(spread.mean, 1 / np.sqrt(m))
    assert_allclose(spread.variance, np.sqrt(2 * (m - 1)) / m)  # m s² is χ² of m − 1 degrees
    # Two entries become ±1, and E s = 1/√π; three: E s = √(2/3)·Γ(3/2)/Γ(1) = √(π/6).
    exact = [math.sqrt(2 - 2 / math.sqrt(math.pi)), math.sqrt(2 - 2 * math.sqrt(math.pi / 6))]
    assert_allclose(spread.error[:2], exact, rtol=1e-12)
    assert spread.error[3] == pytest.approx(math.sqrt(1.5 / 64), rel=0.01)


@pytest.mark.parametrize(
    ("law", "tolerance"), [("gaussian", 0.01), ("relu", 0.02), ("laplace", 0.04)]
)
def test_error_of_the_output_by_simulation(law: str, tolerance: float) -> None:
    m = 128  # large enough for the first order of those laws that have no more
    x = draw_entries(Law(law), (4000, m), np.random.default_rng(11))
    normalized = (x - x.mean(1)[:, None]) / x.std(1)[:, None]
    error = math.sqrt(((normalized - x) ** 2).mean())
    assert predict_spread(Law(law), np.array([m])).error[0] == pytest.approx(error, rel=tolerance)


@pytest.mark.parametrize("law", list(Law))
def test_what_is_drawn_is_what_the_formulas_say(law: Law) -> None:
    entries = np.array([2, 16])
    spread = measure_spread(law, entries, np.random.default_rng(0))
    random = np.random.default_rng(0)
    for i, m in enumerate(entries.tolist()):
        x = draw_entries(law, (2**18 // m, m), random)
        s = x.std(1)
        assert spread.mean[i] == pytest.approx(x.mean(1).std(), rel=1e-9)
        assert spread.variance[i] == pytest.approx((s**2).std(), rel=1e-9)
        # Within a set the mean of x̂² is 1 and that of x̂·x is s; sets of equal entries become 0.
        squares = np.where(s > 0, 1 - 2 * s + (x**2).mean(1), (x**2).mean(1))
        assert spread.error[i] == pytest.approx(math.sqrt(squares.mean()), rel=1e-9)


def test_group_norm_does_not_depend_on_the_batch() -> None:
    spreads = measure_spreads(SmallBatches(group_channels=4, positions=4))
    assert len(set(spreads.group_theory.error)) == 1
    assert_allclose(spreads.group.error, spreads.group_theory.error[0], rtol=0.03)
    index = SIZES.index(4)
    assert spreads.batch_theory.error[index] == spreads.group_theory.error[index]
    assert_allclose(spreads.batch.mean, spreads.batch_theory.mean, rtol=0.25)
    assert (np.diff(spreads.batch_theory.error) < 0).all()


def test_other_batch_sizes_are_refused() -> None:
    with pytest.raises(InvalidExperiment, match="batch_size: 7 is not allowed; choose one of 2, 4"):
        SmallBatches(batch_size=7)
