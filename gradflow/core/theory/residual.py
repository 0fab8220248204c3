"""Residual blocks with the activation behind the addition: φ(h + α·f(h)).

The stream of a unit, h' = φ(h + α z) with a fresh Gaussian z in each block, is a Markov chain
whose distribution has no closed form: the activation makes it skew, and units that are off tend
to stay off, which changes the gradient. So the chain is followed for many representative units,
with the noise spread evenly over their states (array-RQMC: L'Ecuyer, Lécot & Tuffin 2008), and the
gradient comes back along their paths. Two samples are followed, for the correlation between them.

Representative units stand in the order of the units, as many per unit in each layer: where the
widths differ, the shortcut drops the last ones or adds zeros behind them, as in the network.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from gradflow.core.catalog import Normalization
from gradflow.core.theory import kernels
from gradflow.core.theory.flow import (
    PredictedFlow,
    StreamPoint,
    collect_flow,
    list_blocks,
    pass_readout,
)
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.moments import FloatArray, compute_values_and_slopes
from gradflow.core.theory.readout import predict_readout_gradient
from gradflow.core.theory.signals import LayerOutput, Signal

IntArray = npt.NDArray[np.int64]

REPRESENTATIVE_UNITS = 1024
"""Representative units of the widest layer."""
DRAWN_GRADIENTS = 4
_DRAWN, _DRAWN_APART = 1 << 17, 20011
"""Normal numbers drawn once for all blocks, and how far apart two neighbours' begin."""
_GOLDEN, _PLASTIC = 0.6180339887498949, 0.7548776662466927
_LEAST_UNCORRELATED = 16
_SHIFT = 331
"""Places by which the noise moves on from block to block. It is far from all Fibonacci numbers: by
one of those the golden-ratio sequence hardly changes, and a unit would get the same noise again."""


class Populations(NamedTuple):
    """Representatives in populations.

    Attributes:
        numbers: the population of each unit.
        inverse: 1/size of each population.
    """

    numbers: IntArray
    inverse: FloatArray

    def average(self, rows: FloatArray) -> FloatArray:
        """Average rows over each population; each unit gets its population's mean."""
        result: FloatArray = kernels.average_populations(rows, self.numbers, self.inverse)
        return result


class _StreamNorm(NamedTuple):
    """A norm behind the activation: x̂ = (x − mean)/s in populations, each as large as the layer's.

    Attributes:
        populations: the units of each.
        unit: x̂ of the first sample.
        inverse: 1/s of the population of each unit.
        centres: the mean is subtracted.
    """

    populations: Populations
    unit: FloatArray
    inverse: FloatArray
    centres: bool

    def pull_back(self, gradient: FloatArray) -> FloatArray:
        """Compute ∂L/∂x of gradients ∂L/∂x̂ (rows)."""
        removed = self.unit * self.populations.average(self.unit * gradient)
        if self.centres:
            removed += self.populations.average(gradient)
        result: FloatArray = self.inverse * (gradient - removed)
        return result


class _StreamStep(NamedTuple):
    """One activation of the stream.

    Attributes:
        norm: the norm behind the activation.
        branch: factor of the squared gradient through a norm at the end of the branch.
    """

    norm: _StreamNorm | None
    branch: float


def predict_residual_flow(network: NetworkLaws) -> PredictedFlow:
    """Predict a first layer, blocks φ(h + α·f(h)) and a linear readout."""
    z: list[Signal] = []
    after: list[LayerOutput] = []
    steps, slopes = _predict_forward(network, z, after)
    shared = 0.0
    if network.norm is Normalization.BATCH:
        shared = predict_readout_gradient(network.experiment, z[-1]).shared
    delta, grad = _predict_backward(network, after, steps, slopes, shared)
    flow = collect_flow(z, after, delta, grad)
    ends = [0, *(block[-1] for block in list_blocks(network.spec, network.depth))]
    points = [StreamPoint(i, after[i].signal, flow.activation_grad[i]) for i in ends if steps]
    return flow._replace(stream=tuple(points))


