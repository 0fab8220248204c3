"""One setting with many seeds: what in a curve is the setting, and what is the draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gradflow.core import limits
from gradflow.core.catalog import ACTIVATIONS, DTYPES, LOSSES
from gradflow.core.data import draw_batch
from gradflow.core.errors import GradflowError, InvalidExperiment, quote_value
from gradflow.core.experiment import MLP, Experiment
from gradflow.core.histogram import IntArray
from gradflow.core.networks.build import allocate_network, draw_weights
from gradflow.core.networks.stacked import list_linears, load_weights, stack
from gradflow.core.probe import resolve, run
from gradflow.core.recording.seeds import (
    COLUMNS,
    DeviceStatistics,
    HostStatistics,
    SeedRecorder,
)
from gradflow.core.recording.summary import FloatArray, Response
from gradflow.core.spec import find_bounds

MAX_SEEDS = 64
_AT_ONCE = 16
"""Seeds in one batch: larger ones leave the caches and are slower."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The numbers of one setting under several seeds.

    Attributes:
        seeds: the seeds, ``(count,)``.
        losses: the loss of each, ``(count,)``.
        values: columns of ``report.layers``, each ``(count, layers)``; with ``NaN`` where a
            report has it.
    """

    seeds: IntArray
    losses: FloatArray
    values: Mapping[str, FloatArray]

    def band(
        self, column: str, low: float = 0.1, high: float = 0.9
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The ``low`` quantile, the median and the ``high`` quantile over the seeds, per layer.

        Quantiles interpolate linearly between seeds. A seed whose number in a layer is infinite
        or NaN is left out there; a layer without any finite number is NaN.

        Raises:
            GradflowError: no such column, or not 0 ≤ low ≤ high ≤ 1.
        """
        if column not in self.values:
            raise GradflowError(
                f"column: {column!r} is not measured; choose one of {', '.join(self.values)}"
            )
        if not 0 <= low <= high <= 1:
            raise GradflowError(f"low, high: {low!r}, {high!r} must be 0 ≤ low ≤ high ≤ 1")
        values = self.values[column]
        finite = np.isfinite(values)
        known = finite.any(axis=0)
        quantiles = np.full((3, values.shape[1]), np.nan)
        quantiles[:, known] = np.nanquantile(
            np.where(finite, values, np.nan)[:, known], (low, 0.5, high), axis=0
        )
        return quantiles[0], quantiles[1], quantiles[2]


def run_seeds(
    experiment: Experiment, count: int, *, progress: Callable[[int, int], None] | None = None
) -> Ensemble:
    """Run ``experiment`` with ``count`` seeds in a row, its own first.

    Fully connected networks run many at a time, others one by one. Member s has the weights and
    the batch, and so the numbers, of ``run`` with ``seed + s``, up to the order of summation;
    RReLU's random slopes too.

    Args:
        experiment: the setting.
        count: seeds, 1 to ``MAX_SEEDS``.
        progress: called with the number of seeds done and ``count`` after each batch of seeds;
            what it raises ends the run.

    Raises:
        InvalidExperiment: ``count`` is out of range, leaves the range of seeds or takes too much
            arithmetic; or PyTorch lacks an operation of the network in this dtype.
        DeviceUnavailable: the experiment asks for a GPU and there is none.
    """
    seeds = _seeds(experiment, count)
    at_once = limits.count_seeds_at_once(count, *experiment.need, most=_AT_ONCE)
    if not isinstance(experiment.network, MLP):
        return _one_by_one(experiment, seeds, progress)
    losses: list[Tensor] = []
    numbers: list[Tensor] = []
    with torch.inference_mode(False), torch.enable_grad():
        batch = _Batch(experiment, at_once)
        for start in range(0, count, at_once):
            loss, found = batch.run(seeds[start : start + at_once])
            losses.append(loss)
            numbers.append(found)
            if progress is not None:
                progress(min(start + at_once, count), count)
    columns = torch.cat(numbers, dim=2).transpose(1, 2).numpy()
    return Ensemble(
        seeds=np.array(seeds, np.int64),
        losses=torch.cat(losses).numpy(),
        values=dict(zip(COLUMNS, columns, strict=True)),
    )


