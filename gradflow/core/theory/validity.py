"""Where the predictions hold. The limits were measured; docs/theory.md has the numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum

import numpy as np
import torch

from gradflow.core.catalog import (
    ACTIVATIONS,
    DTYPES,
    INITIALIZATIONS,
    Connection,
    Normalization,
)
from gradflow.core.experiment import MLP, Experiment
from gradflow.core.report import Report
from gradflow.core.text import _
from gradflow.core.theory.flow import PredictedFlow
from gradflow.core.theory.moments import FloatArray
from gradflow.core.theory.signals import NetworkLaws


class Standing(StrEnum):
    """How far a prediction can be trusted."""

    QUANTITATIVE = "quantitative"
    QUALITATIVE = "qualitative"
    NONE = "none"


WIDTH_SATURATING, WIDTH = 64, 128
"""Smallest width for a bounded activation, and for any other."""
BATCH, GROUP, FEWEST = 12, 16, 4
"""Smallest batch and group of units for a normalization's law (behind the activation twice the
group); below ``FEWEST`` there is none."""
LARGEST_DEPTH_OVER_WIDTH = 0.2
"""Depth over width beyond which residual networks leave their law (a factor 3 at 66/256)."""
LARGEST_BAND = math.e
"""Factor on a gradient norm beyond which the band is no prediction."""
COMMON_SIGNAL = 0.15
"""Share of a unit's signal that is equal in all samples, for batch norm after the activation."""


def find_obstacles(experiment: Experiment) -> Iterator[str]:
    """Why nothing can be predicted; empty if something can."""
    if not isinstance(experiment.network, MLP):
        yield _("The theory here is about fully connected networks.")
        return
    spec = experiment.mlp
    variance = INITIALIZATIONS[spec.initialization].variance
    network = NetworkLaws(experiment)
    smallest = min(
        (network.get_group_size(width) for width in spec.hidden_widths), default=math.inf
    )
    if variance is None:
        yield _("With equal weights all units of a layer are copies of each other; the theory is "
                "about independent random weights.")  # fmt: skip
    elif not any(network.gain):
        yield _("With zero weights no signal and no gradient passes a layer.")
    if smallest < FEWEST:
        yield _("A normalization over {n} values has no law; it takes {least} or more.").format(
            n=int(smallest), least=FEWEST
        )
    if (
        network.norm is Normalization.BATCH
        and not network.norm_first
        and spec.connection is Connection.RESIDUAL
    ):
        yield _("There is no law for batch normalization behind the addition of a residual block.")


def find_doubts(
    experiment: Experiment,
    report: Report,
    network: NetworkLaws,
    flow: PredictedFlow,
    band: FloatArray,
) -> Iterator[str]:
    """Why the numbers are only roughly right; empty where they hold."""
    yield from _check_finite_size(experiment, network, flow, band)
    if network.norm is Normalization.BATCH:
        yield from _check_batch_norm(network, flow, band)
    yield from _check_number_format(experiment, report, network, flow)


def _check_finite_size(
    experiment: Experiment, network: NetworkLaws, flow: PredictedFlow, band: FloatArray
) -> Iterator[str]:
    widths = experiment.mlp.hidden_widths
    interval = ACTIVATIONS[experiment.mlp.activation].unsaturated
    bounded = interval is not None and all(map(math.isfinite, interval(network.law.module)))
    least = WIDTH_SATURATING if bounded else WIDTH
    if widths and min(widths) < least:
        yield _("The law is one of wide layers: with this activation it holds from about {least} "
                "units, here are {n}.").format(least=least, n=min(widths))  # fmt: skip
    elif band.max() > LARGEST_BAND:
        yield _("The network is so deep for its width that two networks drawn alike differ by "
                "more than a factor {factor}.").format(factor=f"{band.max() ** 2:.2g}")  # fmt: skip
    elif 2 * math.log(band.max()) < estimate_instability(network, flow):
        yield _("The forward recursion is unstable here: chance differences between networks grow "
                "from layer to layer.")  # fmt: skip
    narrow = widths and network.depth > LARGEST_DEPTH_OVER_WIDTH * min(widths)
    residual = experiment.mlp.connection is Connection.RESIDUAL
    if narrow and residual and network.norm is Normalization.NONE:
        yield _("In residual networks with an activation behind the addition the gradient grows "
                "faster than the law of wide layers says, once they are this deep for their "
                "width.")  # fmt: skip
    smallest = min(map(network.get_group_size, widths), default=math.inf)
    least = BATCH if network.norm is Normalization.BATCH else GROUP * (2 - network.norm_first)
    if smallest < least:
        yield _("The normalization's statistics are over only {n} values; the law needs about "
                "{least}.").format(n=int(smallest), least=least)  # fmt: skip


