"""Loss and accuracy on held-out samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from gradflow.core.training.task import Task


def evaluate_held_out(task: Task, forward: Callable[[Any], Any]) -> dict[str, float]:
    """Measure ``held_out_loss`` and ``held_out_accuracy``, where the task has them.

    The model is in evaluation mode meanwhile, and each module in its own mode again afterwards.
    """
    if task.held_out is None:
        return {}
    inputs, targets = task.held_out
    with torch.no_grad(), _switch_to_evaluation(task.model):
        outputs = forward(inputs)
        numbers = {"held_out_loss": float(task.loss(outputs, targets))}
        if task.accuracy is not None:
            numbers["held_out_accuracy"] = float(task.accuracy(outputs, targets))
    return numbers


@contextmanager
def _switch_to_evaluation(model: nn.Module) -> Iterator[None]:
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, flag in flags:
            module.training = flag