def _one_by_one(
    experiment: Experiment, seeds: Sequence[int], progress: Callable[[int, int], None] | None
) -> Ensemble:
    """The reports of networks that are not stacked: convolutions and transformers."""
    reports = []
    for seed in seeds:
        reports.append(run(experiment.model_copy(update={"seed": seed})))
        if progress is not None:
            progress(len(reports), len(seeds))
    return Ensemble(
        seeds=np.array(seeds, np.int64),
        losses=np.array([report.loss for report in reports]),
        values={
            name: np.stack([report.layers[name].to_numpy(np.float64) for report in reports])
            for name in COLUMNS
        },
    )


class _Batch:
    """Memory and modules for up to ``size`` seeds at once, used again and again."""

    def __init__(self, experiment: Experiment, size: int) -> None:
        self._experiment = experiment
        self._device = resolve(experiment.device)
        self._dtype = DTYPES[experiment.dtype].dtype
        self._drawn = allocate_network(experiment)
        self._stacked = allocate_network(experiment)
        stack(self._stacked)
        self._stacked.to(self._device, self._dtype)
        layers = list_linears(self._drawn)
        self._weights = [torch.empty(size, *layer.weight.shape) for layer in layers]
        self._biases = [torch.empty(size, *layer.bias.shape) for layer in layers]

    def run(self, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Losses ``(seeds,)`` and numbers ``(columns, layers, seeds)``, on the CPU in float64."""
        inputs, targets = self._draw(seeds)
        weights, biases = (
            [tensor[: len(seeds)].to(self._device, self._dtype) for tensor in tensors]
            for tensors in (self._weights, self._biases)
        )
        load_weights(self._stacked, weights, biases, seeds)
        try:
            return self._pass(inputs.to(self._device, self._dtype), targets.to(self._device))
        except NotImplementedError as error:  # RReLU in float16 on a CPU, in torch 2.13
            raise InvalidExperiment(
                f"dtype: PyTorch {torch.__version__} cannot compute this network in "
                f"{self._experiment.dtype} on {self._device} ({error}); choose another dtype or "
                "activation",
                fields=("dtype", "activation"),
            ) from error

    def _draw(self, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Each seed's weights, into their place in the stack, and its batch."""
        layers = list_linears(self._drawn)
        batches = []
        for place, seed in enumerate(seeds):
            member = self._experiment.model_copy(update={"seed": seed})
            inputs, targets = draw_batch(member.data, seed)
            for layer, weight, bias in zip(layers, self._weights, self._biases, strict=True):
                layer.weight.data, layer.bias.data = weight[place], bias[place]
            draw_weights(self._drawn, member, inputs)
            batches.append((inputs, targets))
        all_inputs, all_targets = zip(*batches, strict=True)
        return torch.stack(all_inputs), torch.stack(all_targets)

    def _pass(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        experiment, model = self._experiment, self._stacked
        row = ACTIVATIONS[experiment.network.activation]
        module: nn.Module = row.module(experiment.network)
        recorder = SeedRecorder(
            model,
            HostStatistics() if self._device.type == "cpu" else DeviceStatistics(),
            None if isinstance(module, nn.Identity) else type(module),
            Response(row.unsaturated and row.unsaturated(module), row.alive),
            experiment.loss_scale,
        )
        with recorder:
            outputs = model(inputs)
        loss = LOSSES[experiment.loss].function
        pairs = zip(outputs.unbind(), targets.unbind(), strict=True)
        losses = torch.stack([loss(output, target) for output, target in pairs])
        # The graph ends at the bias of the first layer; the recorder's hooks see all on the way.
        torch.autograd.grad((losses * experiment.loss_scale).sum(), list_linears(model)[0].bias)
        return losses.detach().double().cpu(), recorder.numbers().cpu()


def _seeds(experiment: Experiment, count: int) -> Sequence[int]:
    if type(count) is not int or not 1 <= count <= MAX_SEEDS:
        raise InvalidExperiment(
            f"count: {quote_value(count)} is not allowed; choose a whole number from 1 to {MAX_SEEDS}",
            fields=("count",),
        )
    _, last, _ = find_bounds(Experiment.model_fields["seed"])
    assert last is not None
    if experiment.seed + count - 1 > last:
        raise InvalidExperiment(
            f"seed: {experiment.seed} leaves no room for {count} seeds in a row; choose a whole "
            f"number from 0 to {int(last) - count + 1} or a smaller count",
            fields=("seed", "count"),
        )
    return range(experiment.seed, experiment.seed + count)
