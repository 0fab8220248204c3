"""Curves and facts of the activation functions, measured on their torch modules."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, field_validator
from torch import nn

from gradflow.core.catalog import ACTIVATIONS, INITIALIZATIONS, Activation, Initialization
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MLP
from gradflow.core.spec import Spec
from gradflow.core.text import Text
from gradflow.core.theory.moments import (
    ActivationLaw,
    FloatArray,
    compute_values_and_slopes,
    find_kinks,
    get_activation_law,
)

CODE_SEPARATOR = "-"
"""Separates activation codes in text."""
_CURVE_POINTS = 481
_GRID_REACH, _GRID_STEP = 16.0, 2.0**-7
"""Extrema are searched on a grid of this reach and step, then on finer ones."""
_FAR, _FARTHER = 1e4, 1e8
"""Stand for infinity: the limit is read at the second, growth is seen between the two."""
_KINK_OFFSET = 1e-9
"""Values on either side of a kink are taken this far from it."""
_TOLERANCE = 1e-9
"""Values that differ by less count as equal."""


NegativeSlope = Annotated[
    float,
    Field(ge=0, le=1, title="Leaky ReLU: slope a", description="Slope of Leaky ReLU below 0."),
]
Alpha = Annotated[
    float, Field(ge=0.1, le=5, title="ELU: α", description="ELU goes down to −α on the left.")
]


class OneActivation(Spec):
    """A choice of one activation function with its parameters."""

    activation: Activation = Field(
        Activation.SIGMOID, title="Activation φ", description="The function φ."
    )
    negative_slope: NegativeSlope = 0.01
    elu_alpha: Alpha = 1.0

    @property
    def mlp(self) -> MLP:
        """A network's spec with this choice, which the catalog's functions take."""
        return make_mlp(self.activation, self)


class ShownFunctions(Spec):
    """The functions to draw, and the range of z to draw them on."""

    shown: tuple[Activation, ...] = Field(
        (Activation.SIGMOID, Activation.TANH, Activation.RELU, Activation.GELU),
        title="Functions",
    )
    reach: int = Field(5, ge=1, le=50, title="Range of z", description="Drawn from −r to r.")
    negative_slope: NegativeSlope = 0.01
    elu_alpha: Alpha = 1.0

    exempt: ClassVar[frozenset[str]] = frozenset({"negative_slope", "elu_alpha"})

    @classmethod
    def applies(cls, name: str, values: Any) -> bool:
        """Whether a field has an effect: a parameter needs a shown function that has it."""
        return name not in cls.exempt or any(
            name in ACTIVATIONS[code].parameters
            for code in values.get("shown", cls.model_fields["shown"].default)
            if code in ACTIVATIONS
        )

    @field_validator("shown", mode="before")
    @classmethod
    def _check_codes(cls, values: Any) -> tuple[Activation, ...]:
        codes = values.split(CODE_SEPARATOR) if isinstance(values, str) and values else values
        for code in codes:
            if code not in set(Activation):
                allowed = Text(
                    "any of {codes}, with {separator} between them",
                    codes=", ".join(Activation),
                    separator=CODE_SEPARATOR,
                )
                raise InvalidExperiment.for_value("shown", code, allowed)
        return tuple(dict.fromkeys(map(Activation, codes)))

    def list_functions(self) -> list[MLP]:
        """List a network's spec for each function, in the order of choice."""
        return [make_mlp(activation, self) for activation in self.shown]


def make_mlp(activation: Activation, values: Any) -> MLP:
    """Make a network's spec with this activation and its parameters.

    Args:
        activation: the function.
        values: has the parameters as attributes.
    """
    own = {name: getattr(values, name) for name in ACTIVATIONS[activation].parameters}
    return MLP(activation=activation, **own)


@dataclass(frozen=True, eq=False)
class FunctionCurve:
    """φ and φ' on a grid; NaN in ``slope`` separates the branches where φ' jumps.

    Attributes:
        activation: the function φ.
        z, value, slope: z, φ(z) and φ'(z), of one length. A random slope (RReLU) is its mean.
        low_slope, high_slope: the range of a random slope below 0, NaN if there is none.
    """

    activation: Activation
    z: FloatArray
    value: FloatArray
    slope: FloatArray
    low_slope: float = math.nan
    high_slope: float = math.nan


@dataclass(frozen=True)
class Peak:
    """The largest |φ'|, or its supremum, and where φ' takes it.

    Attributes:
        slope: the largest |φ'|.
        low, high: the interval of z in which it is taken; a single point if they are equal, the
            limit towards ±∞ if they are infinite.
        side: −1 or 1 if it is only approached, from the left or the right of a jump; else 0.
    """

    slope: float
    low: float
    high: float
    side: int = 0


@dataclass(frozen=True)
class Facts:
    """The facts of one function that the page's table lists.

    Attributes:
        activation: the function φ.
        peak: the largest |φ'|.
        low, high: infimum and supremum of φ; ``low_taken``, ``high_taken``: whether φ takes them.
        flat_left, flat_right: whether φ' → 0 for z → −∞ and z → ∞: it saturates there.
        mean, variance: of φ(z) for z ~ N(0, 1), by quadrature.
        slope_power: E φ'(z)² for z ~ N(0, 1), by quadrature; the factor of the squared gradient
            norm per layer is σ_w² times it. A random slope counts with its variance.
        gain: the catalog's gain.
        takes_gain: whether the recommended initialization has a gain at all.
    """

    activation: Activation
    peak: Peak
    low: float
    high: float
    low_taken: bool
    high_taken: bool
    flat_left: bool
    flat_right: bool
    mean: float
    variance: float
    slope_power: float
    gain: float
    takes_gain: bool

    @property
    def zero_centred(self) -> bool:
        """Whether E φ(z) = 0 for z ~ N(0, 1)."""
        return abs(self.mean) < 1e-9