def _predict_forward(
    network: NetworkLaws, z: list[Signal], after: list[LayerOutput]
) -> tuple[list[_StreamStep], list[FloatArray]]:
    """Fill ``z`` and ``after``.

    Returns the steps of the stream, the first layer and each block, and φ' of every unit in each.
    """
    spec, last = network.spec, network.depth - 1
    signal = network.typical
    stream = np.zeros((2, 0))
    steps: list[_StreamStep] = []
    entered: list[FloatArray] = []
    for block in [range(1), *list_blocks(spec, network.depth)] if last else []:
        inner = signal
        for index in block[:-1]:
            z.append(network.apply_weights(inner, index))
            after.append(network.apply_norm_and_activation(z[-1], network.fans[index][1]))
            inner = after[-1].signal
        z.append(network.apply_weights(inner, block[-1]))
        units = network.fans[block[-1]][1]
        f, branch = network.apply_norm(z[-1], units)
        stream = _fit(stream, count_representatives(network, units))
        noise = _draw_noise(f, stream, len(steps))
        sums = stream + spec.branch_scale * noise if steps else noise
        stream, norm = _activate(network, sums, units)
        signal = _measure_signal(stream)
        entered.append(sums[0])
        steps.append(_StreamStep(norm, float(branch.mean())))
        after.append(LayerOutput(signal, np.ones(1), _measure_saturated_share(network, sums[0])))
    z.append(network.apply_weights(signal, last))
    after.append(pass_readout(z[-1]))
    return steps, _compute_slopes(network, entered)


def _compute_slopes(network: NetworkLaws, entered: list[FloatArray]) -> list[FloatArray]:
    """Compute φ' of all activations of the stream at once: each call takes 50 µs of its own."""
    if not entered:
        return []
    slopes = compute_values_and_slopes(network.law.module, np.concatenate(entered))[1]
    return np.split(slopes, np.cumsum([len(row) for row in entered])[:-1])


