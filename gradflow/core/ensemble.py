"""One setting with many seeds, to tell the effect of the setting from that of the draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gradflow.core import limits
from gradflow.core.catalog import ACTIVATIONS, DTYPES, LOSSES, READOUTS
from gradflow.core.data import draw_batch
from gradflow.core.errors import GradflowError, InvalidExperiment
from gradflow.core.experiment import MLP, Experiment
from gradflow.core.frozen import freeze_mappings
from gradflow.core.histogram import IntArray
from gradflow.core.networks.build import allocate_network, draw_weights
from gradflow.core.networks.stacked import list_linears, load_weights, stack
from gradflow.core.probe import resolve_device, run
from gradflow.core.recording.modules import find_response
from gradflow.core.recording.seeds import (
    SEED_COLUMNS,
    DeviceSeedStatistics,
    HostSeedStatistics,
    SeedRecorder,
)
from gradflow.core.recording.summary import FloatArray, Response
from gradflow.core.refusals import refuse_missing_operations
from gradflow.core.spec import find_bounds
from gradflow.core.text import Text

MAX_SEEDS = 64
MOST_SEEDS_AT_ONCE = 16
"""Seeds in one batch: larger ones leave the caches and are slower."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The numbers of one setting under several seeds.

    Attributes:
        seeds: the seeds, ``(count,)``.
        losses: the loss with each seed, ``(count,)``.
        values: columns of ``report.layers``, each ``(count, layers)``; NaN where a report has
            NaN.
    """

    seeds: IntArray
    losses: FloatArray
    values: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        freeze_mappings(self, "values")

    def band(
        self, column: str, low: float = 0.1, high: float = 0.9
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Compute the ``low`` quantile, median and ``high`` quantile over the seeds, per layer.

        Quantiles interpolate linearly between seeds. A seed whose number in a layer is infinite
        or NaN is left out there; a layer without any finite number is NaN.

        Raises:
            GradflowError: no such column, or not 0 ≤ low ≤ high ≤ 1.
        """
        if column not in self.values:
            raise GradflowError(
                Text(
                    "column: {column!r} is not measured; choose one of {columns}",
                    column=column,
                    columns=", ".join(self.values),
                )
            )
        if not 0 <= low <= high <= 1:
            raise GradflowError(
                Text("low, high: {low!r}, {high!r} must be 0 ≤ low ≤ high ≤ 1", low=low, high=high)
            )
        values = self.values[column]
        finite = np.isfinite(values)
        known = finite.any(axis=0)
        quantiles = np.full((3, values.shape[1]), np.nan)
        quantiles[:, known] = np.nanquantile(
            np.where(finite, values, np.nan)[:, known], (low, 0.5, high), axis=0
        )
        return quantiles[0], quantiles[1], quantiles[2]


