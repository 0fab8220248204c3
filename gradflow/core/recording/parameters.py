"""Norms of all parameters and of their gradients, as columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gradflow.core.recording.summary import FloatArray, Summaries

_MOMENTS = ("norm", "max_abs", "zero", "nonfinite")
"""Columns of ``Summaries`` that are measured for every parameter and gradient."""
Tickets = Mapping[int, tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Parameters:
    """Norms of all parameters of a model and of their gradients.

    Attributes:
        names, shapes: of the parameters.
        numbers: columns with a value per parameter, and NaN at the end.
        tickets: for the weights of layers, the tickets of their value and gradient, by ``id``.
    """

    names: list[str]
    shapes: list[tuple[int, ...]]
    numbers: dict[str, FloatArray]
    tickets: Tickets
    _row: dict[int, int]

    @classmethod
    def measure(
        cls,
        parameters: Mapping[str, Tensor],
        gradients: Mapping[int, Tensor],
        tickets: Tickets,
        summaries: Summaries,
        loss_scale: float,
    ) -> Parameters:
        """Measure all parameters and gradients; those with a ticket are already summarized.

        ``gradients`` and ``tickets`` are keyed by the ``id`` of the parameter.
        """
        tensors = list(parameters.values())
        row = {id(parameter): i for i, parameter in enumerate(tensors)}
        size = np.array([*(p.numel() for p in tensors), math.nan])
        value, gradient = (np.full((len(_MOMENTS), len(size)), math.nan) for _ in range(2))
        rows = [row[key] for key in tickets]
        for moments, which in ((value, 0), (gradient, 1)):
            chosen = [pair[which] for pair in tickets.values()]
            for i, name in enumerate(_MOMENTS):
                moments[i, rows] = summaries.get_column(name, chosen)
        others = [p for p in tensors if id(p) not in tickets]
        _fill_moments(value, row, others, others)
        known = [p for p in others if id(p) in gradients]
        grads = [gradients[id(p)] for p in known]
        if loss_scale != 1:
            grads = [grad.double() / loss_scale for grad in grads]
        _fill_moments(gradient, row, known, grads)
        numbers = {
            "norm": value[0],
            "rms": value[0] / np.sqrt(size),
            "grad_norm": gradient[0],
            "grad_rms": gradient[0] / np.sqrt(size),
            "grad_max": gradient[1],
            "grad_zero": gradient[2],
            "grad_nonfinite": gradient[3],
        }
        return cls(list(parameters), [tuple(p.shape) for p in tensors], numbers, tickets, row)

    def find_rows(self, modules: Sequence[nn.Module], name: str) -> list[int]:
        """Find the rows of an attribute of modules; that of the NaN if it is not a parameter."""
        return [self._row.get(id(getattr(module, name)), -1) for module in modules]

    @property
    def total_grad_norm(self) -> float:
        """Norm of the gradient over all parameters that have one; 0 if none has."""
        norms = self.numbers["grad_norm"][:-1]
        norms = norms[~np.isnan(norms) | (self.numbers["grad_nonfinite"][:-1] > 0)]
        largest = float(np.abs(norms).max(initial=0.0))
        if not 0 < largest < math.inf:
            return largest
        return largest * float(np.linalg.norm(norms / largest))

    def compute_update_ratio(self, rate: float) -> FloatArray:
        """Compute rate·‖gradient‖/‖value‖ of every parameter; NaN for a value of zero."""
        norm = self.numbers["norm"]
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite gradient is an answer
            step: FloatArray = rate * self.numbers["grad_norm"]
            return step / np.where(norm, norm, np.nan)


def _fill_moments(
    moments: FloatArray, row: Mapping[int, int], owners: list[Tensor], tensors: list[Tensor]
) -> None:
    """Fill the owners' columns with the moments of many small tensors, in one float64 sweep."""
    if not tensors:
        return
    flat = torch.cat([t.detach().reshape(-1) for t in tensors]).double().cpu().numpy()
    starts = np.cumsum([0, *(t.numel() for t in tensors[:-1])])
    size = np.array([t.numel() for t in tensors])
    magnitude = np.abs(flat)
    largest = np.maximum.reduceat(magnitude, starts)
    unit = np.where(np.isfinite(largest) & (largest > 0), largest, 1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        square = np.add.reduceat((magnitude / np.repeat(unit, size)) ** 2, starts)
        norm = unit * np.sqrt(square)
    zeros = np.add.reduceat(flat == 0, starts, dtype=np.int64) / size
    nonfinite = np.add.reduceat(~np.isfinite(flat), starts, dtype=np.int64)
    moments[:, [row[id(p)] for p in owners]] = (norm, largest, zeros, nonfinite)
