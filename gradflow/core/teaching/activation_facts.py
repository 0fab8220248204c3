"""Curves and facts of the activation functions, from their torch modules alone."""

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
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.experiment import MLP
from gradflow.core.spec import Spec
from gradflow.core.theory.moments import (
    ActivationLaw,
    FloatArray,
    compute_values_and_slopes,
    find_kinks,
    get_activation_law,
)

SEPARATOR = "-"
"""Between activation codes in text."""
_POINTS = 481
_REACH, _STEP = 16.0, 2.0**-7
_LESS_FAR, _FAR = 1e4, 1e8
"""What holds at both holds towards infinity."""
_BESIDE = _EQUAL = 1e-9


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
        """The same choice as a network's spec, which the catalog's functions take."""
        return with_parameters(self.activation, self)


class ShownFunctions(Spec):
    """Which functions to draw, and how far."""

    shown: tuple[Activation, ...] = Field(
        (Activation.SIGMOID, Activation.TANH, Activation.RELU, Activation.GELU),
        title="Functions",
        description="Functions to draw.",
    )
    reach: int = Field(5, ge=1, le=50, title="Range of z", description="Drawn from −r to r.")
    negative_slope: NegativeSlope = 0.01
    elu_alpha: Alpha = 1.0

    exempt: ClassVar[frozenset[str]] = frozenset({"negative_slope", "elu_alpha"})

    @classmethod
    def applies(cls, name: str, values: Any) -> bool:
        """A parameter applies if a function that has it is shown."""
        return name not in cls.exempt or any(
            name in ACTIVATIONS[code].parameters
            for code in values.get("shown", cls.model_fields["shown"].default)
            if code in ACTIVATIONS
        )

    @field_validator("shown", mode="before")
    @classmethod
    def _codes(cls, values: Any) -> tuple[Activation, ...]:
        codes = values.split(SEPARATOR) if isinstance(values, str) and values else values
        for code in codes:
            if code not in set(Activation):
                raise InvalidExperiment(
                    f"shown: {quote_value(code)} is not allowed; choose any of {', '.join(Activation)}, "
                    f"with {SEPARATOR} between them",
                    fields=("shown",),
                )
        return tuple(dict.fromkeys(map(Activation, codes)))

    def functions(self) -> list[MLP]:
        """One spec per function, in the order of choice."""
        return [with_parameters(activation, self) for activation in self.shown]


def with_parameters(activation: Activation, values: Any) -> MLP:
    """A network's spec with this activation and its parameters, the attributes of ``values``."""
    own = {name: getattr(values, name) for name in ACTIVATIONS[activation].parameters}
    return MLP(activation=activation, **own)


@dataclass(frozen=True, eq=False)
class Curve:
    """φ and φ' on a grid; NaN in ``slope`` separates the branches where φ' jumps.

    Attributes:
        activation: which function.
        z, value, slope: arrays of one length. A random slope (RReLU) is its mean.
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
    """The largest |φ'|, or its supremum, and the interval of z in which it is taken.

    ``low == high`` is a single point, ±∞ the limit there; ``side`` is −1 or 1 if the value is
    only approached, from the left or the right of a jump.
    """

    slope: float
    low: float
    high: float
    side: int = 0


@dataclass(frozen=True)
class Facts:
    """What the table says of one function.

    Attributes:
        activation: which function.
        peak: the largest |φ'|.
        low, high: infimum and supremum of φ; ``low_taken``, ``high_taken``: whether φ takes them.
        flat_left, flat_right: whether φ' → 0 for z → −∞ and z → ∞: it saturates there.
        mean, variance: of φ(z) for z ~ N(0, 1), by quadrature.
        slope_power: E φ'(z)², the same way; the factor of the squared gradient norm per layer is
            σ_w² times it. A random slope counts with its variance.
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


