"""Dying ReLU: one biased layer under steps of SGD, with five activations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn

from gradflow.core.catalog import Activation
from gradflow.core.networks.noise import draw_random_slopes
from gradflow.core.spec import Spec
from gradflow.core.teaching.activation_facts import Alpha, NegativeSlope
from gradflow.core.theory.moments import FloatArray

BoolArray = npt.NDArray[np.bool_]

RIVALS = (
    Activation.RELU,
    Activation.LEAKY_RELU,
    Activation.PRELU,
    Activation.RRELU,
    Activation.ELU,
)
INPUTS, UNITS, SAMPLES, BATCH = 8, 32, 256, 32
LEARNED_SLOPE_RATE = 0.02
"""PReLU's slopes move with this share of the learning rate: far below 0 their gradient, which is
multiplied by z, is so much larger than the bias' that they would diverge at the same rate."""


class BiasedLayer(Spec):
    """A layer a = φ(Wx + b) that learns a = max(0, W*x), starting from a chosen bias.

    x ~ N(0, I) in 8 dimensions, 256 samples; 32 units; entries of W and W* ~ N(0, 1/8). The loss
    is ½ Σ over units of the squared error, averaged over the 32 samples of a step.
    """

    bias: float = Field(
        -4.0, ge=-10, le=2, title="Bias b at the start", description="The same for every unit."
    )
    learning_rate: float = Field(
        0.3, ge=0.01, le=10, title="Learning rate", description="Of plain SGD; 3 is too large."
    )
    steps: int = Field(300, ge=10, le=500, title="Steps", description="Steps of SGD.")
    negative_slope: NegativeSlope = 0.05
    elu_alpha: Alpha = 1.0
    seed: int = Field(0, ge=0, le=9999, title="Seed", description="Draws other data and weights.")


@dataclass(frozen=True, eq=False)
class DyingTraining:
    """The training with one activation. Arrays have one row per step, from before step 1.

    After an overflow all rows are NaN (``dead`` and ``off``: false).

    Attributes:
        activation: the function φ.
        loss: over all samples, without randomness (RReLU with its mean slope), divided by units.
        low, high: the smallest and the largest pre-activation of each unit over all samples,
            shape ``(steps + 1, UNITS)``.
        dead: whether φ' = 0 for every sample, so that the unit gets no gradient, whatever the
            loss.
        off: whether z ≤ 0 for every sample; with ReLU the same as dead.
        slopes: the slopes of PReLU at the end; empty with other functions.
        overflowed: the first row whose loss is not finite; −1: none.
    """

    activation: Activation
    loss: FloatArray
    low: FloatArray
    high: FloatArray
    dead: BoolArray
    off: BoolArray
    slopes: tuple[float, ...]
    overflowed: int


def train_rivals(spec: BiasedLayer) -> list[DyingTraining]:
    """Train the layer once with each of ``RIVALS``: same data, weights, batches and seed."""
    return train_side_by_side(spec, RIVALS)


@dataclass(frozen=True, eq=False)
class LayerTask:
    """The data and the start of all rivals.

    Attributes:
        inputs, targets: all samples, one per row.
        weight: W at the start.
        batches: the numbers of the samples of each step, shape ``(steps, BATCH)``.
    """

    inputs: Tensor
    targets: Tensor
    weight: Tensor
    batches: Tensor


def draw_task(spec: BiasedLayer) -> LayerTask:
    """Draw the data and the start of a seed, in float64."""
    random = torch.Generator().manual_seed(spec.seed)

    def draw_normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64)

    inputs = draw_normal(SAMPLES, INPUTS)
    targets = torch.relu(inputs @ draw_normal(INPUTS, UNITS) / math.sqrt(INPUTS))
    weight = draw_normal(UNITS, INPUTS) / math.sqrt(INPUTS)
    return LayerTask(
        inputs, targets, weight, torch.randint(SAMPLES, (spec.steps, BATCH), generator=random)
    )


def train_side_by_side(spec: BiasedLayer, activations: Sequence[Activation]) -> list[DyingTraining]:
    """Train the layer once with each of these activations of ``RIVALS``.

    All layers together are one of ``len(activations) * UNITS`` units, whose columns do not meet:
    a step for all takes little longer than one for one.
    """
    task = draw_task(spec)
    with np.errstate(over="ignore", invalid="ignore"):  # a layer that diverges goes on unseen
        units = _Units(spec, activations)
        course = _descend(spec, task, units)
        measured = _measure(spec, task, units, course)
    return [
        _cut_after_overflow(activation, course, measured, i)
        for i, activation in enumerate(activations)
    ]