def _predict_backward(
    network: NetworkLaws,
    after: list[LayerOutput],
    steps: list[_StreamStep],
    slopes: list[FloatArray],
    shared: float,
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Compute ‖∂L/∂z‖² and ‖∂L/∂a‖² per layer.

    ``shared`` is the share of the stream's gradient that all samples have in common, which a batch
    norm in the branch removes.
    """
    spec, last = network.spec, network.depth - 1
    delta, grad = [np.ones(1)] * network.depth, [np.ones(1)] * network.depth
    if not steps:
        return delta, grad
    units = network.fans[last][0]
    count = count_representatives(network, units)
    # The gradient of the stream, along the paths of the units: its root mean square, or behind
    # norms, which remove what is along the signal, several gradients drawn at random.
    rows = 1 if all(step.norm is None for step in steps) else DRAWN_GRADIENTS
    around = np.zeros((rows, count))
    fresh = network.gain[last] / units
    all_blocks = [range(1), *list_blocks(spec, network.depth)]
    numbered = enumerate(zip(all_blocks, steps, slopes, strict=False))
    for number, (block, step, slope) in reversed(list(numbered)):
        units, wider = network.fans[block[0]][0], network.fans[block[-1]][1]
        if step.norm is None:
            per_unit = np.sqrt(around**2 + fresh)
            inside = slope * per_unit
        else:
            per_unit = around + math.sqrt(fresh) * _draw_gradients(number, around)
            inside = slope * step.norm.pull_back(per_unit)
        grad[block[-1]] = wider * (per_unit**2).mean(keepdims=True)[0]
        left = (inside**2).mean(keepdims=True)[0]
        shared *= slope.mean() ** 2 / max((slope**2).mean(), 1e-300)
        scale = (spec.branch_scale**2 if block[0] else 1.0) * (1 - shared)
        delta[block[-1]] = wider * left * scale * step.branch
        for index in reversed(block[1:]):
            grad[index - 1] = delta[index] * network.gain[index]
            delta[index - 1] = grad[index - 1] * after[index - 1].slope
        if block[0]:
            around = _fit(inside, count_representatives(network, units))
            fresh = float(delta[block[0]][0]) * network.gain[block[0]] / units
            shared *= float(left[0] / max(left[0] + fresh, 1e-300))
    return delta, grad


def _draw_gradients(step: int, around: FloatArray) -> FloatArray:
    """Draw rows of mean square 1, each orthogonal to the gradient that comes around the block."""
    count = around.size
    start = step * _DRAWN_APART % (_DRAWN - count)
    drawn = _draw_normals()[start : start + count].reshape(around.shape)
    result: FloatArray = kernels.remove_direction(drawn, around)
    return result


@lru_cache(maxsize=1)
def _draw_normals() -> FloatArray:
    """Draw the normal numbers of which each block takes others: drawing them takes most time."""
    return np.random.default_rng(0).standard_normal(_DRAWN)


def count_representatives(network: NetworkLaws, units: int) -> int:
    """Count the representatives of a layer's units; populations of a norm need more of them."""
    alone = network.norm_first or network.norm is Normalization.NONE
    widest = max(network.spec.hidden_widths)
    return max(round(REPRESENTATIVE_UNITS * (1 if alone else 2) * units / widest), 1)


def _fit(values: FloatArray, count: int) -> FloatArray:
    """Drop the last units, or add zeros, as the shortcut does between layers of other widths."""
    missing = count - values.shape[-1]
    if missing <= 0:
        return values[..., :count]
    return np.concatenate([values, np.zeros((*values.shape[:-1], missing))], axis=-1)


@lru_cache(maxsize=64)
def _make_lattice(count: int) -> FloatArray:
    """Make normal quantiles in a low-discrepancy order: two rows, with different generators."""
    sequences = np.outer([_GOLDEN, _PLASTIC], np.arange(count)) % 1.0
    levels = (sequences.argsort(1).argsort(1) + 0.5) / count
    rows = torch.special.ndtri(torch.from_numpy(levels)).numpy()
    result: FloatArray = rows / np.maximum(rows.std(1, keepdims=True), 1e-300)
    return result


def _draw_noise(z: Signal, stream: FloatArray, step: int) -> FloatArray:
    """Draw Gaussian pairs with the power and cosine of ``z``, spread evenly over the states.

    Like independent ones, they are uncorrelated with the stream and with each other.
    """
    count = stream.shape[1]
    rows = np.empty((2, count))
    rows[:, _order(stream[0])] = np.roll(_make_lattice(count), _SHIFT * step, axis=1)
    if count >= _LEAST_UNCORRELATED:
        kernels.remove_correlations(rows, stream)
    cosine = float(np.clip(z.cosine.mean(), -1.0, 1.0))
    rows[1] = cosine * rows[0] + math.sqrt(1 - cosine**2) * rows[1]
    return math.sqrt(z.mean_power) * rows


def _order(values: FloatArray) -> IntArray:
    """Order values to 16 bits of their range, which takes a tenth of the time of a full sort."""
    low, high = values.min(), values.max()
    levels = (values - low) * (65535 / max(high - low, 1e-300))
    return np.argsort(levels.astype(np.uint16), kind="stable")


def _activate(
    network: NetworkLaws, sums: FloatArray, units: int
) -> tuple[FloatArray, _StreamNorm | None]:
    """Apply φ and a norm behind it; return the new stream, and the norm of the first sample."""
    with torch.no_grad():
        value = network.law.module(torch.from_numpy(sums)).numpy()
    if network.norm_first or network.norm is Normalization.NONE:
        return value, None
    groups = network.spec.groups if network.norm is Normalization.GROUP else 1
    populations = _divide(sums.shape[1], groups, round(network.get_group_size(units)))
    centres = network.norm is not Normalization.RMS
    if centres:
        value = value - populations.average(value)
    statistic = populations.average(value**2) + network.epsilon
    stream = value / np.sqrt(statistic)
    return stream, _StreamNorm(populations, stream[0], statistic[0] ** -0.5, centres)


@lru_cache(maxsize=64)
def _divide(count: int, groups: int, size: int) -> Populations:
    """Divide representatives into the norm's groups, and those into populations of ``size`` units.

    A statistic of a population then varies by chance as that of the layer, and persists as it
    does: large units stay large, which no factor per layer has.
    """
    position = np.arange(count)
    group = position * groups // count
    most = max(round(count / groups / size), 1)
    order = np.random.default_rng(0).permutation(count)
    population = group * most + order % most
    sizes = np.bincount(population, minlength=groups * most)
    return Populations(population, 1 / np.maximum(sizes, 1))


def _measure_signal(pair: FloatArray) -> Signal:
    power, other, mean, product = kernels.measure_pair(pair)
    cosine = product / max(math.sqrt(power * other), 1e-300)
    return Signal(np.array([(power + other) / 2]), np.array([mean]), np.array([cosine]))


def _measure_saturated_share(network: NetworkLaws, values: FloatArray) -> float:
    ends = network.law.saturated_between
    if ends is None:
        return math.nan
    count = sum(np.count_nonzero((values > low) & (values < high)) for low, high in ends)
    return float(count / len(values))
