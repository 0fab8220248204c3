"""The predicted signal and squared gradient norm, for each pattern of connections.

Gradients are relative to ‖δ‖² = 1 at the readout. A gradient is a vector over the representative
samples, and the flow has its mean. Forward and backward weights are taken as independent
(Schoenholz et al. 2017), so that contributions over different paths add up in the square.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gradflow.core.experiment import MLP
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.moments import FloatArray
from gradflow.core.theory.readout import compute_kept_by_norm
from gradflow.core.theory.signals import LayerOutput, Signal, average


class StreamPoint(NamedTuple):
    """The residual stream in front of the first block, or behind a block.

    Attributes:
        layer: index of the last weight layer before it.
        signal: the stream.
        gradient: ‖∂L/∂h‖² over all ways back.
    """

    layer: int
    signal: Signal
    gradient: float


class PredictedFlow(NamedTuple):
    """The prediction per weight layer.

    Attributes:
        preactivation: z.
        after: the layer's output, behind norm and activation.
        delta: ‖∂L/∂z‖².
        activation_grad: ‖∂L/∂a‖².
        stream: the residual stream, empty where there is none or no law of it.
    """

    preactivation: list[Signal]
    after: list[LayerOutput]
    delta: list[float]
    activation_grad: list[float]
    stream: tuple[StreamPoint, ...] = ()


def list_blocks(spec: MLP, depth: int) -> list[range]:
    """List the indices of the weight layers in each residual branch."""
    last = depth - 1
    return [
        range(start, min(start + spec.block_size, last))
        for start in range(1, last, spec.block_size)
    ]


def predict_plain_flow(network: NetworkLaws) -> PredictedFlow:
    """Predict a plain network: z_l = W_l a_{l-1} + b_l, a_l = φ(z_l)."""
    z, after = [], []
    signal = network.input
    for index in range(network.depth):
        z.append(network.apply_weights(signal, index))
        after.append(_pass_layer(network, z[-1], index))
        signal = after[-1].signal
    delta = [np.ones_like(network.input.power)]
    grad = [delta[0]]
    kept = compute_kept_by_norm(network, z[-1])
    for index in range(network.depth - 1, 0, -1):
        grad.insert(0, delta[0] * network.gain[index])
        delta.insert(0, grad[0] * after[index - 1].slope * kept)
        kept = 1.0
    return collect_flow(z, after, delta, grad)


def predict_dense_flow(network: NetworkLaws) -> PredictedFlow:
    """Predict a dense network: z_l = W_l [x, a_1, …, a_{l-1}] + b_l.

    The squared gradients from all later layers add up.
    """
    z, after = [], []
    seen = network.input
    for index, (fan_in, fan_out) in enumerate(network.fans):
        z.append(network.apply_weights(seen, index))
        after.append(_pass_layer(network, z[-1], index))
        seen = _concatenate(seen, after[-1].signal, fan_in / (fan_in + fan_out))
    delta = [np.ones_like(network.input.power)]
    grad = [delta[0]]
    per_unit = np.zeros_like(delta[0])
    last = network.depth - 1
    lost = (1 - compute_kept_by_norm(network, z[-1])) * network.gain[last] / network.fans[last][0]
    for index in range(network.depth - 1, 0, -1):
        per_unit = per_unit + delta[0] * network.gain[index] / network.fans[index][0]
        units = network.fans[index - 1][1]
        grad.insert(0, per_unit * units)
        delta.insert(0, (per_unit - lost) * units * after[index - 1].slope)
    return collect_flow(z, after, delta, grad)


def _concatenate(seen: Signal, new: Signal, share: float) -> Signal:
    """Concatenate two signals; ``share`` of the units are in ``seen``."""
    old_power, new_power = share * seen.mean_power, (1 - share) * new.mean_power
    return Signal(
        share * seen.power + (1 - share) * new.power,
        share * seen.mean + (1 - share) * new.mean,
        (old_power * seen.cosine + new_power * new.cosine) / max(old_power + new_power, 1e-300),
    )


def _pass_layer(network: NetworkLaws, z: Signal, index: int) -> LayerOutput:
    if index == network.depth - 1:
        return pass_readout(z)
    return network.apply_norm_and_activation(z, network.fans[index][1])


def pass_readout(z: Signal) -> LayerOutput:
    """Pass the readout's output on as it is: no norm and no activation follows."""
    return LayerOutput(z, np.ones_like(z.power), float("nan"))


def collect_flow(
    z: list[Signal], after: list[LayerOutput], delta: list[FloatArray], grad: list[FloatArray]
) -> PredictedFlow:
    """Collect a flow, with the means of the gradients over the samples."""
    return PredictedFlow(z, after, list(map(average, delta)), list(map(average, grad)))
