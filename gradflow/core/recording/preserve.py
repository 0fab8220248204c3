"""A context in which a model and the random state stay exactly as they are."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_READ_ONLY_CODE = (
    "torch.nn.modules.",
    "gradflow.core.networks.",
    "gradflow.core.recurrent.network",
)
"""Packages whose modules never write their parameters."""


@contextmanager
def preserve(model: nn.Module) -> Iterator[None]:
    """Undo on exit, also after an exception, whatever a forward pass did to ``model``.

    Restores the values (and identities) of parameters and buffers, ``.grad``, training flags,
    and the random states of torch (CPU and the model's devices), NumPy and ``random``. Inside,
    a copy of the buffers is held, and of the parameters if code that is not PyTorch's runs.
    """
    modules = list(model.modules())
    flags = [module.training for module in modules]
    live: list[dict[str, Any]] = [
        table for module in modules for table in (module._parameters, module._buffers)
    ]
    tables = [dict(table) for table in live]
    tensors = _list_unique(tensor for table in tables for tensor in table.values())
    buffers = _list_unique(tensor for module in modules for tensor in module._buffers.values())
    at_risk = tensors if _may_write_parameters(modules) else buffers
    alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for tensor in at_risk:
        alike.setdefault((tensor.device, tensor.dtype), []).append(tensor.data)
    copies = [_join(group) for group in alike.values()]
    grads = [tensor.grad for tensor in tensors]
    devices = sorted({t.device.index for t in tensors if t.device.type == "cuda"})
    # NumPy's global state is legacy, and just what a model may still use.
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        for module, flag in zip(modules, flags, strict=True):
            module.training = flag
        for table, original in zip(live, tables, strict=True):
            table.clear()
            table.update(original)
        for tensor, grad in zip(tensors, grads, strict=True):
            if tensor.grad is not grad:
                tensor.grad = grad
        for group, copy in zip(alike.values(), copies, strict=True):
            if not torch.equal(_join(group), copy):
                parts = torch.split(copy, [data.numel() for data in group])
                for data, part in zip(group, parts, strict=True):
                    # The data alone: a version bump would break graphs the caller still holds.
                    data.copy_(part.view(data.shape))


def _may_write_parameters(modules: list[nn.Module]) -> bool:
    """Whether code may run that writes parameters, which PyTorch's own layers never do."""
    return any(
        not type(module).__module__.startswith(_READ_ONLY_CODE)
        or module._forward_hooks
        or module._forward_pre_hooks
        for module in modules
    )


def _join(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _list_unique(tensors: Iterator[Tensor | None]) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors if tensor is not None}.values())
