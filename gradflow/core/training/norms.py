"""Norms of parameters, gradients and updates: a number per tensor, in float64, without underflow.

Tensors are joined first, in a buffer that is used again and again (fresh memory costs more than the
copy), so that one compiled loop on the CPU, or one transfer elsewhere, does for all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gradflow.core.histogram import FloatArray
from gradflow.core.training import kernels
from gradflow.core.training.light import divide_by_largest, view_as_integers


class Norms:
    """Norms of tensors that have the shapes of ``parameters``, one after the other."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self._sizes = [parameter.numel() for parameter in parameters]
        self._ends = np.cumsum(self._sizes)
        self._parameters = list(parameters)
        self._buffers = [torch.cat([p.detach().reshape(-1) for p in parameters]) for _ in range(2)]

    def join(self, tensors: Sequence[Tensor | None], buffer: int) -> Tensor:
        """Copy all into one flat tensor, ``buffer`` 0 or 1; ``None`` counts as zeros."""
        flat = [
            torch.zeros_like(p).reshape(-1) if t is None else t.detach().reshape(-1)
            for t, p in zip(tensors, self._parameters, strict=True)
        ]
        return torch.cat(flat, out=self._buffers[buffer])

    def measure(self, joined: Tensor) -> tuple[FloatArray, FloatArray]:
        """Measure the Frobenius norm and the number of non-finite entries of each tensor."""
        if joined.device.type == "cpu":
            flat = joined.numpy()
            return kernels.measure_segment_norms(flat, view_as_integers(flat), self._ends)  # type: ignore[no-any-return]
        return self._measure_on_device(joined)

    def measure_distances(self, after: Tensor, before: Tensor) -> FloatArray:
        """Measure the Frobenius norm of each tensor's difference, in float64."""
        if after.device.type == "cpu":
            return kernels.measure_segment_distances(  # type: ignore[no-any-return]
                after.numpy(), before.numpy(), self._ends
            )
        return self._measure_on_device(after.double() - before.double())[0]

    def _measure_on_device(self, joined: Tensor) -> tuple[FloatArray, FloatArray]:
        rows = []
        for part in torch.split(joined, self._sizes):
            wide, unit = divide_by_largest(part)
            norm = unit * wide.square().sum().sqrt()
            rows.append(torch.stack([norm, (~part.isfinite()).sum().double()]))
        norms, nonfinite = torch.stack(rows).cpu().numpy().T
        return norms, nonfinite


def combine_norms(parts: FloatArray, groups: Sequence[Sequence[int]]) -> FloatArray:
    """Combine the norms of single tensors into the norm of each group of them."""
    return np.array([_combine(parts[list(g)]) if len(g) > 1 else parts[g[0]] for g in groups])


def _combine(parts: FloatArray) -> float:
    largest = float(parts.max())
    if not 0 < largest < np.inf:
        return largest
    return largest * float(np.sqrt(np.square(parts / largest).sum()))