def curve(spec: MLP, reach: float) -> Curve:
    """φ and φ' of the activation of ``spec`` for −reach ≤ z ≤ reach."""
    module = get_activation_law(spec).module
    z = np.linspace(-reach, reach, _POINTS)
    kinks = [kink for kink in find_kinks(module) if abs(kink) < reach]
    ends = np.array([[k - _BESIDE, k, k + _BESIDE] for k in kinks]).ravel()
    z = np.union1d(z, ends)
    value, slope = compute_values_and_slopes(module, z)
    slope[np.isin(z, kinks)] = math.nan
    low, high = _slope_range(module)
    return Curve(spec.activation, z, value, slope, low, high)


def _slope_range(module: nn.Module) -> tuple[float, float]:
    if isinstance(module, nn.RReLU):
        return float(module.lower), float(module.upper)
    return math.nan, math.nan


@lru_cache(maxsize=256)
def facts(spec: MLP) -> Facts:
    """The facts of the activation of ``spec``, with its parameters."""
    law = get_activation_law(spec)
    row = ACTIVATIONS[spec.activation]
    moments = law.compute_moments(np.ones(1))
    low, low_taken = _supremum(law, -1.0)
    high, high_taken = _supremum(law, 1.0)
    flat = np.abs(compute_values_and_slopes(law.module, np.array([-_FAR, _FAR]))[1]) < 1e-12
    return Facts(
        activation=spec.activation,
        peak=_peak(law.module),
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


def _supremum(law: ActivationLaw, sign: float) -> tuple[float, bool]:
    """The supremum of sign·φ, and whether it is taken."""

    def signed(z: FloatArray) -> FloatArray:
        return sign * compute_values_and_slopes(law.module, z)[0]

    far = signed(np.array([-_FAR, _FAR]))
    if (far > 2 * np.abs(signed(np.array([-_LESS_FAR, _LESS_FAR]))) + _EQUAL).any():
        return math.inf, False
    z = np.arange(-_REACH, _REACH + _STEP, _STEP)
    _, top = _refined(signed, z)
    supremum = max(top, float(far.max()))
    _, near = _refined(signed, z[np.abs(z) <= _REACH / 2])
    return supremum, near > supremum - _EQUAL


def _refined(function: Callable[[FloatArray], FloatArray], z: FloatArray) -> tuple[float, float]:
    """Where a function is largest, and how large: the grid's best point, then finer grids."""
    values = function(z)
    best = int(values.argmax())
    where, top = float(z[best]), float(values[best])
    width = _STEP
    for _round in range(5):
        finer = where + np.linspace(-width, width, 129)
        values = function(finer)
        best = int(values.argmax())
        if values[best] > top:  # else the centre stays, which may be an exact number
            where, top = float(finer[best]), float(values[best])
        width /= 32
    return where, top


def _peak(module: nn.Module) -> Peak:
    def steepness(z: FloatArray) -> FloatArray:
        return np.abs(compute_values_and_slopes(module, z)[1])

    kinks = np.array(find_kinks(module))
    z = np.arange(-_REACH, _REACH + _STEP, _STEP)
    z = np.union1d(z[~np.isin(z, kinks)], [kinks - _BESIDE, kinks + _BESIDE])
    slopes, far = steepness(z), steepness(np.array([-_FAR, _FAR]))
    top = float(slopes.max())
    if far.max() > top * (1 + _EQUAL):
        end = math.inf if far[1] >= far[0] else -math.inf
        return Peak(float(far.max()), end, end)
    ridge = z[slopes >= top * (1 - _EQUAL)]
    low, high = float(ridge[0]), float(ridge[-1])
    if low == high and not (np.abs(kinks - low) < 2 * _BESIDE).any():
        where, top = _refined(steepness, np.array([low]))
        return Peak(top, where, where)
    at_kink = kinks[np.abs(kinks - low) < 2 * _BESIDE]
    side = round((low - at_kink[0]) / _BESIDE) if low == high else 0
    low, high = (_onto(kinks, end) for end in (low, high))
    if low < -_REACH + _STEP:
        low = -math.inf
    if high > _REACH - _STEP:
        high = math.inf
    return Peak(top, low, high, side)


def _onto(kinks: FloatArray, z: float) -> float:
    """The kink next to which z lies, else z."""
    near = kinks[np.abs(kinks - z) < 2 * _BESIDE]
    return float(near[0]) if len(near) else z
