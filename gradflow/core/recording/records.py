"""What is kept of one recorded tensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from gradflow.core.recording.summary import NONE

WeightTickets = dict[tuple[str, ...], tuple[int, int]]
"""Tickets of the values and the gradients of parameters, alone or joined, by their names."""


@dataclass(slots=True, eq=False)
class Record:
    """One recorded tensor: where it came from, and the tickets of its summaries.

    Attributes:
        name: of the module that made it, or of the module that owns the weight.
        kind: as in the column ``kind`` of ``report.signals``.
        module: that module.
        order: place among the records.
        shape, format: of the tensor; empty where only its gradient is known.
        signal, gradient: tickets.
        weights: of a layer, the names of the parameters of two or more dimensions in it.
        biases: its other parameters.
        fans: of a layer, how many numbers enter one output, and how many outputs there are.
        reader: of a layer, the first that read the same tensor.
        acts_on: of the output of an activation function, the layers whose signal met it first;
            ``None`` if it is not known whose signal it met.
        sequence: place among all operations, by the number that autograd gives them.
        states: what the same call returned beside it.
    """

    name: str
    kind: str
    module: nn.Module
    order: int
    shape: tuple[int, ...]
    signal: int
    format: torch.dtype
    gradient: int = NONE
    weights: tuple[str, ...] = ()
    biases: tuple[str, ...] = ()
    fans: tuple[int, int] = (0, 0)
    reader: Record | None = None
    acts_on: tuple[Record, ...] | None = None
    sequence: int = -1
    states: tuple[Record, ...] = ()

    @property
    def delta(self) -> int:
        """Ticket of the gradient; if only the state of a recurrent module is used, of the state."""
        if self.gradient == NONE and self.states:
            return next((s.gradient for s in self.states if s.gradient != NONE), NONE)
        return self.gradient

    @property
    def is_layer(self) -> bool:
        """Whether a weight met a signal here."""
        return bool(self.weights)


class Stream(NamedTuple):
    """A residual stream: the input of the first repeated block, if known, and all outputs.

    ``name`` is the path of what holds the blocks. ``places`` has for each output where the block's
    input and it were made, among all operations; -1 if nothing made them.
    """

    name: str
    start: Record | None
    points: list[tuple[str, Record]]
    places: list[tuple[int, int]]
