"""Loss and accuracy on held-out samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from gradflow.core.training.task import Task


def evaluated(task: Task, forward: Callable[[Any], Any]) -> dict[str, float]:
    """``held_out_loss`` and ``held_out_accuracy`` where the task has them, in evaluation mode.

    The model is left in the mode in which it was, module by module.
    """
    if task.held_out is None:
        return {}
    inputs, targets = task.held_out
    with torch.no_grad(), _evaluating(task.model):
        outputs = forward(inputs)
        found = {"held_out_loss": float(task.loss(outputs, targets))}
        if task.accuracy is not None:
            found["held_out_accuracy"] = float(task.accuracy(outputs, targets))
    return found


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    flags = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, flag in flags:
            module.training = flag
