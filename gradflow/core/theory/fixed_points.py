"""The fixed point of a plain network's layers, its slope χ₁, and the phase of the network."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from gradflow.core.catalog import Connection, Normalization
from gradflow.core.experiment import MAX_DEPTH
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.moments import ActivationLaw, FloatArray
from gradflow.core.theory.signals import Signal

_LOG_Q = np.linspace(math.log(1e-12), math.log(1e6), 400)
_TOLERANCE = 1e-9


class Phase(StrEnum):
    """The course of gradients on their way back through a deep network."""

    ORDERED = "ordered"
    CRITICAL = "critical"
    CHAOTIC = "chaotic"


class FixedPoint(NamedTuple):
    """The limit of the signal in ever deeper layers, and the factor of the gradient there.

    Attributes:
        chi: χ₁, the factor of the squared gradient norm per layer; NaN where there is none.
        weight_factor: the part of χ₁ that the weights make, σ_w² = n·Var(W); the rest are the
            slopes, and a normalization.
        q_star: q*, second moment of the pre-activation; 0 and infinity are possible.
        depth_scale: ξ = 1/|ln χ₁| layers, over which the squared gradient norm changes by e.
        phase: critical if ξ exceeds the depth of the deepest network.
    """

    chi: float
    weight_factor: float
    q_star: float
    depth_scale: float
    phase: Phase | None


UNDEFINED = FixedPoint(math.nan, math.nan, math.nan, math.nan, None)


def find_fixed_point(network: NetworkLaws, last: Signal) -> FixedPoint:
    """Find the fixed point of the hidden layers of ``network``, reached from ``last``.

    ``last`` is the pre-activation of the last hidden layer. The fixed point is undefined with
    shortcuts, with fewer than two hidden layers, and if the layers differ in n·Var(W).
    """
    gains = network.gain[1:-1]
    if network.spec.connection is not Connection.PLAIN or not gains:
        return UNDEFINED
    if not min(gains) > 0 or max(gains) > 1.01 * min(gains):
        return UNDEFINED
    gain, bias = gains[-1], network.bias[-2]
    if network.norm is Normalization.NONE:
        q = find_variance_fixed_point(network.law, gain, bias, last.mean_power)
        chi = gain * float(network.law.compute_moments(np.clip([q], 1e-300, 1e300)).slope[0])
    else:
        z = Signal(np.array([last.mean_power]), np.zeros(1), last.cosine)
        units = network.fans[-1][0]
        for _ in range(3):
            output = network.apply_norm_and_activation(z, units)
            mean = gain * output.signal.mean_power
            z = Signal(
                gain * output.signal.power + bias,
                np.zeros(1),
                (mean * output.signal.cosine + bias) / (mean + bias),
            )
        q, chi = z.mean_power, gain * float(output.slope.mean())
    if not chi > 0:
        return FixedPoint(chi, gain, q, math.nan, None)
    rate = math.log(chi)
    if abs(rate) * MAX_DEPTH <= 1:
        phase = Phase.CRITICAL
    else:
        phase = Phase.CHAOTIC if rate > 0 else Phase.ORDERED
    return FixedPoint(chi, gain, q, 1 / abs(rate) if rate else math.inf, phase)


def find_variance_fixed_point(law: ActivationLaw, gain: float, bias: float, start: float) -> float:
    """Find q* = σ_w² E φ(√q* z)² + σ_b² as reached from ``start``; 0 or infinity if q runs there.

    ``gain`` is σ_w², ``bias`` is σ_b².
    """

    def compute_steps(log_q: FloatArray) -> FloatArray:
        """Compute the relative change of q in one layer."""
        q = np.exp(log_q)
        result: FloatArray = (gain * law.compute_moments(q).power + bias) / q - 1
        return result

    log_start = float(np.clip(math.log(max(start, 1e-300)), _LOG_Q[0], _LOG_Q[-1]))
    sign = float(np.sign(compute_steps(np.array([log_start]))[0]))
    if abs(compute_steps(np.array([log_start]))[0]) < _TOLERANCE:
        return start
    nodes = np.array([log_start, *_LOG_Q[(_LOG_Q - log_start) * sign > 0][:: int(sign)]])
    for _ in range(8):
        beyond = np.flatnonzero(compute_steps(nodes) * sign <= _TOLERANCE)
        if not len(beyond):
            return math.inf if sign > 0 else 0.0
        nodes = np.linspace(nodes[max(beyond[0] - 1, 0)], nodes[beyond[0]], 33)
    return math.exp(nodes[-1])
