"""Backpropagation through a chain of single units: every factor of the product."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from operator import mul
from typing import Annotated, Any, Self

import torch
from pydantic import Field, ValidationInfo, field_validator, model_validator
from torch import Tensor

from gradflow.core.catalog import DTYPES, Activation, DType
from gradflow.core.errors import InvalidExperiment
from gradflow.core.spec import Spec
from gradflow.core.teaching.fields import parse_numbers
from gradflow.core.teaching.slope import evaluate_with_slope
from gradflow.core.text import Text

MAX_LENGTH = 12
MAX_PARAMETER = 10.0
"""Largest absolute value of a weight or bias."""
MAX_DATA = 1e300
"""Largest absolute value of the input and the target."""

_DataValue = Annotated[float, Field(ge=-MAX_DATA, le=MAX_DATA)]


class Chain(Spec):
    """A chain h_{i+1} = f(w_i h_i + b_i), i = 1 … n, with h_1 the input and one unit per layer.

    ``weights`` and ``biases`` have one value for all layers or one value per layer. The loss is
    half the squared error, L = ½(h_{n+1} − t)². Raises ``InvalidExperiment`` on anything
    impossible.
    """

    length: int = Field(8, ge=1, le=MAX_LENGTH, title="Length n")
    activation: Activation = Field(Activation.SIGMOID, title="Activation f")
    dtype: DType = Field(DType.FLOAT64, title="Number format")
    weights: tuple[float, ...] = Field((1.0,), title="Weights w")
    biases: tuple[float, ...] = Field((0.0,), title="Biases b")
    input: _DataValue = Field(1.0, title="Input x")
    target: _DataValue = Field(0.0, title="Target t")

    @field_validator("weights", "biases", mode="before")
    @classmethod
    def _check_numbers(cls, values: Any, info: ValidationInfo) -> tuple[float, ...]:
        return parse_numbers(str(info.field_name), values, MAX_PARAMETER)

    @model_validator(mode="after")
    def _check_counts(self) -> Self:
        for name, values in (("weights", self.weights), ("biases", self.biases)):
            if len(values) not in (1, self.length):
                message = Text(
                    "{name}: {count} values do not fit a chain of length {length}; give 1 for all "
                    "layers or {length}",
                    name=name,
                    count=len(values),
                    length=self.length,
                )
                raise InvalidExperiment(message, fields=(name,))
        return self


class Trouble(StrEnum):
    """Codes of the troubles that a gradient may meet on its way back."""

    OVERFLOW = "overflow"
    ZERO_FACTOR = "zero_factor"
    UNDERFLOW = "underflow"
    ZERO_ERROR = "zero_error"


class Term(StrEnum):
    """A quantity of the chain; with an index it names one number."""

    INPUT = "x"
    TARGET = "t"
    Z = "z"
    H = "h"
    LOSS = "L"
    ERROR = "e"
    W = "w"
    SLOPE = "slope"
    G = "g"
    WEIGHT_GRADIENT = "weight_gradient"


@dataclass(frozen=True)
class Event:
    """A trouble, and the first number of the chain that shows it.

    Attributes:
        trouble: the kind of trouble.
        term: the quantity that shows it, say the one that became infinite or NaN, or the factor
            that is 0.
        index: the index i of the quantity; 0 where it has none.
        value: the number.
    """

    trouble: Trouble
    term: Term
    index: int
    value: float


@dataclass(frozen=True)
class ChainRun:
    """All numbers of one forward and one backward pass, in the chain's number format.

    Tuples hold layer i at position i − 1.

    Attributes:
        spec: the chain.
        w, b: parameters, rounded to the number format.
        h: the signals h_1 = x … h_{n+1}, one more than there are layers.
        z: z_i = w_i h_i + b_i.
        slope: f'(z_i).
        target: t, rounded to the number format.
        loss: L = ½(h_{n+1} − t)².
        error: ∂L/∂h_{n+1} = h_{n+1} − t.
        g: g_i = ∂L/∂z_i; g_n = error · f'(z_n), and g_i = g_{i+1} · w_{i+1} · f'(z_i).
        weight_gradients: ∂L/∂w_i = g_i h_i; ∂L/∂b_i is g_i itself.
    """

    spec: Chain
    w: tuple[float, ...]
    b: tuple[float, ...]
    h: tuple[float, ...]
    z: tuple[float, ...]
    slope: tuple[float, ...]
    target: float
    loss: float
    error: float
    g: tuple[float, ...]
    weight_gradients: tuple[float, ...]

    @property
    def weight_behind(self) -> tuple[float, ...]:
        """w_{i+1}, through which layer i is read; 1 for the last, which the loss reads itself."""
        return (*self.w[1:], 1.0)

    @property
    def factors(self) -> tuple[float, ...]:
        """w_{i+1} · f'(z_i), by which the gradient is multiplied on its way through layer i."""
        return tuple(w * s for w, s in zip(self.weight_behind, self.slope, strict=True))

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest positive number of the number format."""
        info = torch.finfo(DTYPES[self.spec.dtype].dtype)
        return info.smallest_normal * info.eps, info.max

    @property
    def products(self) -> tuple[float, ...]:
        """g_i / ∂L/∂h_{n+1}: the product of the factors from layer n back to i, in float64."""
        return tuple(accumulate(reversed(self.factors), mul))[::-1]


def run_chain(spec: Chain) -> ChainRun:
    """Run one forward and one backward pass through a chain, with f' by autograd."""
    dtype = DTYPES[spec.dtype].dtype

    def to_format(value: float) -> Tensor:
        return torch.tensor([value], dtype=torch.float64).to(dtype)

    def repeat_per_layer(values: tuple[float, ...]) -> list[Tensor]:
        return [to_format(value) for value in (values * spec.length)[: spec.length]]

    w, b = repeat_per_layer(spec.weights), repeat_per_layer(spec.biases)
    target, h = to_format(spec.target), [to_format(spec.input)]
    z, slope = [], []
    for weight, bias in zip(w, b, strict=True):
        z.append(weight * h[-1] + bias)
        value, derivative = evaluate_with_slope(spec.activation, z[-1])
        h.append(value)
        slope.append(derivative)
    error = h[-1] - target
    g = [error * slope[-1]]
    for weight, derivative in zip(reversed(w[1:]), reversed(slope[:-1]), strict=True):
        g.append(g[-1] * weight * derivative)
    g.reverse()
    return ChainRun(
        spec=spec,
        w=_to_floats(w),
        b=_to_floats(b),
        h=_to_floats(h),
        z=_to_floats(z),
        slope=_to_floats(slope),
        target=target.item(),
        loss=(error * error / 2).item(),
        error=error.item(),
        g=_to_floats(g),
        weight_gradients=_to_floats([d * x for d, x in zip(g, h[:-1], strict=True)]),
    )


