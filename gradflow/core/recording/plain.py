"""A model as it is written: without compilers and checkpoints, which hide what runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.utils.checkpoint
from torch import nn

_LOCK = threading.Lock()
_CHECKPOINT = torch.utils.checkpoint.CheckpointFunction
_users = 0


class _PlainCheckpoint:
    """A call in the place of a checkpoint, which would run again in the backward pass."""

    @staticmethod
    def apply(function: Any, _preserve: bool, *args: Any) -> Any:
        return function(*args)


class _OpenCheckpoint:
    """A checkpoint in the place of a reentrant one, in whose forward pass gradients pass."""

    @staticmethod
    def apply(function: Any, preserve: bool, *args: Any) -> Any:
        return torch.utils.checkpoint.checkpoint(
            function, *args, use_reentrant=False, preserve_rng_state=preserve
        )


def strip_compiler(model: nn.Module) -> nn.Module:
    """Find the module that ``torch.compile`` has wrapped; any other is returned as it is."""
    while isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
        model = inner
    return model


def is_compiled(model: nn.Module) -> bool:
    """Whether a module, or one in it, was given to ``torch.compile``."""
    return "torch._dynamo" in sys.modules and any(
        "_orig_mod" in module._modules or module._compiled_call_impl is not None
        for module in model.modules()
    )


@contextmanager
def run_plainly(model: nn.Module) -> Iterator[None]:
    """Run what was compiled as it is written, and reentrant checkpoints as calls.

    Warm compiled code ignores hooks, and cold code cannot be compiled under a mode. A reentrant
    checkpoint refuses ``torch.autograd.grad``.
    """
    with ExitStack() as stack:
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
            # Optimized, it would be one node of the graph.
            stack.enter_context(torch.jit.optimized_execution(False))  # type: ignore[attr-defined]
        stack.enter_context(_replace_checkpoints(_PlainCheckpoint))
        yield


@contextmanager
def run_openly(model: nn.Module) -> Iterator[None]:
    """Run what was compiled as it is written, and let gradients be seen in checkpoints.

    Unlike ``run_plainly`` it takes no more memory: it is for somebody's own loop.
    """
    with ExitStack() as stack:
        if is_compiled(model):
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        stack.enter_context(_replace_checkpoints(_OpenCheckpoint))
        yield


@contextmanager
def _replace_checkpoints(other: type) -> Iterator[None]:
    global _users  # noqa: PLW0603 - of all threads the first replaces and the last restores
    module: Any = torch.utils.checkpoint
    with _LOCK:
        _users += 1
        module.CheckpointFunction = other
    try:
        yield
    finally:
        with _LOCK:
            _users -= 1
            if not _users:
                module.CheckpointFunction = _CHECKPOINT
