"""The memory that a training run takes, counted in a rehearsal of two of its steps."""

from __future__ import annotations

from functools import lru_cache

import torch

from gradflow.core.catalog import LOSSES, SOURCES
from gradflow.core.experiment import Experiment
from gradflow.core.networks.memory import (
    count_looking,
    make_batch_shapes,
    make_shapes,
    round_up,
    weigh,
)
from gradflow.core.tally import Tally
from gradflow.core.training import optimizers
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.task import count_samples

_BUFFERS = 2
"""Flat copies of all parameters that a recorded step compares."""
_STEPS = 2
"""Steps of the rehearsal: an optimizer has its state after the first."""
_REMEMBERED = 64


@lru_cache(maxsize=_REMEMBERED)
def estimate_training(experiment: Experiment, plan: TrainingPlan) -> int:
    """Estimate the bytes that a run in the background takes at its peak, without its records."""
    data, source = experiment.data, experiment.data.source
    total, size = count_samples(SOURCES[source].samples, data.batch_size, str(source))
    model = make_shapes(experiment)
    samples = make_batch_shapes(experiment, total)
    parameters = list(model.parameters())
    optimizer = optimizers.build_optimizer(parameters, plan)
    tally = Tally([*parameters, *model.buffers(), *samples], weigh)
    loss = LOSSES[experiment.loss].function
    inputs, targets = make_batch_shapes(experiment, data.batch_size)
    with tally:
        for _step in range(_STEPS):
            optimizer.zero_grad()
            torch.autograd.backward(loss(model(inputs), targets))
            optimizer.step()
        if plan.evaluate_every:
            with torch.no_grad():
                model.eval()(samples[0][size:])
    flat = sum(parameter.nbytes for parameter in parameters)
    return round_up(_BUFFERS * flat + tally.peak + count_looking(experiment, tally.largest))