def run_seeds(
    experiment: Experiment,
    count: int,
    *,
    progress: Callable[[int, int], None] | None = None,
    most: int = MOST_SEEDS_AT_ONCE,
    advance: Callable[[], None] = lambda: None,
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
        most: seeds that run as one network, at most; fewer take less memory.
        advance: called between layers; what it raises ends the run.

    Raises:
        InvalidExperiment: ``count`` is out of range, leaves the range of seeds or takes too much
            arithmetic; or PyTorch lacks an operation of the network in this dtype.
        DeviceUnavailable: the experiment asks for a GPU and there is none.
    """
    seeds = _list_seeds(experiment, count)
    at_once = limits.count_seeds_at_once(count, *experiment.need, most=most)
    if not isinstance(experiment.network, MLP):
        return _run_one_by_one(experiment, seeds, progress, advance)
    losses: list[Tensor] = []
    numbers: list[Tensor] = []
    with torch.inference_mode(False), torch.enable_grad():
        batch = _SeedBatch(experiment, at_once)
        for start in range(0, count, at_once):
            loss, columns = batch.run(seeds[start : start + at_once], advance)
            losses.append(loss)
            numbers.append(columns)
            if progress is not None:
                progress(min(start + at_once, count), count)
    values = torch.cat(numbers, dim=2).transpose(1, 2).numpy()
    return Ensemble(
        seeds=np.array(seeds, np.int64),
        losses=torch.cat(losses).numpy(),
        values=dict(zip(SEED_COLUMNS, values, strict=True)),
    )


def _run_one_by_one(
    experiment: Experiment,
    seeds: Sequence[int],
    progress: Callable[[int, int], None] | None,
    advance: Callable[[], None],
) -> Ensemble:
    """Run the networks that cannot be stacked, convolutions and transformers, seed by seed."""
    reports = []
    for seed in seeds:
        reports.append(run(experiment.model_copy(update={"seed": seed}), advance=advance))
        if progress is not None:
            progress(len(reports), len(seeds))
    return Ensemble(
        seeds=np.array(seeds, np.int64),
        losses=np.array([report.loss for report in reports]),
        values={
            name: np.stack([report.get_table("layers").get_numbers(name) for report in reports])
            for name in SEED_COLUMNS
        },
    )


class _SeedBatch:
    """Memory and modules for up to ``size`` seeds at once, used again for every batch of seeds."""

    def __init__(self, experiment: Experiment, size: int) -> None:
        self._experiment = experiment
        self._device = resolve_device(experiment.device)
        self._dtype = DTYPES[experiment.dtype].dtype
        self._drawn = allocate_network(experiment)
        self._stacked = allocate_network(experiment)
        stack(self._stacked)
        self._stacked.to(self._device, self._dtype)
        layers = list_linears(self._drawn)
        self._weights = [torch.empty(size, *layer.weight.shape) for layer in layers]
        self._biases = [torch.empty(size, *layer.bias.shape) for layer in layers]

    def run(self, seeds: Sequence[int], advance: Callable[[], None]) -> tuple[Tensor, Tensor]:
        """Run the seeds as one network.

        Returns:
            Losses ``(seeds,)`` and numbers ``(columns, layers, seeds)``, on the CPU in float64.
        """
        inputs, targets = self._draw(seeds, advance)
        weights, biases = (
            [tensor[: len(seeds)].to(self._device, self._dtype) for tensor in tensors]
            for tensors in (self._weights, self._biases)
        )
        load_weights(self._stacked, weights, biases, seeds)
        with refuse_missing_operations("dtype", self._experiment.dtype, self._device):
            inputs, targets = inputs.to(self._device, self._dtype), targets.to(self._device)
            return self._run_pass(inputs, targets, advance)

    def _draw(self, seeds: Sequence[int], advance: Callable[[], None]) -> tuple[Tensor, Tensor]:
        """Draw the weights of each seed into their part of the stack; return the seeds' batches."""
        layers = list_linears(self._drawn)
        batches = []
        for position, seed in enumerate(seeds):
            member = self._experiment.model_copy(update={"seed": seed})
            inputs, targets = draw_batch(member.data, seed)
            for layer, weight, bias in zip(layers, self._weights, self._biases, strict=True):
                layer.weight.data, layer.bias.data = weight[position], bias[position]
            draw_weights(self._drawn, member, inputs, advance)
            batches.append((inputs, targets))
        all_inputs, all_targets = zip(*batches, strict=True)
        return torch.stack(all_inputs), torch.stack(all_targets)

    def _run_pass(
        self, inputs: Tensor, targets: Tensor, advance: Callable[[], None]
    ) -> tuple[Tensor, Tensor]:
        experiment, model = self._experiment, self._stacked
        recorder = SeedRecorder(
            model,
            HostSeedStatistics() if self._device.type == "cpu" else DeviceSeedStatistics(),
            _find_responses(experiment.mlp),
            experiment.loss_scale,
            advance,
        )
        with recorder:
            outputs = model(inputs)
        loss = LOSSES[experiment.loss].function
        pairs = zip(outputs.unbind(), targets.unbind(), strict=True)
        losses = torch.stack([loss(output, target) for output, target in pairs])
        # The graph ends at the bias of the first layer; the hooks see every gradient on the way.
        torch.autograd.grad((losses * experiment.loss_scale).sum(), list_linears(model)[0].bias)
        return losses.detach().double().cpu(), recorder.collect().cpu()


def _find_responses(network: MLP) -> dict[type[nn.Module], Response]:
    """Find what to count behind the hidden layers, and behind the readout."""
    modules = [ACTIVATIONS[network.activation].module(network)]
    if (make := READOUTS[network.readout].module) is not None:
        modules.append(make())
    return {type(m): find_response(m) for m in modules if not isinstance(m, nn.Identity)}


def _list_seeds(experiment: Experiment, count: int) -> Sequence[int]:
    """List ``count`` seeds in a row, or refuse a count for which there are none."""
    if type(count) is not int or not 1 <= count <= MAX_SEEDS:
        allowed = Text("a whole number from 1 to {most}", most=MAX_SEEDS)
        raise InvalidExperiment.for_value("count", count, allowed)
    _, last, _ = find_bounds(Experiment.model_fields["seed"])
    assert last is not None
    if experiment.seed + count - 1 > last:
        raise InvalidExperiment(
            Text(
                "seed: {seed} leaves no room for {count} seeds in a row; choose a whole number "
                "from 0 to {most} or a smaller count",
                seed=experiment.seed,
                count=count,
                most=int(last) - count + 1,
            ),
            fields=("seed", "count"),
        )
    return range(experiment.seed, experiment.seed + count)
