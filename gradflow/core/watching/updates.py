"""How far an optimizer moves the parameters in one step."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from gradflow.core.recording.summary import FloatArray

_EXACT = 2**22
"""Entries of a model of which all are compared."""
_MOST = 2**14
"""Entries of a parameter of a larger model that stand for all, evenly spaced."""


class Update:
    """Copies of parameters before a step, to compare with after it.

    Of a model with more than four million entries, 16,384 of each parameter stand for all.
    """

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self._parameters = dict(parameters)
        whole = sum(p.numel() for p in parameters.values()) <= _EXACT
        self._steps = {
            name: 1 if whole else max(1, p.numel() // _MOST) for name, p in parameters.items()
        }
        self._before = {name: self._pick(name).clone() for name in self._parameters}

    def measure(self) -> FloatArray:
        """Measure ‖ΔW‖/‖W‖ of each parameter, ‖W‖ before the step; NaN for one that leaves 0."""
        norms = []
        for name, before in self._before.items():
            # In float64 the squares of float32's numbers neither overflow nor vanish.
            wide = before.double()
            moved = self._pick(name).double() - wide
            norms.append(torch.stack([moved.square().sum().sqrt(), wide.square().sum().sqrt()]))
        if not norms:
            return np.zeros(0)
        moved_norm, norm = torch.stack([n.cpu() for n in norms]).numpy().T
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.asarray(
                np.where(norm > 0, moved_norm / norm, np.where(moved_norm == 0, 0.0, np.nan))
            )

    def _pick(self, name: str) -> Tensor:
        flat = self._parameters[name].detach().reshape(-1)
        if flat.is_complex():
            flat = torch.view_as_real(flat).reshape(-1)
        return flat[:: self._steps[name]]