class _Units:
    """The units of all layers, side by side, and their activation functions.

    Attributes:
        count: how many units.
        slopes: of each unit below 0: RReLU's mean slope, PReLU's as they are learned; of no
            meaning for ELU.
    """

    def __init__(self, spec: BiasedLayer, activations: Sequence[Activation]) -> None:
        self.count = len(activations) * UNITS
        self._places = {a: slice(i * UNITS, (i + 1) * UNITS) for i, a in enumerate(activations)}
        self._alpha = spec.elu_alpha
        self._random = nn.RReLU()
        self._generator = torch.Generator().manual_seed(spec.seed)
        below = {
            Activation.LEAKY_RELU: spec.negative_slope,
            Activation.PRELU: nn.PReLU().weight.item(),
            Activation.RRELU: (self._random.lower + self._random.upper) / 2,
        }
        self.slopes = np.repeat([below.get(a, 0.0) for a in activations], UNITS)

    def draw_slopes(self, z: FloatArray) -> FloatArray:
        """Draw RReLU's slope for each entry; the others are ``slopes``."""
        slopes = np.broadcast_to(self.slopes, z.shape)
        if (place := self._places.get(Activation.RRELU)) is not None:
            slopes, mine = slopes.copy(), torch.from_numpy(z[:, place].copy())
            slopes[:, place] = draw_random_slopes(self._random, mine, self._generator).numpy()
        return slopes

    def apply(self, z: FloatArray, slopes: FloatArray) -> FloatArray:
        """Apply the activation functions; the last axis of z is the units."""
        a = np.where(z > 0, z, slopes * z)
        if (place := self._places.get(Activation.ELU)) is not None:
            own = z[..., place]
            a[..., place] = np.where(own > 0, own, self._alpha * np.expm1(np.minimum(own, 0)))
        return a

    def differentiate(self, z: FloatArray, slopes: FloatArray) -> FloatArray:
        """Compute φ' of z."""
        slope = np.where(z > 0, 1.0, slopes)
        if (place := self._places.get(Activation.ELU)) is not None:
            own = z[..., place]
            slope[..., place] = np.where(own > 0, 1.0, self._alpha * np.exp(np.minimum(own, 0)))
        return slope

    def learn_slopes(self, gradient: FloatArray, rate: float) -> None:
        """Take a step with the slopes of PReLU."""
        if (place := self._places.get(Activation.PRELU)) is not None:
            self.slopes[place] -= LEARNED_SLOPE_RATE * rate * gradient[place]


@dataclass(frozen=True, eq=False)
class _Course:
    """What is learned, before each step and after the last one.

    Attributes:
        weights: shape ``(steps + 1, INPUTS + 1, units)``; the last row is the bias.
        slopes: of each unit below 0, ``(steps + 1, units)``.
    """

    weights: FloatArray
    slopes: FloatArray


def _descend(spec: BiasedLayer, task: LayerTask, units: _Units) -> _Course:
    """Take the steps of SGD; gradients by hand: ∂L/∂z = (φ(z) − y)·φ'(z) / batch."""
    inputs, targets = _add_ones(task.inputs), _repeat(task.targets, units)
    weights = np.empty((spec.steps + 1, INPUTS + 1, units.count))
    slopes = np.empty((spec.steps + 1, units.count))
    weights[0, :-1] = _repeat(task.weight.T, units)
    weights[0, -1] = spec.bias
    slopes[0] = units.slopes
    for step, batch in enumerate(task.batches.numpy()):
        x = inputs[batch]
        z = x @ weights[step]
        drawn = units.draw_slopes(z)
        error = (units.apply(z, drawn) - targets[batch]) / BATCH
        delta = error * units.differentiate(z, drawn)
        weights[step + 1] = weights[step] - spec.learning_rate * (x.T @ delta)
        units.learn_slopes((error * np.minimum(z, 0)).sum(0), spec.learning_rate)
        slopes[step + 1] = units.slopes
    return _Course(weights, slopes)


@dataclass(frozen=True, eq=False)
class _Measurements:
    """Losses ``(steps + 1, layers)``; low, high and dead ``(steps + 1, layers, UNITS)``."""

    loss: FloatArray
    low: FloatArray
    high: FloatArray
    dead: BoolArray


_STEPS_AT_ONCE = 4
"""Steps measured at once: their numbers stay in the processor's cache."""


def _measure(spec: BiasedLayer, task: LayerTask, units: _Units, course: _Course) -> _Measurements:
    """Measure all layers before every step and after the last one."""
    inputs, targets = _add_ones(task.inputs), _repeat(task.targets, units)
    rows, layers = spec.steps + 1, units.count // UNITS
    loss, low, high = np.empty((rows, layers)), *np.empty((2, rows, units.count))
    for start in range(0, rows, _STEPS_AT_ONCE):
        some = slice(start, start + _STEPS_AT_ONCE)
        z = inputs @ course.weights[some]
        low[some], high[some] = z.min(1), z.max(1)
        error = units.apply(z, course.slopes[some, None])
        error -= targets
        squares = np.einsum("tsu,tsu->tu", error, error)
        loss[some] = squares.reshape(-1, layers, UNITS).sum(2) / (2 * UNITS * SAMPLES)
    # φ' does not fall with z, so it is 0 for all samples if it is for the largest z.
    dead = units.differentiate(high, course.slopes) == 0
    shape = rows, layers, UNITS
    return _Measurements(loss, low.reshape(shape), high.reshape(shape), dead.reshape(shape))


def _add_ones(inputs: Tensor) -> FloatArray:
    """Give every sample one more input, 1, whose weight is the bias."""
    return np.hstack([inputs.numpy(), np.ones((len(inputs), 1))])


def _repeat(values: Tensor, units: _Units) -> FloatArray:
    """Repeat what each unit of one layer has for all layers."""
    return np.tile(values.numpy(), units.count // UNITS)


def _cut_after_overflow(
    activation: Activation, course: _Course, measured: _Measurements, position: int
) -> DyingTraining:
    """Make the training of one layer, which ends at the first loss that is not finite."""
    loss, low = measured.loss[:, position].copy(), measured.low[:, position].copy()
    high, dead = measured.high[:, position].copy(), measured.dead[:, position].copy()
    overflows = np.flatnonzero(~np.isfinite(loss))
    overflowed = int(overflows[0]) if len(overflows) else -1
    if overflowed >= 0:
        loss[overflowed] = math.inf
        loss[overflowed + 1 :] = low[overflowed + 1 :] = high[overflowed + 1 :] = math.nan
        dead[overflowed:] = False
    end = course.slopes[overflowed, position * UNITS : (position + 1) * UNITS]
    slopes = tuple(end.tolist()) if activation is Activation.PRELU else ()
    return DyingTraining(activation, loss, low, high, dead, high <= 0, slopes, overflowed)
