"""Pre-activation residual networks: blocks h + α·f(h) with norm and activation inside f.

The stream h stays Gaussian. Where widths differ it has parts (``stream``).
"""

from __future__ import annotations

import numpy as np

from gradflow.core.catalog import Activation, Normalization
from gradflow.core.theory.flow import (
    PredictedFlow,
    StreamPoint,
    collect_flow,
    list_blocks,
    pass_readout,
)
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.moments import FloatArray
from gradflow.core.theory.readout import compute_kept_by_norm
from gradflow.core.theory.signals import LayerOutput, Signal, average
from gradflow.core.theory.stream import (
    Part,
    PassedStream,
    Stream,
    add_branch,
    fit,
    mix,
    move_gradient,
    pass_stream,
)


def predict_preactivation_flow(network: NetworkLaws) -> PredictedFlow:
    """Predict a first layer, blocks h + α·f(h), norm and activation, and a linear readout."""
    last = network.depth - 1
    z = [network.apply_weights(network.input, 0)]
    after: list[LayerOutput] = []
    passed: list[PassedStream] = []
    if last:
        stream: Stream = [Part(network.fans[0][1], z[0])]
        for block in list_blocks(network.spec, network.depth):
            passed.append(pass_stream(network, stream, network.fans[block[0] - 1][1]))
            after.append(passed[-1].output)
            inner = _pass_branch(network, block, z, after)
            stream = add_branch(
                fit(passed[-1].parts, network.fans[block[-1]][1]), inner, network.spec.branch_scale
            )
        passed.append(pass_stream(network, stream, network.fans[last - 1][1]))
        after.append(passed[-1].output)
        z.append(network.apply_weights(after[-1].signal, last))
    after.append(pass_readout(z[-1]))
    kept = compute_kept_by_norm(network, z[-1])
    delta, grad, back = _predict_backward(network, after, passed, kept)
    ends = [0, *(block[-1] for block in list_blocks(network.spec, network.depth))]
    points = zip(ends, passed, back, strict=False)
    flow = collect_flow(z, after, delta, grad)
    return flow._replace(
        stream=tuple(StreamPoint(i, mix(p.parts), average(g)) for i, p, g in points)
    )


def _pass_branch(
    network: NetworkLaws, block: range, z: list[Signal], after: list[LayerOutput]
) -> Signal:
    """Pass the weight layers of a branch, behind the norm and activation at its start."""
    z.append(network.apply_weights(after[-1].signal, block[0]))
    for index in block[1:]:
        after.append(network.apply_norm_and_activation(z[-1], network.fans[index - 1][1]))
        z.append(network.apply_weights(after[-1].signal, index))
    return z[-1]


def _predict_backward(
    network: NetworkLaws, after: list[LayerOutput], passed: list[PassedStream], kept: float
) -> tuple[list[FloatArray], list[FloatArray], list[FloatArray]]:
    """Compute ‖∂L/∂z‖² and ‖∂L/∂a‖² per layer, and ‖∂L/∂h‖² of the stream, from its parts."""
    last = network.depth - 1
    delta, grad = ([np.ones_like(network.input.power)] * network.depth for _ in range(2))
    if not last:
        return delta, grad, []
    grad[last - 1] = delta[last] * network.gain[last]
    stream = _enter(passed[-1], grad[last - 1] * kept)
    back = [sum(stream, np.zeros(1))]
    blocks = list(list_blocks(network.spec, network.depth))
    bare = network.spec.normalization is Normalization.NONE
    for number in reversed(range(len(blocks))):
        block = blocks[number]
        delta[block[-1]] = sum(stream, np.zeros(1)) * network.spec.branch_scale**2
        for index in reversed(block[1:]):
            grad[index - 1] = delta[index] * network.gain[index]
            delta[index - 1] = grad[index - 1] * after[index - 1].slope
        grad[block[0] - 1] = delta[block[0]] * network.gain[block[0]]
        around = move_gradient(stream, passed[number + 1].parts, passed[number].parts)
        through = _enter(passed[number], grad[block[0] - 1])
        stream = [a + b for a, b in zip(around, through, strict=True)]
        back.insert(0, sum(stream, np.zeros(1)))
        if network.spec.activation is Activation.LINEAR and bare:
            grad[block[0] - 1] = back[0]  # the output is the stream itself
    delta[0] = back[0]
    return delta, grad, back


def _enter(passed: PassedStream, grad: FloatArray) -> list[FloatArray]:
    """Share a gradient out to the parts of the stream, through activation and norm."""
    total = sum(part.units for part in passed.parts)
    return [
        grad * slope * (part.units / total)
        for part, slope in zip(passed.parts, passed.slopes, strict=True)
    ]
