"""Shared, admitted calls into core for these views."""

from __future__ import annotations

from gradflow.core.catalog import Activation, Normalization
from gradflow.core.teaching.normalization_effects import identities, noise, rates, scales, shift
from gradflow.ui.admission import admit_long
from gradflow.ui.memo import remember

_BYTES = 112 * 2**20
"""What the largest of these computations takes at its peak, rounded up."""


@remember
def sweep_scales(spec: scales.WeightScales, normalization: Normalization) -> scales.ScaleSweep:
    """Run the network with one normalization at every scale of its weights."""
    with admit_long(_BYTES) as advance:
        return scales.sweep_scales(spec, normalization, advance)


@remember
def check_identities(
    spec: scales.WeightScales, normalization: Normalization
) -> identities.Identities:
    """Measure how far the network with one normalization is from each identity."""
    with admit_long(_BYTES):
        return identities.measure_identities(spec, normalization)


@remember
def train(spec: rates.LearningRates, normalization: Normalization) -> rates.RateSweep:
    """Train the network of one seed with one normalization at every learning rate."""
    with admit_long(_BYTES) as advance:
        return rates.train_at_rates(spec, normalization, advance)


@remember
def watch_shift(
    activation: Activation, learning_rate: float, seed: int, normalization: Normalization
) -> shift.ShiftCourse:
    """Train one network, and look at the inputs of its activations on the way."""
    with admit_long(_BYTES) as advance:
        return shift.train_and_watch(activation, learning_rate, seed, normalization, advance)


@remember
def train_with_noise(spec: noise.BatchNoise, group: int) -> noise.NoiseResult:
    """Train networks whose batch norm takes its statistics over groups of one size."""
    with admit_long(_BYTES) as advance:
        return noise.train_with_noise(spec, group, advance)
