"""sinh, cosh, tanh next to sin, cos, tan: series, partial sums, circle and hyperbola."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.text import Text
from gradflow.core.theory.moments import FloatArray

PAIRS = {"sinh": "sin", "cosh": "cos", "tanh": "tan"}
FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
}
REACH = 2 * math.pi
_GRID_POINTS = 601
_LARGEST_DRAWN = 30.0
"""Larger values of tan, next to its poles, are left out."""
_LAST_WRITTEN_ORDER = 9
"""The coefficients of tan and tanh have ever more digits; beyond this order they are c_k."""


class HyperbolicPair(Spec):
    """A hyperbolic function and its circular sister, with their series."""

    function: str = Field("sinh", title="Functions")
    order: int = Field(
        5, ge=0, le=31, title="Order n", description="The series is cut off after xⁿ."
    )
    x: float = Field(1.0, ge=-5, le=5, title="x", description="Where the numbers are taken.")

    @field_validator("function", mode="before")
    @classmethod
    def _check_function(cls, value: Any) -> str:
        if value not in PAIRS:
            allowed = Text("one of {codes}", codes=", ".join(PAIRS))
            raise InvalidExperiment.for_value("function", value, allowed)
        return str(value)


@dataclass(frozen=True, eq=False)
class PairMember:
    """One function of a pair.

    Attributes:
        name: sinh, cosh, tanh, sin, cos or tan.
        x, value, partial: a grid, the function and its partial sum on it; NaN next to poles.
        latex: the partial sum in LaTeX.
        at, partial_at: the function and its partial sum at the chosen x.
        radius: the radius of convergence of the series.
    """

    name: str
    x: FloatArray
    value: FloatArray
    partial: FloatArray
    latex: str
    at: float
    partial_at: float
    radius: float


def compute_pair(spec: HyperbolicPair) -> tuple[PairMember, PairMember]:
    """Compute the hyperbolic function and its circular sister."""
    return _compute_member(spec.function, spec), _compute_member(PAIRS[spec.function], spec)


def _compute_member(name: str, spec: HyperbolicPair) -> PairMember:
    x = np.linspace(-REACH, REACH, _GRID_POINTS)
    value = FUNCTIONS[name](x)
    if name == "tan":
        value[np.abs(value) > _LARGEST_DRAWN] = math.nan
    point = np.array([spec.x])
    return PairMember(
        name,
        x,
        value,
        sum_series(name, spec.order, x),
        format_series(name, spec.order),
        float(FUNCTIONS[name](point)[0]),
        float(sum_series(name, spec.order, point)[0]),
        math.pi / 2 if name.startswith("tan") else math.inf,
    )


def list_coefficients(name: str, order: int) -> list[Fraction]:
    """List the coefficients of x⁰ … xⁿ in a Maclaurin series.

    Those of tan and tanh come from the division of the series of sin by cos, or sinh by cosh.
    """
    if name.startswith("tan"):
        suffix = name[3:]
        numerator, denominator = (list_coefficients(f + suffix, order) for f in ("sin", "cos"))
        quotient: list[Fraction] = []
        for k in range(order + 1):
            known = sum((quotient[i] * denominator[k - i] for i in range(k)), Fraction(0))
            quotient.append(numerator[k] - known)
        return quotient
    odd = name.startswith("sin")
    sign = 1 if name.endswith("h") else -1
    return [
        Fraction(sign ** (k // 2), math.factorial(k)) if k % 2 == odd else Fraction(0)
        for k in range(order + 1)
    ]


def sum_series(name: str, order: int, x: FloatArray) -> FloatArray:
    """Sum the series up to an order: Σ_{k ≤ order} c_k x^k."""
    result: FloatArray = np.polynomial.polynomial.polyval(
        x, np.array([float(c) for c in list_coefficients(name, order)])
    )
    return result


def format_series(name: str, order: int, longest: int = 5) -> str:
    """Write the partial sum in LaTeX, with dots in its middle beyond ``longest`` terms."""
    coefficients = list_coefficients(name, order)
    terms = [
        ("+" if c > 0 else "-") + _format_term(name, abs(c), k)
        for k, c in enumerate(coefficients)
        if c != 0
    ]
    if len(terms) > longest:
        sign = r"\pm" if any(c < 0 for c in coefficients) else "+"
        terms = [*terms[: longest - 1], sign + r"\cdots", terms[-1]]
    return " ".join(terms).removeprefix("+") or "0"


def _format_term(name: str, size: Fraction, power: int) -> str:
    x = {0: "1", 1: "x"}.get(power, f"x^{{{power}}}")
    if size == 1:
        return x
    if not name.startswith("tan"):
        return rf"\frac{{{x}}}{{{power}!}}"
    if power > _LAST_WRITTEN_ORDER:
        return f"c_{{{power}}}{x}"
    over = "" if size.numerator == 1 else str(size.numerator)
    return rf"\frac{{{over}{x}}}{{{size.denominator}}}"


@dataclass(frozen=True, eq=False)
class Sector:
    """The curve u² ± v² = 1, the point at parameter t, and the sector between axis and point.

    The area of the sector is t/2 on the circle, where t is also the angle, and on the hyperbola.
    """

    u: FloatArray
    v: FloatArray
    point: tuple[float, float]
    outline: tuple[FloatArray, FloatArray]


def make_sectors(t: float) -> tuple[Sector, Sector]:
    """Make the sectors of the hyperbola at (cosh t, sinh t) and of the circle at (cos t, sin t)."""
    reach = max(abs(t) * 1.1, 1.5)
    along = np.linspace(0.0, t, 81)

    def make_sector(
        u: Callable[..., FloatArray], v: Callable[..., FloatArray], end: float
    ) -> Sector:
        s = np.linspace(-end, end, 181)
        outline = tuple(np.concatenate([[0.0], f(along), [0.0]]) for f in (u, v))
        return Sector(u(s), v(s), (float(u(t)), float(v(t))), (outline[0], outline[1]))

    return make_sector(np.cosh, np.sinh, reach), make_sector(np.cos, np.sin, math.pi)
