"""Random chains against plain Python and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradflow.core.errors import InvalidExperiment
from gradflow.core.teaching.slope_products import CHAINS, SlopeChains, measure_slope_products


def test_the_bound_of_the_sigmoid():
    products = measure_slope_products(SlopeChains(layers=12))
    assert_allclose(products.bound, [0.25**n for n in range(1, 13)], rtol=1e-12)
    assert (products.slopes <= products.bound).all()


def test_products_along_the_chains():
    """The same random numbers, one chain after the other."""
    spec = SlopeChains(activation="sigmoid", layers=4, weight_std=2.0, seed=5)
    random = np.random.default_rng(5)
    h = random.standard_normal(CHAINS)
    weights = [2 * random.standard_normal(CHAINS) for _ in range(4)]
    slopes, factors = [], []
    for i in range(CHAINS):
        signal, slope, factor = h[i], 1.0, 1.0
        for w in weights:
            signal = 1 / (1 + math.exp(-w[i] * signal))
            slope *= signal * (1 - signal)
            factor *= abs(w[i]) * signal * (1 - signal)
        slopes.append(slope)
        factors.append(factor)
    products = measure_slope_products(spec)
    for values, percentiles in ((slopes, products.slopes), (factors, products.factors)):
        expected = [sorted(values)[k] for k in (100, 500, 900)]
        assert_allclose(percentiles[:, -1], expected, rtol=1e-10)


def test_relu_blocks_half_of_the_chains_in_each_layer():
    """z is below 0 with probability ½, whatever came before: 1 − 2⁻ⁿ are blocked."""
    products = measure_slope_products(SlopeChains(activation="relu", layers=6, seed=1))
    expected = 1 - 0.5 ** np.arange(1, 7)
    assert_allclose(products.zero, expected, atol=4 * 0.5 / math.sqrt(CHAINS))


def test_overflow_is_reported_where_it_happens():
    products = measure_slope_products(
        SlopeChains(activation="linear", layers=200, weight_std=1000.0)
    )
    assert 100 < products.overflowed < 200
    assert products.factors[1, -1] == math.inf
    assert np.isfinite(products.factors[:, : products.overflowed - 1]).all()
    assert not np.isnan(products.factors).any()


def test_bounds_of_the_settings():
    with pytest.raises(InvalidExperiment, match=r"layers: 0 .* from 1 to 200"):
        SlopeChains(layers=0)
