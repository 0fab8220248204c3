"""The limits of theory's predictions; docs/theory.md has the measurements behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum

import numpy as np

from gradflow.core.catalog import (
    INITIALIZATIONS,
    Connection,
    Normalization,
)
from gradflow.core.experiment import MLP, ConvNet, Experiment, LayerSettings
from gradflow.core.report import Report
from gradflow.core.text import Text
from gradflow.core.theory.architecture_limits import (
    LARGEST_DEPTH_OVER_WIDTH,
    LEAST_GROUP,
    LEAST_WIDTH,
    find_image_doubts,
    find_image_obstacles,
    find_transformer_doubts,
)
from gradflow.core.theory.attention import TransformerLaws
from gradflow.core.theory.flow import PredictedFlow
from gradflow.core.theory.images import ImageLaws
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.moments import FloatArray
from gradflow.core.theory.number_format import check_number_format
from gradflow.core.theory.readout import predict_readout_gradient
from gradflow.core.theory.signals import average

Laws = NetworkLaws | ImageLaws | TransformerLaws


class Standing(StrEnum):
    """The degree to which a prediction can be trusted."""

    QUANTITATIVE = "quantitative"
    QUALITATIVE = "qualitative"
    NONE = "none"


LEAST_BATCH, LEAST_NORM_ENTRIES = 12, 4
"""Smallest batch for a normalization's law, and the number of entries below which there is none.
Of units it takes ``LEAST_GROUP``, behind the activation twice as many."""
LEAST_POPULATION = 80
"""Smallest group behind the addition of a residual block, where few large units persist."""
LARGEST_GAIN_SPREAD = 0.8
"""Variance of the logarithm of LSUV's gain; of χ² with one degree of freedom it is about 1."""
LARGEST_ALIGNMENT = 0.15
"""Relative growth of the gradient norm, because it follows the outputs, that is not noticed."""
LARGEST_MIXING = 0.2
"""What few directions in the data may do to the gradient norm under batch norm."""
LARGEST_PLAIN_DEPTH = 0.3
"""Σ 1/n of plain networks, whose median is predicted; see ``LARGEST_DEPTH_OVER_WIDTH``."""
LARGEST_BAND = math.e
"""Factor on a gradient norm beyond which the band is no prediction."""
LEAST_UNSATURATED = 16
"""Units of a layer that pass the gradient on, below which chance decides how much they pass."""
SAME_UNITS_POWER = 4.0
"""Mean square by which z may differ between samples that leave the same units unsaturated."""
LARGEST_SAMPLE_CHANCE = 0.12
"""Relative standard deviation of the first layer's gradient norm over batches of samples, of which
a norm divides those close to zero by little."""
LARGEST_SPREAD, STEEPEST = 0.3, 1.05
"""Standard deviation of the samples' mean squares, relative to their mean, and d ln E φ²/d ln q,
beyond which a typical sample stands for no others in residual blocks."""
LARGEST_COMMON_SHARE = 0.15
"""Share of a unit's signal that may be equal in all samples, for batch norm behind φ."""


def find_obstacles(experiment: Experiment) -> Iterator[Text]:
    """Find why nothing can be predicted; empty if something can."""
    if isinstance(experiment.network, LayerSettings):
        yield from _check_weights(experiment.network)
    if isinstance(experiment.network, ConvNet):
        yield from find_image_obstacles(experiment.network)
    if not isinstance(experiment.network, MLP):
        return
    spec = experiment.mlp
    network = NetworkLaws(experiment)
    smallest = min(map(network.get_group_size, spec.hidden_widths), default=math.inf)
    if smallest < LEAST_NORM_ENTRIES:
        yield Text(
            "A normalization over {n} values has no law; it takes {least} or more.",
            n=int(smallest),
            least=LEAST_NORM_ENTRIES,
        )
    if (
        network.norm is Normalization.BATCH
        and not network.norm_first
        and spec.connection is Connection.RESIDUAL
    ):
        yield Text(
            "There is no law for batch normalization behind the addition of a residual block."
        )


