"""Residual blocks with the activation behind the addition: φ(h + α·f(h)).

The stream of a unit, h' = φ(h + α z) with a fresh Gaussian z in each block, is a Markov chain
whose distribution has no closed form: the activation makes it skew, and units that are off tend
to stay off, which changes the gradient. So the chain is followed for many representative units,
with the noise spread evenly over their states (array-RQMC: L'Ecuyer, Lécot & Tuffin 2008), and the
gradient comes back along their paths. Two samples are followed, for the correlation between them.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from gradflow.core.catalog import Normalization
from gradflow.core.theory.flow import PredictedFlow, collect_flow, list_blocks, pass_readout
from gradflow.core.theory.moments import FloatArray, compute_values_and_slopes
from gradflow.core.theory.norm_corrections import compute_tails
from gradflow.core.theory.signals import LayerOutput, NetworkLaws, Signal

REPRESENTATIVE_UNITS = 1024
_GOLDEN = 0.6180339887498949


class _StreamStep(NamedTuple):
    """One activation of the stream.

    Attributes:
        slope: φ'² per unit.
        norm: factor of the squared gradient through a norm behind the activation.
        branch: factor of the squared gradient through a norm at the end of the branch.
        kept: the units that have a stream from the block before.
    """

    slope: FloatArray
    norm: float
    branch: float
    kept: npt.NDArray[np.bool_]


def predict_residual_flow(network: NetworkLaws) -> PredictedFlow:
    """Predict a first layer, blocks φ(h + α·f(h)) and a linear readout."""
    z: list[Signal] = []
    after: list[LayerOutput] = []
    steps = _predict_forward(network, z, after)
    delta, grad = _predict_backward(network, after, steps)
    return collect_flow(z, after, delta, grad)


def _predict_forward(
    network: NetworkLaws, z: list[Signal], after: list[LayerOutput]
) -> list[_StreamStep]:
    """Fill ``z`` and ``after``; return the steps of the stream: the first layer and each block."""
    spec, last = network.spec, network.depth - 1
    signal = network.typical
    stream = np.zeros((2, REPRESENTATIVE_UNITS))
    steps: list[_StreamStep] = []
    for block in [range(1), *list_blocks(spec, network.depth)] if last else []:
        inner = signal
        for index in block[:-1]:
            z.append(network.apply_weights(inner, index))
            after.append(network.apply_norm_and_activation(z[-1], network.fans[index][1]))
            inner = after[-1].signal
        z.append(network.apply_weights(inner, block[-1]))
        units, wider = network.fans[block[0]][0], network.fans[block[-1]][1]
        f, branch = network.apply_norm(z[-1], wider)
        noise = _draw_noise(f, stream[0], len(steps))
        kept = np.arange(REPRESENTATIVE_UNITS) * _GOLDEN % 1.0 < units / wider
        sums = kept * stream + spec.branch_scale * noise if steps else noise
        stream, slope, norm = _activate(network, sums, wider)
        signal = _measure_signal(stream)
        steps.append(_StreamStep(slope**2, norm, float(branch.mean()), kept))
        after.append(LayerOutput(signal, np.ones(1), _measure_saturated_share(network, sums[0])))
    z.append(network.apply_weights(signal, last))
    after.append(pass_readout(z[-1]))
    return steps


def _predict_backward(
    network: NetworkLaws, after: list[LayerOutput], steps: list[_StreamStep]
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Compute ‖∂L/∂z‖² and ‖∂L/∂a‖² per layer."""
    spec, last = network.spec, network.depth - 1
    delta, grad = [np.ones(1)] * network.depth, [np.ones(1)] * network.depth
    # The squared gradient of the stream, along the paths of the units.
    per_unit = np.full(REPRESENTATIVE_UNITS, network.gain[last] / network.fans[last][0])
    all_blocks = [range(1), *list_blocks(spec, network.depth)]
    for block, step in reversed(list(zip(all_blocks, steps, strict=False))):
        units, wider = network.fans[block[0]][0], network.fans[block[-1]][1]
        grad[block[-1]] = wider * per_unit.mean(keepdims=True)
        inside = step.slope * step.norm * per_unit
        scale = spec.branch_scale**2 if block[0] else 1.0
        delta[block[-1]] = wider * inside.mean(keepdims=True) * scale * step.branch
        for index in reversed(block[1:]):
            grad[index - 1] = delta[index] * network.gain[index]
            delta[index - 1] = grad[index - 1] * after[index - 1].slope
        skip = np.where(step.kept, inside, inside[step.kept].mean()) * min(1.0, wider / units)
        per_unit = skip + delta[block[0]] * network.gain[block[0]] / units
    return delta, grad


@cache
def _make_lattice() -> FloatArray:
    """Make normal quantiles in a low-discrepancy order: two rows, with different generators."""
    sequences = np.outer([_GOLDEN, 0.7548776662466927], np.arange(REPRESENTATIVE_UNITS)) % 1.0
    levels = (sequences.argsort(1).argsort(1) + 0.5) / REPRESENTATIVE_UNITS
    rows = torch.special.ndtri(torch.from_numpy(levels)).numpy()
    result: FloatArray = rows / rows.std(1, keepdims=True)
    return result


def _draw_noise(z: Signal, state: FloatArray, step: int) -> FloatArray:
    """Draw Gaussian pairs with the power and cosine of ``z``, spread evenly over the states."""
    first, second = np.roll(_make_lattice(), 89 * step, axis=1)
    order = np.argsort(state, kind="stable")
    cosine = float(np.clip(z.cosine.mean(), -1.0, 1.0))
    noise = np.empty((2, REPRESENTATIVE_UNITS))
    noise[0, order] = first
    noise[1, order] = cosine * first + math.sqrt(1 - cosine**2) * second
    return math.sqrt(z.mean_power) * noise


def _activate(
    network: NetworkLaws, sums: FloatArray, units: int
) -> tuple[FloatArray, FloatArray, float]:
    """Apply φ and a norm behind it.

    Returns the new stream, φ' for the first sample, and the norm's factor of the squared gradient.
    """
    value, slope = compute_values_and_slopes(network.law.module, sums.ravel())
    value, slope = value.reshape(sums.shape), slope.reshape(sums.shape)[0]
    if network.norm_first or network.norm is Normalization.NONE:
        return value, slope, 1.0
    centred = value if network.norm is Normalization.RMS else value - value.mean()
    signal, factor = network.normalize(
        _measure_signal(value), units, compute_tails(centred[0], slope)
    )
    factor = factor * (1 - network.compute_removed_share(units))
    scale = math.sqrt(signal.mean_power / max((centred**2).mean(), 1e-300))
    return scale * centred, slope, float(factor.mean())


def _measure_signal(pair: FloatArray) -> Signal:
    power = (pair**2).mean(1)
    cosine = (pair[0] * pair[1]).mean() / max(math.sqrt(power[0] * power[1]), 1e-300)
    return Signal(power.mean(keepdims=True), pair.mean(keepdims=True)[0], np.array([cosine]))


def _measure_saturated_share(network: NetworkLaws, values: FloatArray) -> float:
    ends = network.law.saturated_between
    if ends is None:
        return math.nan
    return float(sum(((values > low) & (values < high)).mean() for low, high in ends))
