"""One setting with many seeds, to tell the effect of the setting from that of the draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradflow.core import limits
from gradflow.core.errors import GradflowError, InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.frozen import freeze_mappings
from gradflow.core.histogram import IntArray
from gradflow.core.probe import run
from gradflow.core.recording.summary import FloatArray
from gradflow.core.spec import find_bounds
from gradflow.core.stacked_pass import MOST_AT_ONCE, StackedPass, can_stack
from gradflow.core.text import Text

MAX_SEEDS = 64
SEED_COLUMNS = (
    "preactivation_std",
    "activation_mean",
    "activation_std",
    "activation_rms",
    "saturated",
    "dead_units",
    "delta_norm",
    "activation_grad_norm",
    "weight_grad_norm",
)
"""Columns of ``report.layers`` that are measured for every seed."""


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
    most: int = MOST_AT_ONCE,
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
    if not can_stack(experiment):
        return _run_one_by_one(experiment, seeds, progress, advance)
    losses: list[Tensor] = []
    numbers: list[Tensor] = []
    with torch.inference_mode(False), torch.enable_grad():
        stacked = StackedPass(experiment, at_once, SEED_COLUMNS)
        for start in range(0, count, at_once):
            members = [
                experiment.model_copy(update={"seed": seed})
                for seed in seeds[start : start + at_once]
            ]
            measured = stacked.run(members, advance)
            losses.append(measured.losses)
            numbers.append(measured.columns)
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
