"""The gradient at the readout: what its samples have in common, and how it follows the outputs.

Loss and targets scale what theory predicts, which is anchored at the readout's gradient. Two
properties of that gradient do more: a batch norm removes what all samples have in common, and where
the gradient follows the outputs (a squared error far from its targets), the weights on the way back
are not independent of those on the way forward.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch

from gradflow.core.catalog import LOSSES, READOUTS, Loss, Normalization, Readout
from gradflow.core.data import draw_batch
from gradflow.core.experiment import Data, Experiment
from gradflow.core.theory.laws import NetworkLaws
from gradflow.core.theory.norm_corrections import compute_projections
from gradflow.core.theory.signals import Signal

_DRAWN_OUTPUTS = 512


class ReadoutGradient(NamedTuple):
    """Properties of δ = ∂L/∂z at the readout.

    Attributes:
        shared: share of ‖δ‖² in the mean over the samples, beyond that of independent samples.
        along: mean square of the cosine between a sample's δ and its z.
        alone: Σ ‖δ_i‖⁴/‖δ‖⁴ over the samples i; 1/alone of them make the gradient.
        together: Σ (δ_i·δ_j)²/‖δ‖⁴ over pairs of different samples.
    """

    shared: float
    along: float
    alone: float
    together: float


def predict_readout_gradient(experiment: Experiment, z: Signal) -> ReadoutGradient:
    """Predict the readout's gradient from the outputs' distribution, the targets and the loss."""
    overlap = min(max(z.compute_overlap(experiment.data.batch_size), 0.0), 1.0)
    log_power = math.log(min(max(z.mean_power, 1e-12), 1e12))
    return _draw_readout_gradient(
        experiment.data,
        experiment.seed,
        experiment.loss,
        experiment.network.readout,
        round(4 * log_power) / 4,
        round(50 * overlap) / 50,
    )


@lru_cache(maxsize=64)
def _draw_readout_gradient(
    data: Data, seed: int, loss: Loss, readout: Readout, log_power: float, overlap: float
) -> ReadoutGradient:
    targets = draw_batch(data, seed)[1]
    batch, draws = len(targets), max(_DRAWN_OUTPUTS // len(targets), 1)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(draws, batch, data.outputs, generator=generator, dtype=torch.float64)
    common = noise.mean(1, keepdim=True)
    cosine = (batch * overlap - 1) / max(batch - 1, 1)
    z = math.sqrt(1 - cosine) * (noise - common) + math.sqrt(batch * overlap) * common
    z = (math.exp(log_power / 2) * z).flatten(0, 1).requires_grad_()
    make = READOUTS[readout].module
    with torch.enable_grad():
        outputs = z if make is None else make()(z)
        value = LOSSES[loss].function(outputs, targets.repeat(draws, *[1] * (targets.dim() - 1)))
        (delta,) = torch.autograd.grad(value, z)
    square = float((delta**2).sum())
    if not 0 < square < math.inf:
        return ReadoutGradient(0.0, 0.0, 1 / batch, 0.0)
    delta, z = delta.double(), z.detach()
    grouped = delta.view(draws, batch, -1)
    mean = grouped.mean(1)
    shared = float((mean**2).sum()) * batch / square
    along = ((delta * z).sum(1) ** 2 / (z**2).sum(1).clamp_min(1e-300)).sum()
    products = grouped @ grouped.mT
    powers = products.diagonal(dim1=1, dim2=2)
    total = powers.sum(1)
    shares = products[total > 0] / total[total > 0, None, None]
    alone = (shares.diagonal(dim1=1, dim2=2) ** 2).sum(1).median()
    both = (shares**2).sum((1, 2)).median()
    independent = 1 / batch
    shared = max(shared - independent, 0.0) / max(1 - independent, independent)
    return ReadoutGradient(
        min(shared, 1.0), float(along) / square, float(alone), float(both - alone)
    )


def compute_kept_by_norm(network: NetworkLaws, z: Signal) -> float:
    """Compute what a batch norm at the last hidden layer leaves of the readout's ‖Wᵀδ‖².

    A gradient that is the same for all samples is removed by a norm behind the activation. Before
    it, φ' makes it differ between them: what is removed is its mean and what is along the signal.
    ``z`` is the readout's output.
    """
    if network.norm is not Normalization.BATCH:
        return 1.0
    shared = predict_readout_gradient(network.experiment, z).shared
    if not network.norm_first:
        return 1 - shared
    _, (mean, _), (along, _) = compute_projections(network.law)
    return 1 - shared * min(mean + along, 1.0)
