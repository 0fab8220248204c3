"""Norms of all parameters and of their gradients, as columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gradflow.core.recording.summary import FloatArray, Summaries

_MOMENTS = ("norm", "max_abs", "zero", "nonfinite")
"""Columns of ``Summaries`` that are measured for every parameter and gradient."""
Tickets = Mapping[str, tuple[int, int]]
"""Tickets of the value and the gradient of parameters, by their names."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """Norms of all parameters of a model and of their gradients.

    Attributes:
        names, shapes: of the parameters.
        numbers: columns with a value per parameter, and NaN at the end.
    """

    names: list[str]
    shapes: list[tuple[int, ...]]
    numbers: dict[str, FloatArray]
    _row: dict[str, int]

    @classmethod
    def measure(
        cls,
        parameters: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor],
        tickets: Tickets,
        summaries: Summaries,
        loss_scale: float,
    ) -> Parameters:
        """Measure all parameters and gradients; those with tickets are already summarized."""
        row = {name: i for i, name in enumerate(parameters)}
        size = np.array([*(p.numel() for p in parameters.values()), math.nan])
        value, gradient = (np.full((len(_MOMENTS), len(size)), math.nan) for _ in range(2))
        for moments, which in ((value, 0), (gradient, 1)):
            chosen = {row[name]: pair[which] for name, pair in tickets.items()}
            for i, name in enumerate(_MOMENTS):
                moments[i, list(chosen)] = summaries.get_column(name, list(chosen.values()))
        others = {name: p for name, p in parameters.items() if name not in tickets and p.numel()}
        _fill_moments(value, [row[name] for name in others], list(others.values()))
        known = [name for name in others if name in gradients]
        grads = [gradients[name] for name in known]
        if loss_scale != 1:
            grads = [grad.to(_widen(grad.dtype)) / loss_scale for grad in grads]
        _fill_moments(gradient, [row[name] for name in known], grads)
        numbers = {
            "norm": value[0],
            "rms": value[0] / np.sqrt(size),
            "grad_norm": gradient[0],
            "grad_rms": gradient[0] / np.sqrt(size),
            "grad_max": gradient[1],
            "grad_zero": gradient[2],
            "grad_nonfinite": gradient[3],
        }
        return cls(list(parameters), [tuple(p.shape) for p in parameters.values()], numbers, row)

    def describe_weights(
        self, groups: Sequence[Sequence[str]], update_ratio: FloatArray
    ) -> dict[str, FloatArray]:
        """Describe the weights of each layer, as columns of the table of layers."""
        norm, grad_norm = self.combine("norm", groups), self.combine("grad_norm", groups)
        first = self._find_first_rows(groups)
        grad_rms, ratio = self.numbers["grad_rms"][first], update_ratio[first]
        for i, names in enumerate(groups):
            if len(names) > 1:
                rows = [self._row[name] for name in names]
                count = sum(math.prod(self.shapes[row]) for row in rows)
                grad_rms[i] = grad_norm[i] / math.sqrt(count)
                steps = update_ratio[rows] * self.numbers["norm"][rows]
                ratio[i] = _compute_norm(steps) / norm[i] if norm[i] else math.nan
        return {
            "weight_norm": norm,
            "weight_grad_norm": grad_norm,
            "weight_grad_rms": grad_rms,
            "update_ratio": ratio,
        }

    def combine(self, column: str, groups: Sequence[Sequence[str]]) -> FloatArray:
        """Combine a norm over the parameters of each group; NaN for a group of none.

        Such a number of two parameters is the root of the sum of squares.
        """
        values = self.numbers[column]
        combined: FloatArray = values[self._find_first_rows(groups)]
        for i, names in enumerate(groups):
            if len(names) > 1:
                combined[i] = _compute_norm(values[[self._row[name] for name in names]])
        return combined

    def _find_first_rows(self, groups: Sequence[Sequence[str]]) -> list[int]:
        """Find the row of the first parameter of each group; that of the NaN for none."""
        return [self._row[names[0]] if names else -1 for names in groups]

    def list_with_gradient(self) -> list[str]:
        """List the names of the parameters that have a gradient."""
        has_gradient = ~np.isnan(self.numbers["grad_zero"][:-1])
        return [name for name, known in zip(self.names, has_gradient, strict=True) if known]

    @property
    def total_grad_norm(self) -> float:
        """Norm of the gradient over all parameters that have one; 0 if none has."""
        norms = self.numbers["grad_norm"][:-1]
        norms = norms[~np.isnan(norms) | (self.numbers["grad_nonfinite"][:-1] > 0)]
        return _compute_norm(norms)

    def compute_update_ratio(self, rate: float) -> FloatArray:
        """Compute rate·‖gradient‖/‖value‖ of every parameter; NaN for a value of zero."""
        norm = self.numbers["norm"]
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite gradient is an answer
            step: FloatArray = rate * self.numbers["grad_norm"]
            return step / np.where(norm, norm, np.nan)


def _compute_norm(values: FloatArray) -> float:
    largest = float(np.abs(values).max(initial=0.0))
    if not 0 < largest < math.inf:
        return largest
    return largest * float(np.linalg.norm(values / largest))


def _widen(dtype: torch.dtype) -> torch.dtype:
    return torch.complex128 if dtype.is_complex else torch.float64


def _fill_moments(moments: FloatArray, rows: list[int], tensors: list[Tensor]) -> None:
    """Fill columns with the moments of many small tensors, in one float64 sweep.

    Of complex numbers, these are the moments of their absolute values.
    """
    if not tensors:
        return
    flat = torch.cat([_flatten(t.detach()) for t in tensors]).double().cpu().numpy()
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
    moments[:, rows] = (norm, largest, zeros, nonfinite)


def _flatten(tensor: Tensor) -> Tensor:
    flat = tensor.reshape(-1)
    return flat.to(torch.complex128).abs() if flat.is_complex() else flat
