"""Counting the bytes of all tensors that are alive at the same time."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the memory of tensors that operations make while it is entered, and its peak.

    On the meta device nothing is computed and no memory is taken, but tensors live as long as they
    would: autograd keeps what its formulas need, and a backward pass lets go of it.

    Args:
        tensors: those that exist already.
        weigh: says how many bytes a tensor of so many takes.

    Attributes:
        bytes: memory of the tensors that are alive.
        peak: the most that ``bytes`` has been.
        largest: memory of the largest single tensor.
    """

    def __init__(
        self, tensors: Iterable[Tensor] = (), weigh: Callable[[int], int] = lambda size: size
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = self.peak = self.largest = 0
        self._weigh = weigh
        self._alive: dict[int, weakref.ref[Any]] = {}
        self.add(tensors)

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Count tensors that exist already; those that share their memory count once."""
        for tensor in tensors:
            self._add(tensor.untyped_storage())

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self.add(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, self._weigh(storage.nbytes())
        if key in self._alive:
            return

        def forget(_reference: Any) -> None:
            del self._alive[key]
            self.bytes -= size

        self._alive[key] = weakref.ref(storage, forget)
        self.bytes += size
        self.peak = max(self.peak, self.bytes)
        self.largest = max(self.largest, size)
