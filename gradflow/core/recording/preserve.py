"""A context in which a model and the random state stay exactly as they are."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gradflow.core.recording.gradients import find_storage
from gradflow.core.recording.modules import OWN_ATTRIBUTES

_READ_ONLY_CODE = (
    "torch.nn.modules.",
    "gradflow.core.networks.",
    "gradflow.core.recurrent.network",
)
"""Packages whose modules never write their parameters."""
_SMALL = 2**12
"""Entries of tensors that are copied together."""
_LARGE = 2**20
"""Entries of a parameter that is copied only before it is written."""


@contextmanager
def preserve(model: nn.Module, *others: nn.Module) -> Iterator[Guard]:
    """Undo on exit, also after an exception, whatever a pass did to ``model`` and ``others``.

    Restores the values, shapes and identities of parameters and buffers, ``.grad`` with its values,
    training flags, and the random states of torch (CPU, the models' devices, and generators that
    modules hold), NumPy and ``random``. Inside, a copy of the buffers and the gradients is held,
    and of the parameters if code that is not PyTorch's runs. Large parameters are copied by the
    guard that is returned, which is told before anything is written.

    What modules keep in plain Python attributes stays as the pass has left it, and so does what
    hooks of the caller's do.
    """
    modules = list(dict.fromkeys(m for module in (model, *others) for m in module.modules()))
    flags = [module.training for module in modules]
    live: list[dict[str, Any]] = [
        table
        for module in modules
        if not isinstance(module, torch.jit.ScriptModule)
        for table in (module._parameters, module._buffers, module._modules)
    ]
    tables = [dict(table) for table in live]
    parameters = _list_unique(p for module in modules for p in module._parameters.values())
    buffers = _list_unique(b for module in modules for b in module._buffers.values())
    tensors = [*parameters, *buffers]
    grads = [tensor.grad for tensor in tensors]
    at_risk = parameters if _may_write_parameters(modules) else []
    guard = Guard([p for p in at_risk if _is_large(p)])
    small = [p for p in at_risk if not _is_large(p)]
    copies = _Copies([*small, *buffers, *_list_unique(grads)])
    generators = [
        (value, value.get_state())
        for module in modules
        for name in vars(module).keys() - OWN_ATTRIBUTES
        if isinstance(value := vars(module)[name], torch.Generator)
    ]
    devices = sorted({t.device.index for t in tensors if t.device.type == "cuda"})
    # NumPy's global state is legacy, and just what a model may still use.
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=devices):
            yield guard
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
        for generator, state in generators:
            generator.set_state(state)
        for module, flag in zip(modules, flags, strict=True):
            module.training = flag
        for table, original in zip(live, tables, strict=True):
            table.clear()
            table.update(original)
        for tensor, grad in zip(tensors, grads, strict=True):
            if tensor.grad is not grad:
                tensor.grad = grad
        copies.restore()
        guard.restore()


class Guard:
    """Copies of large parameters, made when they are about to be written."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self._guarded = {find_storage(tensor): tensor for tensor in tensors}
        self._data = [(tensor, tensor.data) for tensor in tensors]
        self._copies: list[_Copies] = []
        self.is_on = bool(tensors)

    def keep(self, values: Iterable[Any]) -> None:
        """Keep a copy of what is about to be written, if it shares memory with a parameter."""
        for value in values:
            if isinstance(value, (list, tuple)):
                self.keep(value)
            elif isinstance(value, Tensor) and value.layout is torch.strided:
                tensor = self._guarded.pop(find_storage(value), None)
                if tensor is not None:
                    self._copies.append(_Copies([tensor]))

    def restore(self) -> None:
        """Restore what was written, and give back their memory to those that got another."""
        for copies in self._copies:
            copies.restore()
        for tensor, data in self._data:
            _give_back(tensor, data)


class _Copies:
    """Copies of the values of tensors, joined where they are alike, and many are small.

    They are restored by their data alone: a version bump would break graphs that the caller still
    holds.
    """

    def __init__(self, tensors: list[Tensor]) -> None:
        self._tensors = tensors
        # What these are now, also if a tensor gets another shape or other memory later.
        self._data = [tensor.data for tensor in tensors]
        self._joined: list[tuple[list[Tensor], Tensor]] = []
        self._sparse: list[tuple[int, Tensor]] = []
        small: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
        for index, data in enumerate(self._data):
            if data.layout is not torch.strided:
                self._sparse.append((index, data.clone()))
            elif data.numel() < _SMALL:
                small.setdefault((data.device, data.dtype), []).append(data)
            else:
                self._joined.append(([data], data.clone()))
        self._joined += [(group, _join(group)) for group in small.values()]

    def restore(self) -> None:
        for group, copy in self._joined:
            if torch.equal(group[0] if len(group) == 1 else _join(group), copy):
                continue
            parts = torch.split(copy.reshape(-1), [data.numel() for data in group])
            for data, part in zip(group, parts, strict=True):
                data.copy_(part.view(data.shape))
        for tensor, data in zip(self._tensors, self._data, strict=True):
            _give_back(tensor, data)
        for index, copy in self._sparse:
            self._tensors[index].data = copy


def _give_back(tensor: Tensor, data: Tensor) -> None:
    """Give a tensor the shape and the memory that it had."""
    if tensor.shape != data.shape or (
        data.layout is torch.strided and tensor.data_ptr() != data.data_ptr()
    ):
        tensor.data = data


def _is_large(tensor: Tensor) -> bool:
    return tensor.numel() >= _LARGE and tensor.layout is torch.strided


def _may_write_parameters(modules: list[nn.Module]) -> bool:
    """Whether code may run that writes parameters, which PyTorch's own layers never do."""
    return any(
        not type(module).__module__.startswith(_READ_ONLY_CODE)
        or module._forward_hooks
        or module._forward_pre_hooks
        for module in modules
    )


def _join(tensors: list[Tensor]) -> Tensor:
    if len(tensors) == 1:
        return tensors[0].clone()
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _list_unique(tensors: Iterable[Tensor | None]) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors if tensor is not None}.values())
