"""The laws of a fully connected network: what weights, norms and activations do to a signal.

The limit is that of wide layers: over its units, a pre-activation is Gaussian with mean 0 for
every sample, and the units are independent (Poole et al. 2016). Corrections of order 1/units and
1/batch are kept where a normalization would accumulate them from layer to layer.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from gradflow.core.catalog import (
    DTYPES,
    INITIALIZATIONS,
    NORMALIZATIONS,
    Normalization,
    NormMode,
    NormPosition,
)
from gradflow.core.experiment import Experiment
from gradflow.core.theory.moments import ActivationLaw, FloatArray, get_activation_law
from gradflow.core.theory.norm_corrections import (
    GAUSSIAN_FACTORS,
    MomentFactors,
    compute_batch_factor,
    compute_gaussian_tails,
    compute_projections,
    compute_slope_kurtosis,
    compute_sphere_factors,
)
from gradflow.core.theory.signals import (
    LayerOutput,
    Signal,
    average,
    measure_input,
    measure_powers,
)


class NetworkLaws:
    """The laws of one experiment's weights, norm and activation.

    Layers are numbered by the index of their weights, from 0.

    Attributes:
        experiment: the experiment.
        spec, batch_size, fans, depth: of the experiment.
        law: moments of the activation.
        input: statistics of the inputs.
        gain: fan_in·Var(W) of each layer; under LSUV known once the signal has passed it.
        gain_spread: variance of ln gain between networks.
        adapts: the gains are chosen by LSUV as the signal passes.
        bias: variance of the biases of each layer.
        norm, norm_first: the normalization, and whether it is before the activation.
        epsilon: the normalization's ε.
    """

    def __init__(self, experiment: Experiment) -> None:
        spec, data = experiment.mlp, experiment.data
        self.spec = spec
        self.experiment = experiment
        self.batch_size = data.batch_size
        self.fans = spec.list_fans(data.features, data.outputs)
        self.depth = len(self.fans)
        self.law: ActivationLaw = get_activation_law(spec)
        self.input = measure_input(data, experiment.seed)
        choice = INITIALIZATIONS[spec.initialization]
        variance = choice.variance or (lambda spec, fan_in, fan_out: math.nan)
        self.adapts = choice.unit_variance
        self.gain = [n * variance(spec, n, m) for n, m in self.fans]
        self.gain_spread = [0.0] * self.depth
        self.bias = [1 / (3 * n) if choice.pytorch_bias else spec.bias_std**2 for n, _ in self.fans]
        evaluates = spec.norm_mode is NormMode.EVALUATION
        batch = spec.normalization is Normalization.BATCH
        self.norm = Normalization.NONE if batch and evaluates else spec.normalization
        self.norm_first = spec.norm_position is NormPosition.BEFORE
        self.epsilon = _get_epsilon(experiment)

    @property
    def typical(self) -> Signal:
        """The input as one sample of mean power and one pair of mean cosine."""
        power, mean, cosine = self.input
        return Signal(
            power.mean(keepdims=True), mean.mean(keepdims=True), cosine.mean(keepdims=True)
        )

    @property
    def directions(self) -> float:
        """The effective number of directions in which the inputs differ."""
        overlap = self.input.compute_overlap(self.batch_size)
        centred = (self.input.cosine - overlap) / max(1 - overlap, 1e-6)
        pairs = (1 - 1 / self.batch_size) * average(centred**2)
        return 1 / (1 / self.batch_size + pairs)

    def zero_layer(self, index: int) -> None:
        """Set weight and bias of layer ``index`` to 0."""
        self.gain[index] = self.bias[index] = 0.0

    def apply_weights(self, signal: Signal, index: int) -> Signal:
        """Compute the pre-activations z = W a + b, whose mean is 0."""
        if self.adapts:
            self._adapt_gain(signal, index)
        gain, bias = self.gain[index], self.bias[index]
        mean = gain * signal.mean_power
        cosine = (mean * signal.cosine + bias) / max(mean + bias, 1e-300)
        return Signal(gain * signal.power + bias, np.zeros_like(signal.power), cosine)

    def _adapt_gain(self, signal: Signal, index: int) -> None:
        """Divide by the variance of z over batch × units, as LSUV does.

        Over few units, and samples with cosines c, that is a sum of few squares: like χ²/ν with
        ν = 2 mean²/variance degrees of freedom, whose median is smaller than its mean (Wilson &
        Hilferty 1931). Samples that point the same way still differ in their norm, in one
        direction; and what they differ by has passed the same units of each layer, which leaves
        it fewer directions.
        """
        units, power = self.fans[index][1], signal.mean_power
        overlap = signal.compute_overlap(self.batch_size)
        same_norm = average(np.sqrt(signal.power)) ** 2 / max(power, 1e-300)
        share = 1 - overlap * same_norm / units
        if not power * share > 1e-12 * power:
            return
        square = 1 + (1 - 1 / self.batch_size) * (average(signal.cosine**2) - 1)
        lost = overlap**2 * same_norm * (2 - same_norm) / units
        spread = (square - lost) / units
        if index:
            tails = compute_slope_kurtosis(self.law, power) - 1
            spread += share**2 * tails * sum(1 / n for _, n in self.fans[:index]) / units
        if len(signal.power) < len(self.input.power):  # one sample and one pair stand for all
            spread = max(spread, share**2 / self.directions)
        freedom = max(share**2 / max(spread, 1e-12), 1.0)
        self.gain[index] = 1 / (power * share * (1 - 2 / (9 * freedom)) ** 3)
        self.gain_spread[index] = math.log1p(2 / freedom)

    def apply_norm_and_activation(self, z: Signal, units: int) -> LayerOutput:
        """Apply norm and activation, in their order."""
        if self.norm is Normalization.NONE:
            signal, slope = self.activate(z)
            return LayerOutput(signal, slope, self.law.compute_saturated_share(z.power))
        if self.norm_first:
            u, factor = self.normalize(z, units)
            signal, slope = self.activate(
                u, compute_sphere_factors(self.law, self.get_dimension(units))
            )
            kept = 1 - self.compute_removed_share(units, self.law)
            return LayerOutput(
                signal, slope * factor * kept, self.law.compute_saturated_share(u.power)
            )
        a, slope = self.activate(z)
        saturated = self.law.compute_saturated_share(z.power)
        if self.norm is Normalization.BATCH:
            signal, factor = self.normalize(a, units, kurtosis=1.0)
            return LayerOutput(signal, slope * factor * self._compute_batch_factor(z), saturated)
        signal, factor = self.normalize(
            a,
            units,
            compute_gaussian_tails(self.law, z.mean_power, self.norm is not Normalization.RMS),
        )
        kept = 1 - self.compute_removed_share(units)
        return LayerOutput(signal, slope * factor * kept, saturated)

    def pass_first_layer(self) -> LayerOutput:
        """Pass all samples of the batch through the first layer, with their own mean squares.

        Its cosines are those of the representative pairs.
        """
        power = self.gain[0] * measure_powers(self.experiment.data, self.experiment.seed)
        z = Signal(power + self.bias[0], np.zeros_like(power), self.input.cosine)
        return self.apply_norm_and_activation(z, self.fans[0][1])

    def _compute_batch_factor(self, z: Signal) -> float:
        """Compute the factor that a batch norm behind φ adds; its arguments are rounded.

        It changes little with them, and takes milliseconds to compute.
        """
        log_q = round(10 * math.log(min(max(z.mean_power, 1e-12), 1e6))) / 10
        overlap = round(100 * z.compute_overlap(self.batch_size)) / 100
        overlap = min(max(overlap, 0.0), 0.99)
        return compute_batch_factor(self.law, self.batch_size, math.exp(log_q), overlap)

    def activate(
        self, z: Signal, shape: MomentFactors = GAUSSIAN_FACTORS
    ) -> tuple[Signal, FloatArray]:
        """Apply φ to a signal; return also E φ'²."""
        moments = self.law.compute_moments(z.power)
        cosine = self.law.compute_cosine(z.mean_power, z.cosine)
        signal = Signal(moments.power * shape.power, moments.mean, cosine)
        return signal, moments.slope * shape.slope

    def normalize(self, z: Signal, units: int, kurtosis: float = 3.0) -> tuple[Signal, FloatArray]:
        """Normalize a signal; return also E 1/(s² + ε) for its statistic s².

        ``kurtosis`` is that of the entries whose mean square is s² (see ``compute_tails``).
        """
        dimension = self.get_dimension(units)
        square = z.mean**2
        overlap = float(square.mean()) / max(z.mean_power, 1e-300)
        power, cosine, mean = np.maximum(z.power - square, 0.0), z.cosine, np.zeros_like(z.power)
        if self.norm is Normalization.RMS:
            power, overlap, mean = z.power, 0.0, z.mean
        if self.norm is Normalization.BATCH:
            overlap = z.compute_overlap(self.batch_size)
            root, common = np.sqrt(z.power), math.sqrt(z.mean_power)
            power = (root - overlap * common) ** 2 + overlap * (1 - overlap) * z.mean_power
            power *= z.mean_power * (1 - overlap) / max(power.mean(), 1e-300)  # exact on average
            statistic = np.full_like(power, z.mean_power * (1 - overlap))
        elif self.norm is Normalization.RMS:
            statistic = power
        else:
            power = statistic = power * dimension / (dimension + 1)
        scale = 1 / (statistic + self.epsilon)
        cosine = np.clip((cosine - overlap) / max(1 - overlap, 1e-12), -1.0, 1.0)
        spread = 1 + (kurtosis - 1) * (scale * statistic) ** 2 / max(dimension - 2, 1e-3)
        signal = Signal(power * scale, mean * np.sqrt(scale), cosine)
        return signal, scale * spread

    def apply_norm(self, z: Signal, units: int) -> tuple[Signal, FloatArray]:
        """Apply a norm before no activation; return also its factor of the squared gradient."""
        if self.norm is Normalization.NONE or not self.norm_first:
            return z, np.ones_like(z.power)
        u, factor = self.normalize(z, units)
        return u, factor * (1 - self.compute_removed_share(units))

    def get_group_size(self, units: int) -> float:
        """Get the number of entries in a normalization statistic; infinite without one."""
        sizes = {
            Normalization.NONE: math.inf,
            Normalization.BATCH: self.batch_size,
            Normalization.GROUP: units / self.spec.groups,
        }
        return sizes.get(self.norm, units)

    def get_dimension(self, units: int) -> float:
        """Get the number of dimensions left to the normalized vector."""
        return self.get_group_size(units) - (self.norm is not Normalization.RMS)

    def compute_removed_share(self, units: int, law: ActivationLaw | None = None) -> float:
        """Compute the share of the squared gradient that a norm removes.

        It is the share along the mean and along the signal; ``law`` is that of an activation
        behind the norm.
        """
        size = self.get_group_size(units)
        along_signal, mean, shared = (
            (1.0, (1.0, 0.0), (0.0, 1.0)) if law is None else compute_projections(law)
        )
        if self.norm is Normalization.RMS:
            return along_signal / size
        if self.norm is not Normalization.BATCH:
            return (1 + along_signal) / size
        # Behind this layer stands another batch norm: the gradient has mean 0 over the batch, and
        # two of its samples have correlation −1/(size − 1), like two samples of the signal.
        pairs = [first - second / (size - 1) for first, second in (mean, shared)]
        return (1 + along_signal - sum(pairs)) / size


def _get_epsilon(experiment: Experiment) -> float:
    spec = experiment.mlp
    make = NORMALIZATIONS[spec.normalization].module
    epsilon: Any = make(spec, spec.groups).eps if make else 0.0
    return float(torch.finfo(DTYPES[experiment.dtype].dtype).eps if epsilon is None else epsilon)
