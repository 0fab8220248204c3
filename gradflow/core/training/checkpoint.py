"""States of a run, from which any of its steps can be computed once more."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from gradflow.core.networks.noise import list_noise_generators

if TYPE_CHECKING:
    from gradflow.core.training.engine import Trainer

MOST = 32
"""Checkpoints of one run."""
MOST_BYTES = 8 * 2**20
"""What they may take together: a server keeps runs of many users."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that changes while a network is trained, but for the place in the data.

    Attributes:
        step: steps done.
        model: parameters and buffers.
        optimizer: its state, as PyTorch saves it.
        scaler: that of the loss scaling.
        noise: states of the model's own random numbers.
    """

    step: int
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    scaler: dict[str, Any]
    noise: tuple[Tensor, ...]

    @classmethod
    def taken(
        cls,
        step: int,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> Self:
        """A copy that later steps do not change."""
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
        """Put it all back into a run of the same experiment and plan."""
        model.load_state_dict(self.model)
        optimizer.load_state_dict(copy.deepcopy(self.optimizer))  # it would go on with our tensors
        scaler.load_state_dict(self.scaler)
        for generator, state in zip(list_noise_generators(model), self.noise, strict=True):
            generator.set_state(state)

    @property
    def bytes(self) -> int:
        """What its tensors take."""
        states = (state.values() for state in self.optimizer["state"].values())
        moments = (value for values in states for value in values if isinstance(value, Tensor))
        return sum(tensor.nbytes for tensor in (*self.model.values(), *moments))


class Checkpoints:
    """Checkpoints of a run, evenly spread, as many as ``MOST`` and ``MOST_BYTES`` allow."""

    def __init__(self) -> None:
        self.taken: tuple[Checkpoint, ...] = ()
        self._every = 0

    def note(self, trainer: Trainer) -> None:
        """Take one if it is time; to be called after every step."""
        if not self._every:
            # The optimizer has its state after the first step only.
            count = min(MOST, MOST_BYTES // max(trainer.checkpoint().bytes, 1))
            self._every = math.ceil(trainer.plan.steps / (count + 1))
        if trainer.step % self._every == 0 and not trainer.finished:
            self.taken = (*self.taken, trainer.checkpoint())


def latest(points: Iterable[Checkpoint], before: int) -> Checkpoint | None:
    """The last checkpoint from which step ``before`` is still to come."""
    return max((p for p in points if p.step < before), key=lambda p: p.step, default=None)
