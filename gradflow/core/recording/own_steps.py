"""What functions with a backward pass of their own make of the gradient.

Only they can be wrong: for all else PyTorch derives what goes back.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class OwnSteps:
    """How much each ``torch.autograd.Function`` of a user passes on, from all its calls."""

    def __init__(self) -> None:
        self._sizes: list[tuple[str, Tensor, Tensor]] = []

    def clear(self) -> None:
        """Forget all calls."""
        self._sizes.clear()

    def watch(self, outputs: Iterable[Tensor]) -> None:
        """Measure the gradient on both sides of the function that has returned these tensors."""
        node = next((x.grad_fn for x in outputs if x.grad_fn is not None), None)
        function = getattr(node, "_forward_cls", None)
        # Those of PyTorch, such as checkpoints, run a whole part of the model.
        if node is None or function is None or function.__module__.startswith("torch."):
            return
        name, sizes = function.__name__, self._sizes

        def measure(given: tuple[Any, ...], received: tuple[Any, ...]) -> None:
            sizes.append((name, _measure(given), _measure(received)))

        node.register_hook(measure)

    def list_ratios(self) -> tuple[tuple[str, float], ...]:
        """List each function and what it passes on: of all calls what is furthest from 1.

        It is 0 if no call passes anything on.
        """
        ratios: dict[str, list[float]] = {}
        for name, given, received in self._sizes:
            after, before = float(given), float(received)
            if 0 < before < math.inf and after < math.inf:
                ratios.setdefault(name, []).append(after / before)
        return tuple(
            (name, max((r for r in changes if r), key=lambda r: abs(math.log(r)), default=0.0))
            for name, changes in ratios.items()
        )


def _measure(gradients: Iterable[Any]) -> Tensor:
    """Find the largest entry of gradients, which never underflows, without waiting for a GPU."""
    known = [g for g in gradients if isinstance(g, Tensor) and g.numel()]
    sizes = [g.detach().abs().max() for g in known if g.layout is torch.strided]
    return torch.stack(sizes).max() if sizes else torch.zeros(())