def _check_weights(spec: LayerSettings) -> Iterator[Text]:
    choice = INITIALIZATIONS[spec.initialization]
    if choice.variance is None:
        yield Text(
            "With equal weights all units of a layer are copies of each other; the theory is "
            "about independent random weights."
        )
    elif choice.variance(spec, 1, 1) == 0:
        yield Text("With zero weights no signal and no gradient passes a layer.")


def find_doubts(
    experiment: Experiment,
    report: Report,
    laws: Laws,
    flow: PredictedFlow,
    band: FloatArray,
) -> Iterator[Text]:
    """Find why the numbers are only roughly right; empty where they hold."""
    if isinstance(laws, ImageLaws):
        yield from find_image_doubts(experiment, laws)
    elif isinstance(laws, TransformerLaws):
        yield from find_transformer_doubts(laws)
    else:
        yield from _check_finite_size(experiment, laws, flow, band)
        if laws.norm is Normalization.BATCH:
            yield from _check_batch_norm(laws, flow)
    yield from check_number_format(experiment, report, flow)


def _check_finite_size(
    experiment: Experiment, network: NetworkLaws, flow: PredictedFlow, band: FloatArray
) -> Iterator[Text]:
    widths = experiment.mlp.hidden_widths
    if widths and min(widths) < LEAST_WIDTH:
        yield Text(
            "The law is one of wide layers: it holds from about {least} units, here are {n}.",
            least=LEAST_WIDTH,
            n=min(widths),
        )
    elif max(network.gain_spread) > LARGEST_GAIN_SPREAD:
        yield Text(
            "LSUV divides the readout's weights by the spread of its {n} outputs, which are alike "
            "for all samples: chance decides how large that is.",
            n=network.fans[-1][1],
        )
    elif 2 * math.log(band.max()) < estimate_instability(network, flow):
        yield Text(
            "The forward recursion is unstable here: chance differences between networks grow "
            "from layer to layer."
        )
    elif band.max() > LARGEST_BAND or _is_too_deep(network):
        yield Text(
            "The network is so deep for its width that two networks drawn alike differ by "
            "more than a factor {factor}.",
            factor=float(band.max() ** 2),
        )
    yield from _check_first_norm(network)
    yield from _check_saturated_units(network, flow)
    yield from _check_repeated_activation(network)
    yield from _check_alignment(experiment, network, flow)
    yield from _check_group_size(network)


def _is_too_deep(network: NetworkLaws) -> bool:
    """Return whether products of so many random factors are far from their mean."""
    connection = network.spec.connection
    if connection not in (Connection.PLAIN, Connection.RESIDUAL):
        return False
    most = LARGEST_DEPTH_OVER_WIDTH if connection is Connection.RESIDUAL else LARGEST_PLAIN_DEPTH
    bounded = network.law.saturated_between is not None and len(network.law.saturated_between) > 1
    steady = bounded or network.norm is not Normalization.NONE
    inverse = sum(1 / units for units in network.spec.hidden_widths)
    return inverse > most * (1.5 if steady else 1.0)


def _check_repeated_activation(network: NetworkLaws) -> Iterator[Text]:
    """Find blocks φ(h + …) of which an activation that is not homogeneous makes too much.

    With branches of zeros it is the activation of itself, and unstable.
    """
    spec = network.spec
    if spec.connection is not Connection.RESIDUAL or network.norm is not Normalization.NONE:
        spread = 0.0
    else:
        spread = float(network.input.power.std() / max(network.input.mean_power, 1e-300))
    one, four = network.law.compute_moments(np.array([1.0, 4.0])).power
    homogeneous = abs(four / one - 4) < 1e-3
    if spread > LARGEST_SPREAD and math.log(four / one, 4) > STEEPEST:
        yield Text(
            "Samples differ in size, and this activation makes more of large ones in each block; "
            "the law follows one sample of the mean size."
        )
    if spec.connection is Connection.RESIDUAL and spec.zero_last and not homogeneous:
        yield Text(
            "With branches that start at zero each block only repeats the activation; small "
            "differences in the signal grow or shrink from block to block."
        )


