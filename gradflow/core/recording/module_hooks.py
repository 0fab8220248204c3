"""Hooks on modules: names, blocks, and what normalizations and activations return."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradflow.core.recording.calls import CallWatcher
from gradflow.core.recording.gradients import find_place, watch_output
from gradflow.core.recording.hook import Hook
from gradflow.core.recording.layout import Layout, read_batch_first
from gradflow.core.recording.ledger import Ledger
from gradflow.core.recording.lineage import SIGNAL, Lineage
from gradflow.core.recording.modules import (
    find_bare_layers,
    find_response,
    find_tensors,
    is_call_alone,
    list_watched_modules,
)
from gradflow.core.recording.names import Names, clean_path
from gradflow.core.recording.records import Record
from gradflow.core.recording.streams import PLAIN_CONTAINERS, Containers
from gradflow.core.recording.summary import Response

_QUIET_KINDS = ("norm", "activation")


@dataclass(slots=True, eq=False)
class Frame:
    """A module that runs: how things were before it, and which activation it has called."""

    name: str
    module: nn.Module
    start: int
    was_quiet: bool
    was_making: bool
    acts_on: tuple[Record, ...] = ()
    response: Response | None = None
    result: weakref.ref[Tensor] | None = None
    entered: int = -1


class ModuleHooks:
    """Hooks on the modules of a model.

    Args:
        names: knows the modules and their parameters.
        ledger: where outputs are recorded.
        calls: told which modules speak for all that they call.
        layout: told of modules whose first axis is time.
        is_tolerant: whether errors of hooks go to the ledger, and hooks rest while nothing runs.

    Attributes:
        is_running: whether modules that are called now are recorded.
        batch_statistics: whether batch normalization used those of the batch.
        containers: what entered and left the blocks.
    """

    def __init__(
        self,
        names: Names,
        ledger: Ledger,
        calls: CallWatcher,
        layout: Layout,
        *,
        is_tolerant: bool,
    ) -> None:
        self.is_running = self.batch_statistics = False
        self.containers = Containers()
        self._names, self._ledger, self._calls, self._layout = names, ledger, calls, layout
        self._is_tolerant = is_tolerant
        self._frames: list[Frame] = []
        self._handles: list[Any] = []

    @property
    def innermost(self) -> Frame | None:
        """The module that runs now, and has called no other."""
        return self._frames[-1] if self._frames else None

    def attach(self) -> None:
        """Put hooks on the modules."""
        watched = list_watched_modules(self._names.modules)
        bare = find_bare_layers(watched)
        self._ledger.units = {id(module): id(module) in bare for _name, module, _kind in watched}
        for name, module, kind in watched:
            if read_batch_first(module) is False:
                self._handles.append(module.register_forward_pre_hook(Hook(self._layout.note)))
            if kind == "norm" and isinstance(module, _BatchNorm):
                self.batch_statistics |= module.training
            if isinstance(module, torch.jit.ScriptModule):
                continue  # hooks of Python are not called in it
            if not is_call_alone(module) or self._names.is_shared(module):
                watch = self._watch_quiet_module if kind in _QUIET_KINDS else self._watch_module
                watch(clean_path(name), module, kind)

    def detach(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def stop(self) -> None:
        """Leave all modules that run, also those that an exception has ended."""
        self.is_running = False
        self._frames.clear()

    def clear(self) -> None:
        """Forget what was called; the hooks stay."""
        self._frames.clear()
        self.containers = Containers()

    def _watch_module(self, name: str, module: nn.Module, kind: str) -> None:
        is_block = kind == "block" and bool(name) and not isinstance(module, PLAIN_CONTAINERS)
        calls, frames, records = self._calls, self._frames, self._ledger.records

        def enter(_module: nn.Module, args: tuple[Any, ...]) -> None:
            frames.append(Frame(name, module, len(records), calls.is_quiet, calls.makes_weights))
            if kind == "parametrization":
                calls.makes_weights = True
            elif is_block:
                frames[-1].entered = find_place(args[0] if args else None)
                self.containers.add_input(module, self._ledger.find(args[0] if args else None))

        def leave(_module: nn.Module, _args: Any, output: Any) -> None:
            frame = frames.pop()
            while frame.module is not module:  # one of which the exception was caught
                frame = frames.pop()
            calls.is_quiet, calls.makes_weights = frame.was_quiet, frame.was_making
            if kind != "parametrization":
                with torch._C.DisableTorchFunction():
                    self._record_output(frame, kind, output)

        self._add_hooks(module, enter, leave)

    def _watch_quiet_module(self, name: str, module: nn.Module, kind: str) -> None:
        """Watch a normalization or an activation, which speaks for all that it calls."""
        calls = self._calls
        own = self._names.list_own(module)
        flat = find_response(module) if kind == "activation" else None
        entered: list[Lineage | None] = []

        def enter(_module: nn.Module, args: tuple[Any, ...]) -> None:
            entered.append(calls.get_lineage(args[0]) if args else None)
            calls.is_quiet = True

        def leave(_module: nn.Module, _args: Any, output: Any) -> None:
            calls.is_quiet = False
            lineage = entered.pop()
            for parameter in own:
                calls.elementwise.setdefault(parameter, calls.layer_count)
            acts_on = None
            if kind == "activation":
                acts_on = calls.settle(lineage)
                lineage = Lineage(activated=acts_on or ())
            with torch._C.DisableTorchFunction():
                tensors = _list_with_values(output)
                for tensor in tensors:
                    calls.set_lineage(tensor, lineage or SIGNAL)
                response = flat
                if flat is not None and self._ledger.channels:
                    response = replace(flat, channels=True)
                self._record_new(name or "model", kind, module, tensors, response, acts_on)

        self._add_hooks(module, enter, leave)

    def _add_hooks(self, module: nn.Module, enter: Any, leave: Any) -> None:
        if self._is_tolerant:
            enter, leave = self._make_tolerant(enter), self._make_tolerant(leave)
        self._handles.append(module.register_forward_pre_hook(enter))
        self._handles.append(module.register_forward_hook(leave))

    def _make_tolerant(self, hook: Any) -> Any:
        """Make a hook that does nothing while nothing is recorded, and never raises."""

        def run(*args: Any) -> None:
            if self.is_running:
                try:
                    hook(*args)
                except Exception as error:
                    self._ledger.fail(error)

        return Hook(run)

    def _record_output(self, frame: Frame, kind: str, output: Any) -> None:
        module, calls = frame.module, self._calls
        acts_on, response = frame.acts_on or None, None
        lineage = Lineage(activated=frame.acts_on)
        tensors = _list_with_values(output)
        if acts_on:  # an activation function of the user's own
            kind = "activation"
            if frame.result is not None and tensors and frame.result() is tensors[0]:
                response = frame.response
        elif kind != "block":
            kind = "other"
        for tensor in tensors:
            if calls.get_lineage(tensor) is None:
                calls.set_lineage(tensor, lineage)
        new = [tensor for tensor in tensors if self._is_new(tensor, kind, frame.start)]
        if not new and kind != "block":
            return
        name = self._record_new(frame.name or "model", kind, module, new, response, acts_on)
        if kind == "block" and tensors:
            own = self._ledger.find(tensors[0])
            assert own is not None
            self.containers.add_output(name, module, own, (frame.entered, find_place(tensors[0])))

    def _record_new(
        self,
        name: str,
        kind: str,
        module: nn.Module,
        tensors: list[Tensor],
        response: Response | None,
        acts_on: tuple[Record, ...] | None,
    ) -> str:
        """Record what a module has made, and return the name of this call."""
        name = self._ledger.label(name)
        for index, tensor in enumerate(tensors):
            label = name if len(tensors) == 1 else f"{name}[{index}]"
            entry = self._ledger.add(label, kind, module, tensor, response)
            entry.acts_on = acts_on
            if tensor.requires_grad:
                watch_output(tensor, self._ledger.make_receiver(entry), self._calls.changed)
        return name

    def _is_new(self, tensor: Tensor, kind: str, start: int) -> bool:
        """Whether a module has computed a tensor, and no layer in it has recorded it yet."""
        record = self._ledger.find(tensor)
        return record is None or (kind != "block" and record.order < start)


def _list_with_values(output: Any) -> list[Tensor]:
    tensors = [output] if isinstance(output, Tensor) else find_tensors(output)
    return [tensor for tensor in tensors if has_values(tensor)]


def has_values(tensor: Tensor) -> bool:
    """Whether a tensor has fractions that can be counted."""
    return (
        (tensor.is_floating_point() or tensor.is_complex())
        and tensor.layout is torch.strided
        and tensor.numel() > 0
    )
