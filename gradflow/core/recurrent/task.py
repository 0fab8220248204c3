"""The task of a ``SequenceExperiment``: what is trained, on which batches, with which loss."""

from __future__ import annotations

import json
from functools import partial

import torch
from torch import Tensor

from gradflow.core.probe import resolve_device
from gradflow.core.recurrent.data import draw_sequences
from gradflow.core.recurrent.network import build_recurrent
from gradflow.core.recurrent.record import compute_sequence_loss
from gradflow.core.recurrent.spec import SequenceExperiment
from gradflow.core.training.task import (
    Task,
    count_samples,
    find_weight_dtype,
    register_task,
    shuffle_batches,
)


def make_sequence_task(experiment: SequenceExperiment) -> Task:
    """Make the task of a recurrent network.

    Batches have ``data.batch_size`` sequences, drawn once from the seed; a fifth is held out.
    """
    data = experiment.data
    dtype, device = find_weight_dtype(experiment.dtype), resolve_device(experiment.device)
    total, size = count_samples(data.row.samples, data.batch_size, str(data.source))
    inputs, targets = draw_sequences(data.model_copy(update={"batch_size": total}), experiment.seed)
    inputs, targets = inputs.to(device, dtype), targets.to(device)
    network = experiment.network
    return Task(
        model=build_recurrent(experiment).to(device, dtype),
        batches=shuffle_batches(
            inputs[:, :size], targets[:, :size], data.batch_size, experiment.seed, axis=1
        ),
        batch_axis=1,
        held_out=(inputs[:, size:], targets[:, size:]),
        loss=partial(compute_sequence_loss, experiment),
        accuracy=None if data.row.regression else measure_step_accuracy,
        title=f"{network.cell}, {network.layers} × {network.hidden_size}, {data.source}",
        settings={"sequence_experiment": json.dumps(experiment.model_dump(mode="json"))},
    )


def measure_step_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Measure the share of counted steps, of all sequences, whose largest output is their class."""
    right: Tensor = outputs.argmax(2) == targets[-len(outputs) :]
    return right.to(torch.float64).mean()


register_task(SequenceExperiment, make_sequence_task)
