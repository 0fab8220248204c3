"""The calls in which a weight meets a signal, and the activation functions that follow.

A mode sees every function of PyTorch that the model calls, modules or not. What it knows of a
tensor is kept by identity: which parameters it is made of alone, or that it is a signal, and which
layers' output it carries to the first activation function.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from gradflow.core.errors import ProbeError
from gradflow.core.recording.fans import find_fans
from gradflow.core.recording.functions import (
    Function,
    Role,
    find_function_response,
    find_kind_of_weight,
    find_role,
    may_write,
    open_function,
)
from gradflow.core.recording.gradients import find_storage
from gradflow.core.recording.lineage import SIGNAL, Given, Lineage
from gradflow.core.recording.own_steps import OwnSteps
from gradflow.core.recording.preserve import Guard
from gradflow.core.recording.records import Record
from gradflow.core.recording.summary import Response
from gradflow.core.text import Text

OnError = Callable[[Exception], None]
_is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor
_WHOLE_NUMBERS = (torch.int64, torch.int32)


class Reports(Protocol):
    """Where calls are reported."""

    def add_layer(
        self,
        kind: str,
        parameters: tuple[str, ...],
        fans: tuple[int, int],
        source: Any,
        outputs: list[Tensor],
    ) -> Record:
        """Record the output of a layer, of whose ``parameters`` the first is its weight."""

    def add_activation(
        self, function: Function, response: Response | None, layers: tuple[Record, ...], a: Tensor
    ) -> None:
        """Record the output of an activation function that has met the signal of layers."""

    def add_gradients(self, tensors: list[Tensor]) -> None:
        """Record the gradients of tensors that had none when they were recorded."""


class CallWatcher(TorchFunctionMode):
    """The mode; it is on while it is entered, in this thread alone.

    Args:
        reports: told of layers and activations.
        parameters: names of the parameters of the model, by ``id``.
        constants: the buffers of the model, by ``id``.

    Attributes:
        is_quiet: whether a module runs that speaks for all that it calls.
        makes_weights: whether what runs computes a weight, and is no layer.
        sees_activations: whether activation functions count; not in a loss.
        elementwise: parameters that have met a signal entry by entry, and after how many layers.
        own_steps: what functions with a backward pass of their own make of the gradient.
        guard: told before something is written, if it has anything to guard.
        changed: addresses of the memory in which something was changed in place.
        on_error: told of errors of the watcher's own, which then do not reach the model.
    """

    def __init__(
        self, reports: Reports, parameters: Mapping[int, str], constants: set[int]
    ) -> None:
        super().__init__()
        self.is_quiet = self.makes_weights = False
        self.sees_activations = True
        self.elementwise: dict[str, int] = {}
        self.changed: set[int] = set()
        self.layer_count = 0
        self.own_steps = OwnSteps()
        self.guard: Guard | None = None
        self.on_error: OnError | None = None
        self._reports = reports
        self._parameters = parameters
        self._constants = constants
        self._known: dict[int, tuple[weakref.ref[Tensor], Lineage]] = {}
        self._settled: set[Record] = set()

    def forget(self) -> None:
        """Forget all calls."""
        self.is_quiet = self.makes_weights = False
        self.sees_activations = True
        self.layer_count = 0
        known: Any
        for known in (self.elementwise, self.changed, self._known, self._settled, self.own_steps):
            known.clear()

    def get_lineage(self, tensor: Any) -> Lineage | None:
        """Get what is known of a tensor."""
        given = self._known.get(id(tensor))
        return given[1] if given is not None and given[0]() is tensor else None

    def set_lineage(self, tensor: Tensor, lineage: Lineage) -> None:
        """Set what is known of a tensor."""
        self._known[id(tensor)] = weakref.ref(tensor), lineage

    def settle(self, lineage: Lineage | None) -> tuple[Record, ...] | None:
        """Say which layers an activation of such a signal belongs to, and that they have one."""
        if lineage is None:
            return None
        new = tuple([layer for layer in lineage.pending if layer not in self._settled])
        self._settled.update(new)
        return new + lineage.activated

    def note_returned(self, out: Any) -> None:
        """Note what a function with a backward pass of its own has returned.

        Without gradients inside, what it computed last may have been recorded already.
        """
        try:
            with torch._C.DisableTorchFunction():
                outputs = _list_outputs((out,) if isinstance(out, Tensor) else out)
                self._reports.add_gradients(outputs)
                self.own_steps.watch(outputs)
        except Exception as error:
            if self.on_error is None:
                raise
            self.on_error(error)

    def __torch_function__(
        self, func: Function, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if self.guard is not None and may_write(func, args, kwargs or {}):
            self.guard.keep((*args, *(kwargs or {}).values()))
        role = find_role(func)
        if role is Role.NEST and not self.is_quiet:
            with self:
                return open_function(func)(*args, **(kwargs or {}))
        out = func(*args, **kwargs) if kwargs else func(*args)
        if role is Role.LOOK:
            return out
        try:
            self._note(func, role, args, kwargs, out)
        except Exception as error:
            if self.on_error is None:
                raise
            self.on_error(error)
        return out

    def _note(
        self, func: Function, role: Role, args: tuple[Any, ...], kwargs: Any, out: Any
    ) -> None:
        """Note what a call has returned."""
        if args and (out is args[0] or out is None) and isinstance(args[0], Tensor):
            self.changed.add(find_storage(args[0]))
        if self.is_quiet or (role is Role.MEET and not kwargs and self._meet(func, args, out)):
            return
        outputs = [out] if isinstance(out, Tensor) else _list_outputs(out)
        # Inside vmap and grad, values cannot be read: the graph says what there was.
        if outputs and not _is_wrapped(outputs[0]):
            if outputs[0].is_nested:
                raise ProbeError(
                    Text(
                        "model: computes with nested tensors, which cannot be recorded; "
                        "pad them and mask what was added"
                    )
                )
            self._follow(func, role, args, kwargs or {}, outputs)

    def _meet(self, func: Function, args: tuple[Any, ...], out: Any) -> bool:
        """Follow the common case at once: a parameter, and maybe a bias, in their own places."""
        weight, bias = args[1], args[2] if len(args) > 2 else None
        name, other = self._parameters.get(id(weight)), self._parameters.get(id(bias))
        if (
            name is None
            or type(out) is not Tensor
            or (other is None and bias is not None)
            or id(args[0]) in self._parameters
            or self.makes_weights
            or _is_wrapped(out)
            or out.is_nested
        ):
            return False
        kind, names = find_kind_of_weight(func), (name,) if other is None else (name, other)
        fans = find_fans(func, kind, args, (weight,), out)
        record = self._reports.add_layer(kind, names, fans, args[0], [out])
        self.layer_count += 1
        self._known[id(out)] = weakref.ref(out), Lineage((record,))
        return True

    def _follow(
        self,
        func: Function,
        role: Role,
        args: tuple[Any, ...],
        options: dict[str, Any],
        outputs: list[Tensor],
    ) -> None:
        """Follow what goes in to what comes out."""
        values = (*args, *options.values()) if options else args
        # In the first place of a layer, parameters are a signal.
        given = self._read(values[1:] if role is Role.MEET else values)
        if role is Role.MEET:
            given.is_signal = True
        if given.names and not self.makes_weights and self._is_layer(role, given, args):
            self._add_layer(func, role, values, given, outputs)
        elif given.is_signal:
            for name in given.names:
                self.elementwise.setdefault(name, self.layer_count)
            self._pass_on(func, role, args, options, given, outputs)
        elif given.names:
            made = Lineage(sources=given.names)
            for tensor in outputs:
                if id(tensor) not in self._parameters:
                    self.set_lineage(tensor, made)

    def _read(self, values: Iterable[Any]) -> Given:
        """Read what is known of the tensors in the arguments of a call."""
        given = Given()
        for value in values:
            if isinstance(value, Tensor):
                self._read_tensor(value, given)
            elif isinstance(value, (list, tuple)):
                for item in value:
                    if isinstance(item, Tensor):
                        self._read_tensor(item, given)
        return given

    def _read_tensor(self, tensor: Tensor, given: Given) -> None:
        key = id(tensor)
        name = self._parameters.get(key)
        if name is not None:
            given.add_weight(tensor, (name,))
            return
        known = self._known.get(key)
        if known is not None and known[0]() is tensor:
            lineage = known[1]
            if lineage.sources:
                given.add_weight(tensor, lineage.sources)
            else:
                given.add_signal(tensor, lineage)
        elif tensor._base is not None and id(tensor._base) in self._parameters:
            given.add_weight(tensor, (self._parameters[id(tensor._base)],))
        elif key not in self._constants:
            given.unknown += (tensor,)

    @staticmethod
    def _is_layer(role: Role, given: Given, args: tuple[Any, ...]) -> bool:
        """Whether the parameters meet a signal as a layer does."""
        match role:
            case Role.MEET:
                return True
            case Role.PRODUCT:
                others = given.signals or any(t.is_floating_point() for t in given.unknown)
                return bool(given.made and others)
            case Role.PICK:
                index = [t.dtype in _WHOLE_NUMBERS for t in (*given.signals, *given.unknown)]
                return any(index) and bool(given.made) and args[0] is given.made[0]
        return False

    def _add_layer(
        self,
        func: Function,
        role: Role,
        values: tuple[Any, ...],
        given: Given,
        outputs: list[Tensor],
    ) -> None:
        kind = "embedding" if role is Role.PICK else find_kind_of_weight(func)
        read = given.signals[0] if given.signals else None
        if role is Role.MEET:
            read = values[0]
            if id(read) in self._parameters:
                self.elementwise.setdefault(self._parameters[id(read)], self.layer_count)
        fans = find_fans(func, kind, values, given.made, outputs[0])
        record = self._reports.add_layer(kind, given.names, fans, read, outputs)
        self.layer_count += 1
        lineage = Lineage(pending=(record,))
        for tensor in outputs:
            self.set_lineage(tensor, lineage)

    def _pass_on(
        self,
        func: Function,
        role: Role,
        args: tuple[Any, ...],
        options: dict[str, Any],
        given: Given,
        outputs: list[Tensor],
    ) -> None:
        """Pass on what a signal carries to what a call makes of it."""
        lineage = given.lineage
        if role in (Role.PRODUCT, Role.MEET, Role.MIX):
            lineage = SIGNAL
        elif self.sees_activations and role is Role.ACTIVATE:
            lineage = self._activate(outputs[0], lineage, func, args, options)
        elif self.sees_activations and role is Role.GATE and len(given.signals) > 1:
            # x·σ(x), and the two halves of a gated unit: the product is the activation.
            both = tuple(layer for layer in lineage.activated if layer in lineage.pending)
            if both and given.signals[0].shape == given.signals[1].shape:
                self._reports.add_activation(func, None, both, outputs[0])
                lineage = Lineage(activated=both)
        for tensor in outputs:
            self.set_lineage(tensor, lineage)

    def _activate(
        self,
        a: Tensor,
        lineage: Lineage,
        func: Function,
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Lineage:
        layers = self.settle(lineage) or ()
        if layers and a.is_floating_point() and a.numel():
            response = find_function_response(func, args, options)
            self._reports.add_activation(func, response, layers, a)
        return Lineage(activated=layers)


def _list_outputs(out: Any) -> list[Tensor]:
    if not isinstance(out, (tuple, list)):
        return []
    return [item for item in out if isinstance(item, Tensor)]
