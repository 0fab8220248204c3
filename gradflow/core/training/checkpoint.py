"""States of a run, from which any of its steps can be computed once more."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from gradflow.core.networks.noise import list_noise_generators

MAX_CHECKPOINTS = 32
"""Checkpoints of one run."""
MAX_BYTES = 8 * 2**20
"""Memory of all checkpoints of one run: a server keeps runs of many users."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Everything that changes while a network is trained, except the position in the data.

    Attributes:
        step: steps done.
        model: parameters and buffers.
        optimizer: its state, as PyTorch saves it.
        scaler: the state of the loss scaling.
        noise: states of the model's own random numbers.
    """

    step: int
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    noise: tuple[Tensor, ...]

    @classmethod
    def take(
        cls,
        step: int,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> Self:
        """Copy the state of a run; later steps do not change the copy."""
        return cls(
            step,
            {name: tensor.clone() for name, tensor in model.state_dict().items()},
            copy.deepcopy(optimizer.state_dict()),
            scaler.state_dict(),
            tuple(generator.get_state() for generator in list_noise_generators(model)),
        )

    def restore(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> None:
        """Put the state back into a run of the same experiment and plan."""
        model.load_state_dict(self.model)
        optimizer.load_state_dict(copy.deepcopy(self.optimizer))  # it would go on with our tensors
        scaler.load_state_dict(self.scaler)
        for generator, state in zip(list_noise_generators(model), self.noise, strict=True):
            generator.set_state(state)

    @property
    def bytes(self) -> int:
        """Memory of its tensors."""
        states = (state.values() for state in self.optimizer["state"].values())
        moments = (value for values in states for value in values if isinstance(value, Tensor))
        return sum(tensor.nbytes for tensor in (*self.model.values(), *moments))


class Checkpoints:
    """Checkpoints of a run, evenly spread, as many as ``MAX_CHECKPOINTS`` and ``MAX_BYTES`` allow.

    Args:
        steps: steps of the whole run.

    Attributes:
        points: the checkpoints so far, in the order of their steps.
    """

    def __init__(self, steps: int) -> None:
        self.points: tuple[Checkpoint, ...] = ()
        self._steps = steps
        self._every = 0

    def add_if_due(self, step: int, take: Callable[[], Checkpoint]) -> None:
        """Add a checkpoint if it is time for one; to be called after every step.

        Args:
            step: steps done.
            take: takes a checkpoint of the run as it stands.
        """
        if not self._every:
            # The optimizer has its state after the first step only.
            count = min(MAX_CHECKPOINTS, MAX_BYTES // max(take().bytes, 1))
            self._every = math.ceil(self._steps / (count + 1))
        if step % self._every == 0:
            self.points = (*self.points, take())


def find_latest(points: Iterable[Checkpoint], before: int) -> Checkpoint | None:
    """Find the last checkpoint from which step ``before`` is still to come."""
    return max((p for p in points if p.step < before), key=lambda p: p.step, default=None)