def sample_function(spec: MLP, reach: float) -> FunctionCurve:
    """Sample φ and φ' of the activation of ``spec`` for −reach ≤ z ≤ reach."""
    module = get_activation_law(spec).module
    z = np.linspace(-reach, reach, _CURVE_POINTS)
    kinks = [kink for kink in find_kinks(module) if abs(kink) < reach]
    ends = np.array([[k - _KINK_OFFSET, k, k + _KINK_OFFSET] for k in kinks]).ravel()
    z = np.union1d(z, ends)
    value, slope = compute_values_and_slopes(module, z)
    slope[np.isin(z, kinks)] = math.nan
    low, high = _find_slope_range(module)
    return FunctionCurve(spec.activation, z, value, slope, low, high)


def _find_slope_range(module: nn.Module) -> tuple[float, float]:
    """Find the range of a random slope; two NaN if the slope is not random."""
    if isinstance(module, nn.RReLU):
        return float(module.lower), float(module.upper)
    return math.nan, math.nan


@lru_cache(maxsize=256)
def find_facts(spec: MLP) -> Facts:
    """Find the facts of the activation of ``spec``, with its parameters."""
    law = get_activation_law(spec)
    row = ACTIVATIONS[spec.activation]
    moments = law.compute_moments(np.ones(1))
    low, low_taken = _find_supremum(law, -1.0)
    high, high_taken = _find_supremum(law, 1.0)
    flat = np.abs(compute_values_and_slopes(law.module, np.array([-_FARTHER, _FARTHER]))[1]) < 1e-12
    return Facts(
        activation=spec.activation,
        peak=_find_peak(law.module),
        low=-low + 0.0,
        high=high + 0.0,
        low_taken=low_taken,
        high_taken=high_taken,
        flat_left=bool(flat[0]),
        flat_right=bool(flat[1]),
        mean=float(moments.mean[0]),
        variance=float(moments.variance[0]),
        slope_power=float(moments.slope[0]),
        gain=row.gain(spec),
        takes_gain="gain" in INITIALIZATIONS[Initialization(row.initialization)].parameters,
    )


def _find_supremum(law: ActivationLaw, sign: float) -> tuple[float, bool]:
    """Find the supremum of sign·φ, and whether it is taken."""

    def evaluate(z: FloatArray) -> FloatArray:
        return sign * compute_values_and_slopes(law.module, z)[0]

    far = evaluate(np.array([-_FARTHER, _FARTHER]))
    if (far > 2 * np.abs(evaluate(np.array([-_FAR, _FAR]))) + _TOLERANCE).any():
        return math.inf, False
    z = np.arange(-_GRID_REACH, _GRID_REACH + _GRID_STEP, _GRID_STEP)
    _, top = _refine_maximum(evaluate, z)
    supremum = max(top, float(far.max()))
    _, near = _refine_maximum(evaluate, z[np.abs(z) <= _GRID_REACH / 2])
    return supremum, near > supremum - _TOLERANCE


def _refine_maximum(
    function: Callable[[FloatArray], FloatArray], z: FloatArray
) -> tuple[float, float]:
    """Find where a function is largest, and how large: on the grid, then on finer grids."""
    values = function(z)
    best = int(values.argmax())
    where, top = float(z[best]), float(values[best])
    width = _GRID_STEP
    for _round in range(5):
        finer = where + np.linspace(-width, width, 129)
        values = function(finer)
        best = int(values.argmax())
        if values[best] > top:  # else the centre stays, which may be an exact number
            where, top = float(finer[best]), float(values[best])
        width /= 32
    return where, top


def _find_peak(module: nn.Module) -> Peak:
    def measure_steepness(z: FloatArray) -> FloatArray:
        return np.abs(compute_values_and_slopes(module, z)[1])

    kinks = np.array(find_kinks(module))
    z = np.arange(-_GRID_REACH, _GRID_REACH + _GRID_STEP, _GRID_STEP)
    z = np.union1d(z[~np.isin(z, kinks)], [kinks - _KINK_OFFSET, kinks + _KINK_OFFSET])
    slopes, far = measure_steepness(z), measure_steepness(np.array([-_FARTHER, _FARTHER]))
    top = float(slopes.max())
    if far.max() > top * (1 + _TOLERANCE):
        end = math.inf if far[1] >= far[0] else -math.inf
        return Peak(float(far.max()), end, end)
    ridge = z[slopes >= top * (1 - _TOLERANCE)]
    low, high = float(ridge[0]), float(ridge[-1])
    if low == high and not (np.abs(kinks - low) < 2 * _KINK_OFFSET).any():
        where, top = _refine_maximum(measure_steepness, np.array([low]))
        return Peak(top, where, where)
    at_kink = kinks[np.abs(kinks - low) < 2 * _KINK_OFFSET]
    side = round((low - at_kink[0]) / _KINK_OFFSET) if low == high else 0
    low, high = (_snap_to_kink(kinks, end) for end in (low, high))
    if low < -_GRID_REACH + _GRID_STEP:
        low = -math.inf
    if high > _GRID_REACH - _GRID_STEP:
        high = math.inf
    return Peak(top, low, high, side)


def _snap_to_kink(kinks: FloatArray, z: float) -> float:
    """Move z onto the kink next to it, if there is one."""
    near = kinks[np.abs(kinks - z) < 2 * _KINK_OFFSET]
    return float(near[0]) if len(near) else z