def _to_floats(values: list[Tensor]) -> tuple[float, ...]:
    return tuple(value.item() for value in values)


def find_events(run: ChainRun) -> list[Event]:
    """Find the events in a chain that deserve a sentence, in the order of computation.

    At most one overflow (the first number that is not finite), and at most one reason for a
    gradient of exactly 0 (the first on the way back).
    """
    candidates = [find_overflow(run), find_zero(run)]
    return [event for event in candidates if event]


def find_overflow(run: ChainRun) -> Event | None:
    """Find the first number, in the order of computation, that is infinite or NaN."""
    order: list[tuple[Term, int, float]] = [(Term.INPUT, 0, run.h[0])]
    for i, (z, h) in enumerate(zip(run.z, run.h[1:], strict=True), start=1):
        order += [(Term.Z, i, z), (Term.H, i + 1, h)]
    order += [(Term.TARGET, 0, run.target), (Term.ERROR, 0, run.error), (Term.LOSS, 0, run.loss)]
    for i in range(len(run.g), 0, -1):
        order += [
            (Term.SLOPE, i, run.slope[i - 1]),
            (Term.G, i, run.g[i - 1]),
            (Term.WEIGHT_GRADIENT, i, run.weight_gradients[i - 1]),
        ]
    for term, index, value in order:
        if not math.isfinite(value):
            return Event(Trouble.OVERFLOW, term, index, value)
    return None


def find_zero(run: ChainRun) -> Event | None:
    """Find why the gradient is exactly 0 from some layer on, if it is."""
    if run.error == 0:
        return Event(Trouble.ZERO_ERROR, Term.ERROR, 0, 0.0)
    for i in range(len(run.g), 0, -1):
        if run.g[i - 1] == 0:
            if run.weight_behind[i - 1] == 0:
                return Event(Trouble.ZERO_FACTOR, Term.W, i + 1, 0.0)
            if run.slope[i - 1] == 0:
                return Event(Trouble.ZERO_FACTOR, Term.SLOPE, i, 0.0)
            return Event(Trouble.UNDERFLOW, Term.G, i, 0.0)
    return None
