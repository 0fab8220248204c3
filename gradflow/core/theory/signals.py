"""The statistics of a layer's signal, and how weights, norms and activations change them.

The limit is that of wide layers: over its units, a pre-activation is Gaussian with mean 0 for
every sample, and the units are independent (Poole et al. 2016). Corrections of order 1/units and
1/batch are kept where a normalization would accumulate them from layer to layer.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

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
from gradflow.core.data import draw_batch
from gradflow.core.experiment import Data, Experiment
from gradflow.core.theory.moments import ActivationLaw, FloatArray, get_activation_law
from gradflow.core.theory.norm_corrections import (
    GAUSSIAN_FACTORS,
    MomentFactors,
    compute_batch_factor,
    compute_gaussian_tails,
    compute_projections,
    compute_sphere_factors,
)

SAMPLES, PAIRS = 32, 24
"""Representative samples (quantiles of the input norm) and pairs of samples."""


def average(values: FloatArray) -> float:
    """Average values along one axis, to the same number as ``values.mean()``.

    A prediction averages some hundred short arrays, and the method takes 5 µs whatever the length.
    """
    return float(np.add.reduce(values) / len(values))


class Signal(NamedTuple):
    """Statistics of a signal, a vector of units for each sample.

    Attributes:
        power: mean square over the units, for representative samples.
        mean: mean over the units, for the same samples.
        cosine: cosine between the vectors of two samples, for representative pairs.
    """

    power: FloatArray
    mean: FloatArray
    cosine: FloatArray

    @property
    def mean_power(self) -> float:
        """Mean square over units and samples."""
        return average(self.power)

    def compute_overlap(self, batch_size: int) -> float:
        """Compute the mean cosine of all pairs of samples, each sample with itself included."""
        return 1 + (1 - 1 / batch_size) * (average(self.cosine) - 1)

    def compute_std(self, units: int, batch_size: int) -> float:
        """Compute the standard deviation over all entries of the batch.

        The mean over finitely many units varies by chance; its variance is subtracted.
        """
        power, square = self.mean_power, average(self.mean) ** 2
        common = power * self.compute_overlap(batch_size) - square
        return math.sqrt(max(power - square - common / units, 0.0))


class LayerOutput(NamedTuple):
    """The output of a layer, behind norm and activation.

    Attributes:
        signal: the output.
        slope: ‖∂L/∂z‖² / ‖∂L/∂output‖² for the representative samples.
        saturated: share of saturated activations.
    """

    signal: Signal
    slope: FloatArray
    saturated: float


@lru_cache(maxsize=32)
def measure_input(data: Data, seed: int) -> Signal:
    """Measure the statistics of the batch that an experiment draws."""
    x = draw_batch(data, seed)[0].double().numpy()
    power = (x**2).mean(1)
    levels = (np.arange(SAMPLES) + 0.5) / SAMPLES
    representative = power if len(power) <= SAMPLES else np.quantile(power, levels)
    unit = x / np.sqrt(np.maximum((x**2).sum(1, keepdims=True), 1e-300))
    if len(x) == 1:
        return Signal(power, np.zeros(1), np.ones(1))
    some = unit[:128]
    cosines = (some @ some.T)[np.triu_indices(len(some), 1)]
    if len(cosines) > PAIRS:
        cosines = np.quantile(cosines, (np.arange(PAIRS) + 0.5) / PAIRS)
    exact = ((unit.sum(0) ** 2).sum() - len(x)) / (len(x) * (len(x) - 1))
    # Quantiles trim the tails; both means are put back.
    cosines = np.clip(cosines + exact - cosines.mean(), -1.0, 1.0)
    representative = representative * (power.mean() / max(representative.mean(), 1e-300))
    return Signal(representative, np.zeros_like(representative), cosines)


def add_signals(h: Signal, f: Signal, scale: float) -> Signal:
    """Add independent signals, h + scale·f, where f has mean 0."""
    f_power = scale**2 * f.power
    h_mean, f_mean = h.mean_power, average(f_power)
    total = max(h_mean + f_mean, 1e-300)
    return Signal(h.power + f_power, h.mean, (h_mean * h.cosine + f_mean * f.cosine) / total)


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
        Hilferty 1931).
        """
        units, power = self.fans[index][1], signal.mean_power
        overlap = signal.compute_overlap(self.batch_size)
        share = 1 - overlap / units
        if not power * share > 1e-12 * power:
            return
        square = 1 + (1 - 1 / self.batch_size) * (average(signal.cosine**2) - 1)
        freedom = share**2 / max(square / units - (overlap / units) ** 2, 1e-12)
        freedom = max(freedom, 1.0)
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