def estimate_instability(network: NetworkLaws, flow: PredictedFlow) -> float:
    """Standard deviation of ln ‖δ_1‖² that chance fluctuations of the forward signal bring.

    In a layer of n units ln E a² has variance (E φ⁴/(E φ²)² − 1)/n. The layers after it multiply
    a deviation by d ln E φ²/d ln q each, and ‖δ‖² feels it through d ln E φ'²/d ln q. With
    shortcuts or norms, which damp both, 0.
    """
    plain = network.spec.connection is Connection.PLAIN
    q = np.array([z.mean_power for z in flow.preactivation[:-1]])
    if not plain or network.norm is not Normalization.NONE or not (np.isfinite(q) & (q > 0)).all():
        return 0.0
    low, high = (network.law.compute_moments(q * factor) for factor in (0.999, 1.001))
    step = math.log(1.001 / 0.999)
    of_slope = np.log(high.slope / low.slope) / step
    of_power = np.log(high.power / low.power) / step
    from_weights = 1 - np.array(network.bias[:-1]) / q
    total = effect = 0.0
    for layer in range(len(q) - 1, 0, -1):
        effect = from_weights[layer] * (of_slope[layer] + of_power[layer] * effect)
        total += effect**2 * network.law.compute_spread(q[layer - 1]) / network.fans[layer][0]
    return math.sqrt(total)


def _check_batch_norm(network: NetworkLaws, flow: PredictedFlow, band: FloatArray) -> Iterator[str]:
    cosine = network.input.cosine
    overlap = network.input.compute_overlap(network.batch_size)
    if 1 - overlap < 1e-6:
        yield _("All samples are equal, so batch normalization divides 0 by 0.")
        return
    centred = (cosine - overlap) / (1 - overlap)
    directions = 1 / (1 / network.batch_size + (1 - 1 / network.batch_size) * (centred**2).mean())
    linear = network.law.compute_linear_share()
    excess = sum(linear**layer for layer in range(network.depth - 1)) / (3 * directions)
    if excess > max(0.25, math.log(band.max())):
        yield _("Batch normalization's law is about samples that differ in many directions; these "
                "data have about {n}, and the layers do not mix them fast.").format(
                    n=round(directions))  # fmt: skip
    common = [
        network.bias[layer] / max(flow.preactivation[layer].mean_power, 1e-300)
        for layer in range(1, network.depth - 1)
    ]
    if not network.norm_first and max(common, default=0.0) > COMMON_SIGNAL:
        yield _("Large biases are equal for all samples; behind the activation, batch "
                "normalization then divides units by very different numbers.")  # fmt: skip


def _check_number_format(
    experiment: Experiment, report: Report, network: NetworkLaws, flow: PredictedFlow
) -> Iterator[str]:
    largest = float(torch.finfo(DTYPES[experiment.dtype].dtype).max)
    overflow = _("Predicted numbers come near {largest}, the largest in {dtype}: the measured ones "
                 "overflow.").format(largest=f"{largest:.1g}", dtype=experiment.dtype)  # fmt: skip
    anchor = float(report.layers["delta_norm"].iloc[-1])
    units = np.array([fan_out for _, fan_out in network.fans])
    entries = np.sqrt(np.array(flow.delta) / (units * network.batch_size)) * anchor
    signal = max(math.sqrt(z.mean_power) for z in flow.preactivation)
    known = 0 < anchor < math.inf
    if not 5 * signal < largest or (known and not 5 * entries.max() * report.loss_scale < largest):
        yield overflow
    if not known:
        yield _("The readout's gradient is zero or not finite, so the gradient has no anchor.")
        return
    smallest = entries[entries > 0].min(initial=math.inf)
    if smallest < report.smallest_normal:
        yield _("Predicted gradient entries of {size} are below {tiny}, the smallest normal "
                "{dtype} number here: they are measured too small, or as zero.").format(
                    size=f"{smallest:.1g}", tiny=f"{report.smallest_normal:.1g}",
                    dtype=experiment.dtype)  # fmt: skip
