"""Series with exact coefficients, and the geometry of circle and hyperbola."""

from __future__ import annotations

import cmath
import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gradflow.core.errors import InvalidExperiment
from gradflow.core.teaching.hyperbolic import (
    FUNCTIONS,
    PAIRS,
    HyperbolicPair,
    compute_pair,
    format_series,
    list_coefficients,
    make_sectors,
    sum_series,
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_partial_sums_converge(name):
    x = np.linspace(-0.7, 0.7, 15)
    assert_allclose(sum_series(name, 31, x), getattr(np, name)(x), rtol=1e-9, atol=1e-12)


def test_tangents_are_those_of_the_bernoulli_numbers():
    """c_{2k−1} = 2^{2k}(2^{2k} − 1)|B_{2k}|/(2k)!, with signs that alternate for tanh."""
    bernoulli = [Fraction(1, 6), Fraction(1, 30), Fraction(1, 42), Fraction(1, 30), Fraction(5, 66)]
    expected = [
        4**k * (4**k - 1) * b / math.factorial(2 * k) for k, b in enumerate(bernoulli, start=1)
    ]
    assert list_coefficients("tan", 9)[1::2] == expected
    assert list_coefficients("tanh", 9)[1::2] == [(-1) ** k * c for k, c in enumerate(expected)]
    assert not any(list_coefficients("tanh", 9)[::2])


@pytest.mark.parametrize("hyperbolic", PAIRS)
def test_the_imaginary_axis_turns_one_into_the_other(hyperbolic):
    circular = getattr(cmath, PAIRS[hyperbolic])
    for x in (0.3, -1.2):
        value = circular(1j * x)
        assert_allclose(value.real + value.imag, getattr(math, hyperbolic)(x), rtol=1e-12)


@pytest.mark.parametrize("t", [-2.0, 0.5, 1.0, 3.0])
def test_sectors_have_the_area_of_half_t(t):
    """Shoelace formula over the outline; the points lie on the curves."""
    for sector, sign in zip(make_sectors(t), (-1, 1), strict=True):
        u, v = sector.outline
        area = np.sum(u * np.roll(v, -1) - np.roll(u, -1) * v) / 2
        assert_allclose(area, t / 2, rtol=1e-3)
        assert_allclose(sector.u**2 + sign * sector.v**2, 1, atol=1e-9)
        assert_allclose(sector.point[0] ** 2 + sign * sector.point[1] ** 2, 1, atol=1e-9)
        assert_allclose(sector.point, (u[-2], v[-2]), rtol=1e-12)


def test_formulas():
    assert format_series("sinh", 3) == r"x +\frac{x^{3}}{3!}"
    assert format_series("cos", 4) == r"1 -\frac{x^{2}}{2!} +\frac{x^{4}}{4!}"
    assert format_series("tanh", 5) == r"x -\frac{x^{3}}{3} +\frac{2x^{5}}{15}"
    assert format_series("tan", 13).endswith(r"+\cdots +c_{13}x^{13}")
    assert format_series("sin", 0) == "0"


def test_sides():
    left, right = compute_pair(HyperbolicPair(function="tanh", order=3, x=2.0))
    assert (left.name, right.name) == ("tanh", "tan")
    assert_allclose([left.at, left.partial_at], [math.tanh(2), 2 - 8 / 3], rtol=1e-12)
    assert_allclose([right.at, right.partial_at], [math.tan(2), 2 + 8 / 3], rtol=1e-12)
    assert left.radius == right.radius == math.pi / 2
    assert np.isnan(right.value).any()
    with pytest.raises(InvalidExperiment, match=r'function: "sin" .* sinh, cosh, tanh'):
        HyperbolicPair(function="sin")
