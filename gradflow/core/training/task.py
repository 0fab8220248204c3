"""Tasks: a model with its data and loss, made from an experiment of any kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gradflow.core.catalog import DTYPES, LOSSES, READOUTS, SOURCES, DType, Targets
from gradflow.core.codec import to_query
from gradflow.core.data import draw_batch
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.networks.build import build_network
from gradflow.core.networks.noise import seed_noise
from gradflow.core.probe import describe, resolve_device
from gradflow.core.text import Text

Batch = tuple[Any, Any]
"""Inputs and targets, on the model's device."""

HELD_OUT = 0.2
"""Share of the samples that training never sees."""
GENERATED_SAMPLES = 1024
"""Training samples of generated data (or a batch, if that is larger)."""
ORDER_SEED_OFFSET = 2**33
"""Keeps the order of the samples apart from the seeds of weights and data."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """Everything that ``train`` needs: a model, its batches and its loss.

    Attributes:
        model: the network, on its device, in training mode.
        batches: the batch of each step, one after the other, without end.
        loss: ``loss(outputs, targets)``, a scalar, the mean over the batch.
        batch_axis: the axis of inputs and targets along which samples lie.
        held_out: samples that no batch contains, or ``None``.
        accuracy: ``accuracy(outputs, targets)``, the share of right answers as a scalar, or
            ``None`` where there is none.
        title: one line that names the model.
        settings: the experiment as plain text fields, kept with runs and reports.
    """

    model: nn.Module
    batches: Iterator[Batch]
    loss: Callable[[Any, Any], Tensor]
    batch_axis: int = 0
    held_out: Batch | None = None
    accuracy: Callable[[Any, Any], Tensor] | None = None
    title: str = ""
    settings: Mapping[str, str] | None = None


TASKS: dict[type, Callable[[Any], Task]] = {}
"""The functions that make a task, by the class of the experiment."""


def register_task(kind: type, make: Callable[[Any], Task]) -> None:
    """Let ``train`` take experiments of class ``kind`` (and of those derived from it)."""
    TASKS[kind] = make


def make_task(experiment: Any) -> Task:
    """Make the task that an experiment describes; a ``Task`` is returned as it is.

    Raises:
        InvalidExperiment: nothing is registered for its class, or it cannot be trained.
    """
    if isinstance(experiment, Task):
        return experiment
    for kind in type(experiment).__mro__:
        if kind in TASKS:
            return TASKS[kind](experiment)
    known = ", ".join(kind.__name__ for kind in TASKS)
    raise InvalidExperiment(
        Text(
            "experiment: a {kind} cannot be trained; there are {known} and Task",
            kind=type(experiment).__name__,
            known=known,
        ),
        fields=("experiment",),
    )


def make_experiment_task(experiment: Experiment) -> Task:
    """Make the task of an ``Experiment``; a fifth of all samples is held out.

    Batches have ``data.batch_size`` samples, without replacement, in a new order in every epoch.
    Digits are split once by the seed. Generated data is drawn once from it. Everything is on the
    device from the start.
    """
    dtype = find_weight_dtype(experiment.dtype)
    device = resolve_device(experiment.device)
    inputs, targets, size = draw_samples(experiment)
    batch_size = experiment.data.batch_size
    model = build_network(experiment, inputs[:batch_size]).to(device, dtype)
    seed_noise(model, experiment.seed, device)
    inputs, targets = inputs.to(device, dtype), targets.to(device)
    return Task(
        model=model,
        batches=shuffle_batches(inputs[:size], targets[:size], batch_size, experiment.seed),
        held_out=(inputs[size:], targets[size:]),
        loss=LOSSES[experiment.loss].function,
        accuracy=find_accuracy(experiment),
        title=describe(experiment),
        settings=to_query(experiment),
    )


def find_weight_dtype(dtype: DType) -> torch.dtype:
    """Find the format of the weights.

    Raises:
        InvalidExperiment: it is a half format.
    """
    weight_dtype = DTYPES[dtype].dtype
    if weight_dtype.itemsize < 4:
        raise InvalidExperiment(
            Text(
                "dtype: weights in {dtype} cannot be trained, small steps would be lost; choose "
                "float32 or float64, with precision {dtype} for the products",
                dtype=dtype,
            ),
            fields=("dtype",),
        )
    return weight_dtype


def draw_samples(experiment: Experiment) -> tuple[Tensor, Tensor, int]:
    """Draw all inputs and targets in an order from the seed, and say how many are for training."""
    data = experiment.data
    total, size = count_samples(SOURCES[data.source].samples, data.batch_size, str(data.source))
    inputs, targets = draw_batch(data.model_copy(update={"batch_size": total}), experiment.seed)
    return inputs, targets, size


def count_samples(available: int | None, batch_size: int, source: str) -> tuple[int, int]:
    """Count the samples to draw, and those of them to train on.

    Args:
        available: number of samples; ``None`` if they are generated, without limit.
        batch_size: samples of a step.
        source: name of the data.

    Raises:
        InvalidExperiment: there are not enough for one batch.
    """
    if available is None:
        size = max(GENERATED_SAMPLES, batch_size)
        return size + math.ceil(size * HELD_OUT / (1 - HELD_OUT)), size
    size = available - round(available * HELD_OUT)
    if batch_size > size:
        raise InvalidExperiment(
            Text(
                "batch_size: {batch_size} is not allowed in training; of the {source} data {size} "
                "samples are left when {held_out:.0%} are held out, choose a whole number from 1 "
                "to {size}",
                batch_size=batch_size,
                source=source,
                size=size,
                held_out=HELD_OUT,
            ),
            fields=("batch_size",),
        )
    return available, size


def shuffle_batches(
    inputs: Tensor, targets: Tensor, batch_size: int, seed: int, axis: int = 0
) -> Iterator[Batch]:
    """Yield batches of equal size for ever, in a new order in every epoch.

    Samples that do not fill a batch at the end of an epoch are left out.
    """
    generator = torch.Generator().manual_seed(seed + ORDER_SEED_OFFSET)
    count = inputs.shape[axis]
    while True:
        order = torch.randperm(count, generator=generator).to(inputs.device)
        for start in range(0, count - batch_size + 1, batch_size):
            chosen = order[start : start + batch_size]
            yield inputs.index_select(axis, chosen), targets.index_select(axis, chosen)


def find_accuracy(experiment: Experiment) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Find what measures the share of right answers; ``None`` in regression, which has none."""
    if experiment.data.targets is Targets.NUMBERS:
        return None
    if experiment.data.outputs > 1:
        return measure_accuracy
    probabilities = READOUTS[experiment.network.readout].probabilities
    middle = 0.5 if probabilities else LOSSES[experiment.loss].middle
    return partial(measure_binary_accuracy, middle=middle)


def measure_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Measure the share of samples whose largest output is that of their class."""
    return (outputs.argmax(1) == targets).double().mean()


def measure_binary_accuracy(outputs: Tensor, targets: Tensor, middle: float) -> Tensor:
    """Measure the share of samples whose only output is on the right side of ``middle``."""
    return ((outputs[:, 0] > middle) == (targets > 0)).double().mean()


register_task(Experiment, make_experiment_task)
