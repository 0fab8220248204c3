"""sinh, cosh, tanh beside sin, cos, tan: series, partial sums, circle and hyperbola."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.spec import Spec
from gradflow.core.theory.moments import FloatArray

PAIRS = {"sinh": "sin", "cosh": "cos", "tanh": "tan"}
FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "sin": np.sin, "cos": np.cos, "tan": np.tan,
}  # fmt: skip
REACH = 2 * math.pi
_POINTS = 601
_NEAR_POLE = 30.0
_WRITTEN_OUT = 9
"""The coefficients of tan and tanh have ever more digits; beyond this order they are c_k."""


class Pair(Spec):
    """A hyperbolic function beside its circular sister, with their series."""

    function: str = Field("sinh", title="Functions")
    order: int = Field(
        5, ge=0, le=31, title="Order n", description="The series is cut off after xⁿ."
    )
    x: float = Field(1.0, ge=-5, le=5, title="x", description="Where the numbers are taken.")

    @field_validator("function", mode="before")
    @classmethod
    def _known(cls, value: Any) -> str:
        if value not in PAIRS:
            raise InvalidExperiment(
                f"function: {quote_value(value)} is not allowed; choose one of {', '.join(PAIRS)}",
                fields=("function",),
            )
        return str(value)


@dataclass(frozen=True, eq=False)
class Side:
    """One function of a pair.

    Attributes:
        name: sinh, cosh, tanh, sin, cos or tan.
        x, value, partial: the function and its partial sum on a grid; NaN next to poles.
        latex: the partial sum as a formula.
        at, partial_at: both at the chosen x.
        radius: of convergence.
    """

    name: str
    x: FloatArray
    value: FloatArray
    partial: FloatArray
    latex: str
    at: float
    partial_at: float
    radius: float


def sides(spec: Pair) -> tuple[Side, Side]:
    """The hyperbolic function and its sister."""
    return _side(spec.function, spec), _side(PAIRS[spec.function], spec)


def _side(name: str, spec: Pair) -> Side:
    x = np.linspace(-REACH, REACH, _POINTS)
    value = FUNCTIONS[name](x)
    if name == "tan":
        value[np.abs(value) > _NEAR_POLE] = math.nan
    point = np.array([spec.x])
    return Side(
        name,
        x,
        value,
        partial_sum(name, spec.order, x),
        series_latex(name, spec.order),
        float(FUNCTIONS[name](point)[0]),
        float(partial_sum(name, spec.order, point)[0]),
        math.pi / 2 if name.startswith("tan") else math.inf,
    )


def coefficients(name: str, order: int) -> list[Fraction]:
    """Of x⁰ … xⁿ in the Maclaurin series; those of tan and tanh by division of series."""
    if name.startswith("tan"):
        suffix = name[3:]
        numerator, denominator = (coefficients(f + suffix, order) for f in ("sin", "cos"))
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


def partial_sum(name: str, order: int, x: FloatArray) -> FloatArray:
    """Σ_{k ≤ order} c_k x^k."""
    result: FloatArray = np.polynomial.polynomial.polyval(
        x, np.array([float(c) for c in coefficients(name, order)])
    )
    return result


def series_latex(name: str, order: int, longest: int = 5) -> str:
    """The partial sum as LaTeX, with dots in its middle beyond ``longest`` terms."""
    found = coefficients(name, order)
    terms = [
        ("+" if c > 0 else "-") + _term(name, abs(c), k) for k, c in enumerate(found) if c != 0
    ]
    if len(terms) > longest:
        sign = r"\pm" if any(c < 0 for c in found) else "+"
        terms = [*terms[: longest - 1], sign + r"\cdots", terms[-1]]
    return " ".join(terms).removeprefix("+") or "0"


def _term(name: str, size: Fraction, power: int) -> str:
    x = {0: "1", 1: "x"}.get(power, f"x^{{{power}}}")
    if size == 1:
        return x
    if not name.startswith("tan"):
        return rf"\frac{{{x}}}{{{power}!}}"
    if power > _WRITTEN_OUT:
        return f"c_{{{power}}}{x}"
    over = "" if size.numerator == 1 else str(size.numerator)
    return rf"\frac{{{over}{x}}}{{{size.denominator}}}"


@dataclass(frozen=True, eq=False)
class Sector:
    """The curve u² ± v² = 1, the point at parameter t, and the sector between axis and point.

    The sector's area is t/2 on the circle, where t is also the angle, and on the hyperbola.
    """

    u: FloatArray
    v: FloatArray
    point: tuple[float, float]
    outline: tuple[FloatArray, FloatArray]


def sectors(t: float) -> tuple[Sector, Sector]:
    """(hyperbola, circle) for the points (cosh t, sinh t) and (cos t, sin t)."""
    reach = max(abs(t) * 1.1, 1.5)
    along = np.linspace(0.0, t, 81)

    def sector(u: Callable[..., FloatArray], v: Callable[..., FloatArray], end: float) -> Sector:
        s = np.linspace(-end, end, 181)
        outline = tuple(np.concatenate([[0.0], f(along), [0.0]]) for f in (u, v))
        return Sector(u(s), v(s), (float(u(t)), float(v(t))), (outline[0], outline[1]))

    return sector(np.cosh, np.sinh, reach), sector(np.cos, np.sin, math.pi)
