"""Where a loop calls the backward pass and scales its loss, seen while a step is recorded.

A loop hands its loss to nobody but ``Tensor.backward``, which calls ``torch.autograd.backward``,
and before that maybe to a ``GradScaler``. For as long as somebody listens, functions stand in the
place of these two that call them and say so. None of them changes what is computed.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler


class Listener(Protocol):
    """Who is told. Nothing that a listener raises may be its own fault."""

    def note_scaled_loss(self, scaled: Any, loss: Any, scale: float) -> None:
        """Note that a loss was multiplied by ``scale``."""

    def before_backward(self, tensors: Any, seeds: Any) -> None:
        """Note that a backward pass from these tensors begins, with these gradients of them."""

    def after_backward(self, *, completed: bool) -> None:
        """Note that it is over, by an exception if it was not ``completed``."""


_LOCK = threading.Lock()
_LISTENERS: dict[Listener, int] = {}
"""With the thread that each listens to."""
_autograd: Any = torch.autograd
_backward = torch.autograd.backward
_scale = GradScaler.scale


def listen(listener: Listener) -> None:
    """Tell ``listener`` of what happens in this thread."""
    with _LOCK:
        if not _LISTENERS:
            _autograd.backward, GradScaler.scale = _run_backward, _scale_loss  # type: ignore[method-assign]
        _LISTENERS[listener] = threading.get_ident()


def ignore(listener: Listener) -> None:
    """Tell ``listener`` nothing more; the last one puts everything back."""
    with _LOCK:
        _LISTENERS.pop(listener, None)
        if not _LISTENERS:
            # What somebody else has put there meanwhile stays.
            if _autograd.backward is _run_backward:
                _autograd.backward = _backward
            if GradScaler.scale is _scale_loss:
                GradScaler.scale = _scale  # type: ignore[method-assign]


def _list_here() -> list[Listener]:
    here = threading.get_ident()
    with _LOCK:
        return [listener for listener, thread in _LISTENERS.items() if thread == here]


def _run_backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
    listeners = _list_here()
    for listener in listeners:
        listener.before_backward(tensors, args[0] if args else kwargs.get("grad_tensors"))
    completed = False
    try:
        _backward(tensors, *args, **kwargs)
        completed = True
    finally:
        for listener in listeners:
            listener.after_backward(completed=completed)


def _scale_loss(self: GradScaler, outputs: Any) -> Any:
    scaled = _scale(self, outputs)
    if isinstance(outputs, Tensor) and self.is_enabled():
        for listener in _list_here():
            listener.note_scaled_loss(scaled, outputs, float(self.get_scale()))
    return scaled


def sum_losses(roots: list[Tensor], seeds: Any) -> float:
    """Sum what a backward pass begins with: each root times the gradient that it is given."""
    given = [seeds] if isinstance(seeds, Tensor) or seeds is None else [*seeds]
    total = 0.0
    for index, root in enumerate(roots):
        value, seed = root.detach(), given[index] if index < len(given) else None
        total += float(value if seed is None else (value * seed.detach()).sum())
    return total
