"""The memory that a recorded pass through time takes, counted in a rehearsal of it."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from gradflow.core.catalog import DTYPES
from gradflow.core.networks.memory import round_up, weigh
from gradflow.core.recurrent.network import CellStep, RecurrentNetwork
from gradflow.core.recurrent.spec import SequenceExperiment
from gradflow.core.tally import Tally

_REMEMBERED = 64
_EIGEN_COPIES = 6
"""Matrices in float64 that hold while the eigenvalues of one are computed."""


@lru_cache(maxsize=_REMEMBERED)
def estimate_through_time(experiment: SequenceExperiment) -> int:
    """Estimate the bytes that ``through_time`` takes at its peak, beside what it returns."""
    spec, data = experiment.network, experiment.data
    dtype = DTYPES[experiment.dtype].dtype
    with torch.device("meta"):
        outputs = data.row.outputs
        network = RecurrentNetwork(spec, data.inputs, outputs, experiment.loss_steps).to(dtype)
    inputs = torch.empty(data.steps, data.batch_size, data.inputs, dtype=dtype, device="meta")
    tally = Tally([*network.parameters(), inputs], weigh)
    keeper = _Keeper()
    with tally:
        total = network.unroll(inputs, keeper).float().sum()  # keeps less than any loss of ours
        torch.autograd.grad(total, list(network.parameters()))
    drawing = _EIGEN_COPIES * 8 * spec.hidden_size**2
    return round_up(tally.peak + drawing)


class _Keeper:
    """A watcher that keeps the gates, as the recording does."""

    def __init__(self) -> None:
        self.gates: list[Tensor] = []

    def see_step(self, _layer: int, _time: int, step: CellStep) -> None:
        self.gates += [gate.detach() for gate in step.gates]

    def see_output(self, _layer: int, _first: int, _hidden: Tensor) -> None:
        """Keep nothing of it."""
