"""Normal random numbers that several networks of one seed share, drawn once.

Weights drawn from N(0, σ²) with the same seed are the same numbers times σ. Drawing them takes as
long as a third of a pass, so that a map over σ draws them once and multiplies.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_SHORT = 16
"""PyTorch draws fewer numbers than these one by one in float64, and then rounds."""


class SharedNormals(TorchFunctionMode):
    """Within it, numbers that were drawn before under the same ``key`` are drawn no more.

    ``share`` says what is drawn next. Whoever draws under one key must ask for the same tensors
    in the same order, and for normal numbers around 0 alone; they get what they would have drawn,
    to the last bit.
    """

    def __init__(self) -> None:
        super().__init__()
        self._key: Hashable = None
        self._tape: list[Tensor] = []
        self._place = 0

    def share(self, key: Hashable) -> None:
        """Begin a draw; with ``None`` it shares nothing."""
        if key is None or key != self._key:
            self._tape.clear()
        self._key, self._place = key, 0

    def __exit__(self, error: object, *rest: object) -> None:
        if error is not None:  # what comes next in a broken row of draws is not known
            self._tape.clear()
        super().__exit__(error, *rest)  # type: ignore[no-untyped-call]

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        keywords = kwargs or {}
        if self._key is not None and func is Tensor.normal_:
            return self._fill(*args, **keywords)
        if self._key is not None and func is nn.init.normal_:
            return self._fill(**keywords)
        return func(*args, **keywords)

    def _fill(self, tensor: Tensor, mean: float, std: float, generator: torch.Generator) -> Tensor:
        assert mean == 0
        if self._place == len(self._tape):
            precise = torch.float64 if tensor.numel() < _SHORT else torch.float32
            unit = torch.empty(tensor.shape, dtype=precise)
            self._tape.append(unit.normal_(generator=generator))
        unit = self._tape[self._place]
        self._place += 1
        if unit.dtype == tensor.dtype:
            return torch.mul(unit, std, out=tensor)
        return tensor.copy_(unit * std)