def _check_alignment(
    experiment: Experiment, network: NetworkLaws, flow: PredictedFlow
) -> Iterator[Text]:
    """Find a gradient that follows the outputs: it comes back through the weights that made them.

    Its part along the signal, along·units/n of the whole, is not lost at any layer, and what it
    becomes adds up. Normalizations remove it; of plain networks it is predicted.
    """
    shortcuts = network.spec.connection in (Connection.RESIDUAL, Connection.PREACTIVATION)
    if network.norm is not Normalization.NONE or not shortcuts:
        return
    inverse = sum(1 / units for units in network.spec.hidden_widths)
    along = predict_readout_gradient(experiment, flow.preactivation[-1]).along
    if along * network.fans[-1][1] * inverse / 2 > LARGEST_ALIGNMENT:
        yield Text(
            "The loss's gradient follows the outputs here, so that it meets the same weights on "
            "its way back; the law takes both directions as independent."
        )


def _check_group_size(network: NetworkLaws) -> Iterator[Text]:
    smallest = min(map(network.get_group_size, network.spec.hidden_widths), default=math.inf)
    if network.norm is Normalization.BATCH:
        least = LEAST_BATCH
    elif not network.norm_first and network.spec.connection is Connection.RESIDUAL:
        least = LEAST_POPULATION
    else:
        least = LEAST_GROUP * (2 - network.norm_first)
    if smallest < least:
        yield Text(
            "The normalization's statistics are over only {n} values; the law needs about {least}.",
            n=int(smallest),
            least=least,
        )


def _check_first_norm(network: NetworkLaws) -> Iterator[Text]:
    """Find samples so close to zero that a norm over the first layer's units magnifies them."""
    if network.norm in (Normalization.NONE, Normalization.BATCH) or network.depth < 2:
        return
    slope = network.pass_first_layer().slope
    chance = float(slope.std() / max(average(slope), 1e-300)) / 2 / math.sqrt(network.batch_size)
    if chance > LARGEST_SAMPLE_CHANCE:
        yield Text(
            "A few samples are close to zero, and the normalization of the first layer divides "
            "them by little: its gradient is mostly theirs, and other samples have another."
        )


def _check_saturated_units(network: NetworkLaws, flow: PredictedFlow) -> Iterator[Text]:
    """Find a layer of which a few units pass the gradient on, the same ones for all samples."""
    layers = zip(flow.preactivation, flow.after, network.fans, strict=True)
    for number, (z, output, (_, units)) in enumerate(layers, start=1):
        left = units * (1 - output.saturated)
        differs = z.mean_power * (1 - average(z.cosine))
        if left < LEAST_UNSATURATED and differs < SAME_UNITS_POWER:
            yield Text(
                "Only about {left} of the {units} units of layer {layer} are not saturated, the "
                "same ones for all samples: what they pass on depends on chance.",
                left=max(round(left), 1),
                units=units,
                layer=number,
            )
            return


def estimate_instability(network: NetworkLaws, flow: PredictedFlow) -> float:
    """Estimate the standard deviation of ln ‖δ_1‖² from chance fluctuations of the signal.

    In a layer of n units ln E a² has variance (E φ⁴/(E φ²)² − 1)/n. Each layer after it multiplies
    a deviation by d ln E φ²/d ln q, and ‖δ‖² depends on it through d ln E φ'²/d ln q. The result is
    0 with shortcuts or norms, which damp both.
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


def _check_batch_norm(network: NetworkLaws, flow: PredictedFlow) -> Iterator[Text]:
    overlap = network.input.compute_overlap(network.batch_size)
    if 1 - overlap < 1e-6:
        yield Text(
            "All samples are equal, or so nearly that rounding decides what batch normalization "
            "makes of them."
        )
        return
    directions = network.directions
    linear = network.law.compute_linear_share()
    excess = sum(linear**layer for layer in range(network.depth - 1)) / (3 * directions)
    if excess > LARGEST_MIXING:
        yield Text(
            "Batch normalization's law is about samples that differ in many directions; these "
            "data have about {n}, and the layers do not mix them fast.",
            n=round(directions),
        )
    common = [
        network.bias[layer] / max(flow.preactivation[layer].mean_power, 1e-300)
        for layer in range(1, network.depth - 1)
    ]
    if not network.norm_first and max(common, default=0.0) > LARGEST_COMMON_SHARE:
        yield Text(
            "Large biases are equal for all samples; behind the activation, batch "
            "normalization then divides units by very different numbers."
        )
