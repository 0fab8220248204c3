"""The recorder: what modules return, the calls in which a weight meets a signal, the gradients.

Hooks on modules give names and blocks, the calls of functions give layers. No tensor is kept: it
is summarized while it is in the cache, and only numbers stay. A hook never refers to the tensor it
watches, so that no reference cycle keeps activations alive.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradflow.core.coverage import Coverage, Place
from gradflow.core.recording.calls import SIGNAL, CallWatcher, Lineage, OnError
from gradflow.core.recording.functions import Function
from gradflow.core.recording.gradients import watch_node, watch_output, watch_result
from gradflow.core.recording.graph import find_meetings
from gradflow.core.recording.layout import Layout
from gradflow.core.recording.modules import (
    LAYER_KINDS,
    find_bare_layers,
    find_response,
    find_tensors,
    is_call_alone,
    list_watched_modules,
)
from gradflow.core.recording.names import Names, clean_path
from gradflow.core.recording.plain import is_compiled, strip_compiler
from gradflow.core.recording.preserve import Guard
from gradflow.core.recording.records import Record, Stream
from gradflow.core.recording.streams import PLAIN_CONTAINERS, Containers
from gradflow.core.recording.summary import NONE, Response, Summarizer, view_as_real

Advance = Callable[[], None]
_QUIET_KINDS = ("norm", "activation")


@dataclass(slots=True, eq=False)
class _Frame:
    """A module that runs: how things were before it, and which activation it has called."""

    name: str
    module: nn.Module
    start: int
    was_quiet: bool
    was_making: bool
    acts_on: tuple[Record, ...] = ()
    response: Response | None = None
    result: weakref.ref[Tensor] | None = None


class Recorder:
    """Hooks on the modules of ``model`` and a watch on its calls; a context manager around a pass.

    Args:
        model: the model.
        summarizer: makes the statistics.
        advance: called after every layer, forward and backward; what it raises ends the pass.
        guard: told before anything is written.
        on_error: told of errors of the recorder's own, which then do not reach the model.

    Attributes:
        records: what was recorded, in order of execution.
        is_running: whether modules that are called now are recorded.
        received: how many gradients have come.
        batch_statistics: whether batch normalization used those of the batch.
        is_final: whether the backward pass of the loss has begun; what gradients a model or a loss
            asks for before do not count.
    """

    def __init__(
        self,
        model: nn.Module,
        summarizer: Summarizer,
        advance: Advance | None = None,
        guard: Guard | None = None,
        on_error: OnError | None = None,
    ) -> None:
        self.records: list[Record] = []
        self.batch_statistics = False
        self.is_final = False
        self.is_running = False
        self.received = 0
        self._on_error = on_error
        self._advance = advance
        self._summarizer = summarizer
        self._is_compiled = is_compiled(model)
        model = strip_compiler(model)
        self._names = Names(model)
        # Weakly, because garbage in a circle costs more than it took to record it.
        reports = weakref.proxy(self)
        self._calls = CallWatcher(reports, self._names.parameters, self._names.constants)
        self._calls.on_error = on_error
        self._calls.guard = guard if guard is not None and guard.is_on else None
        self._counts: Counter[str] = Counter()
        self._channels = False  # the layer that ran last is a convolution
        self._frames: list[_Frame] = []
        self._containers = Containers()
        self._layout = Layout([*self._names.modules.values()])
        # To tell a module that computes from one that returns what another one made: the record of
        # a tensor, as long as nothing changes it in place.
        self._seen: dict[int, tuple[weakref.ref[Tensor], int, Record]] = {}
        # The first layer that read a tensor; layers side by side read the same.
        self._readers: dict[int, tuple[weakref.ref[Tensor], Record]] = {}
        self._handles: list[Any] = []
        self._units: dict[int, bool] = {}

    def __enter__(self) -> Recorder:
        self.attach()
        self.resume()
        return self

    def __exit__(self, *_error: object) -> None:
        self.pause()
        self.detach()

    def attach(self) -> None:
        """Put hooks on the modules."""
        watched = list_watched_modules(self._names.modules)
        bare = find_bare_layers(watched)
        self._units = {id(module): id(module) in bare for _name, module, _kind in watched}
        for name, module, kind in watched:
            if getattr(module, "batch_first", True) is False:
                self._handles.append(module.register_forward_pre_hook(self._layout.note))
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

    def resume(self) -> None:
        """Record what the model calls from now on, in this thread."""
        self.is_final, self.is_running = False, True
        self._calls.__enter__()  # type: ignore[no-untyped-call]

    def pause(self) -> None:
        """Record no more calls; what gradients come from now on are those of the loss."""
        self._calls.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        self.is_final, self.is_running = True, False
        self._frames.clear()

    def restart(self, summarizer: Summarizer) -> None:
        """Forget all that was recorded; the hooks stay."""
        self._summarizer = summarizer
        self._calls.forget()
        for known in (self.records, self._counts, self._frames, self._seen, self._readers):
            known.clear()
        self._containers = Containers()
        self.received = 0

    def mark_signals(self, values: Any, targets: Any = None) -> None:
        """Mark the tensors in ``values``, however nested, as signals that have these targets."""
        for tensor in find_tensors(values):
            self._calls.set_lineage(tensor, SIGNAL)
        self._layout.suppose(next(find_tensors(values), None), targets)

    def ignore_activations(self) -> None:
        """See layers alone from now on: what a loss does to its input is no activation."""
        self._calls.sees_activations = False

    # --- modules --------------------------------------------------------------------------------

    def _watch_module(self, name: str, module: nn.Module, kind: str) -> None:
        is_block = kind == "block" and bool(name) and not isinstance(module, PLAIN_CONTAINERS)
        calls, frames, records = self._calls, self._frames, self.records

        def enter(_module: nn.Module, args: tuple[Any, ...]) -> None:
            frames.append(_Frame(name, module, len(records), calls.is_quiet, calls.makes_weights))
            if kind == "parametrization":
                calls.makes_weights = True
            elif is_block:
                self._containers.add_input(module, self._find_record(args[0] if args else None))

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
        images = flat and replace(flat, channels=True)
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
                response = images if self._channels else flat
                self._record_new(name or "model", kind, module, tensors, response, acts_on)

        self._add_hooks(module, enter, leave)

    def _add_hooks(self, module: nn.Module, enter: Any, leave: Any) -> None:
        if self._on_error is not None:
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
                    self._fail(error)

        return run

    def _fail(self, error: Exception) -> None:
        if self._on_error is None:
            raise error
        self._on_error(error)

    def _record_output(self, frame: _Frame, kind: str, output: Any) -> None:
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
            own = self._find_record(tensors[0])
            assert own is not None
            self._containers.add_output(name, module, own)

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
        name = self._label(name)
        for index, tensor in enumerate(tensors):
            label = name if len(tensors) == 1 else f"{name}[{index}]"
            entry = self._record(label, kind, module, tensor, response)
            entry.acts_on = acts_on
            if tensor.requires_grad:
                watch_output(tensor, self._make_receiver(entry), self._calls.changed)
        return name

    def _is_new(self, tensor: Tensor, kind: str, start: int) -> bool:
        """Whether a module has computed a tensor, and no layer in it has recorded it yet."""
        record = self._find_record(tensor)
        return record is None or (kind != "block" and record.order < start)

    # --- calls ----------------------------------------------------------------------------------

    def add_layer(
        self,
        kind: str,
        parameters: tuple[str, ...],
        fans: tuple[int, int],
        source: Any,
        outputs: list[Tensor],
    ) -> Record:
        """See ``calls.Reports``."""
        weights, biases = self._names.split_parameters(parameters)
        running = None
        if self._frames and self._frames[-1].module._parameters:
            running = self._frames[-1].name, self._frames[-1].module
        name, module = self._names.name_layer(weights[0], kind, running)
        kind = kind if kind in LAYER_KINDS else "other"
        self._channels = kind == "conv"
        if self._advance is not None:
            self._advance()
        label, layer = self._label(name), None
        shown = [tensor for tensor in outputs if _has_values(tensor)]
        for index, tensor in enumerate(shown):
            called = label if len(shown) == 1 else f"{label}[{index}]"
            entry = self._record(called, kind, module, tensor, None)
            if tensor.requires_grad:
                receive = self._make_receiver(entry, self._advance if layer is None else None)
                entry.sequence = watch_result(tensor, receive)
            layer = layer or entry
        if layer is None:
            return Record(label, kind, module, -1, (), NONE, torch.get_default_dtype())
        layer.weights, layer.biases, layer.fans = weights, biases, fans
        self._note_reader(source, layer)
        return layer

    def add_activation(
        self, function: Function, response: Response | None, layers: tuple[Record, ...], a: Tensor
    ) -> None:
        """See ``calls.Reports``."""
        frame = self._frames[-1] if self._frames else None
        if frame is not None and not frame.module._modules and not frame.module._parameters:
            frame.acts_on, frame.response, frame.result = layers, response, weakref.ref(a)
            return
        name = f"{layers[-1].name}.{function.__name__.strip('_')}"
        if response is not None and self._channels:
            response = replace(response, channels=True)
        entry = self._record(self._label(name), "activation", layers[-1].module, a, response)
        entry.acts_on = layers
        if a.requires_grad:
            watch_output(a, self._make_receiver(entry), self._calls.changed)

    def _note_reader(self, source: Any, layer: Record) -> None:
        """Note which tensor a layer has read."""
        if not isinstance(source, Tensor):
            return
        seen, first = self._readers.get(id(source), (None, None))
        if seen is not None and seen() is source:
            layer.reader = first
        else:
            self._readers[id(source)] = weakref.ref(source), layer

    def watch_unseen(self, loss: Tensor) -> None:
        """Find the layers that ran out of sight, in the graph of the loss: their gradients alone.

        So it is with compiled code, other threads, and functions with a backward pass of their own.
        """
        seen = {name for record in self.records for name in (*record.weights, *record.biases)}
        unseen = {
            id(parameter): name
            for name, parameter in self._names.tensors.items()
            if name not in seen
            and name not in self._calls.elementwise
            and parameter.requires_grad
            and parameter.dim() > 1
        }
        if not unseen or loss.grad_fn is None:
            return
        for meeting in find_meetings(loss.grad_fn, unseen):
            name, module = self._names.name_layer(meeting.parameters[0], meeting.kind, None)
            dtype = torch.get_default_dtype()
            entry = Record(self._label(name), meeting.kind, module, -1, (), NONE, dtype)
            entry.weights, entry.sequence = meeting.parameters, meeting.node._sequence_nr()
            watch_node(meeting.node, 0, self._make_receiver(entry))
            before = [r for r in self.records if r.sequence <= entry.sequence]
            self.records.insert(before[-1].order + 1 if before else 0, entry)
            for order, record in enumerate(self.records):
                record.order = order

    # --- records --------------------------------------------------------------------------------

    def _label(self, name: str) -> str:
        """Name a call: those after the first are numbered."""
        self._counts[name] += 1
        return name if self._counts[name] == 1 else f"{name}#{self._counts[name]}"

    def _find_record(self, tensor: Tensor | None) -> Record | None:
        """Find the record of a tensor as it is now."""
        known = self._seen.get(id(tensor))
        if tensor is None or known is None or known[0]() is not tensor:
            return None
        _seen, version, record = known
        return record if version == tensor._version else None

    def _record(
        self, name: str, kind: str, module: nn.Module, tensor: Tensor, response: Response | None
    ) -> Record:
        ticket = self._summarizer.add_signal(
            view_as_real(tensor),
            response,
            axis=self._layout.find_axis(tensor),
            units=kind == "activation" or self._units.get(id(module), True),
            channels=self._channels,
        )
        order, dtype = len(self.records), tensor.dtype
        entry = Record(name, kind, module, order, tuple(tensor.shape), ticket, dtype)
        self._seen[id(tensor)] = weakref.ref(tensor), tensor._version, entry
        self.records.append(entry)
        return entry

    def _make_receiver(
        self, entry: Record, advance: Advance | None = None
    ) -> Callable[[Tensor], None]:
        summarizer = self._summarizer

        def receive(gradient: Tensor) -> None:
            if self.is_final:
                entry.gradient = summarizer.add_gradient(view_as_real(gradient))
                self.received += 1
                if entry.signal == NONE:
                    entry.shape = tuple(gradient.shape)
                if advance is not None:
                    advance()

        def receive_quietly(gradient: Tensor) -> None:
            try:
                receive(gradient)
            except Exception as error:
                self._fail(error)

        return receive if self._on_error is None else receive_quietly

    # --- results --------------------------------------------------------------------------------

    def find_axis(self, tensor: Tensor) -> int:
        """Find the axis of the samples in a tensor."""
        return self._layout.find_axis(tensor)

    def find_streams(self) -> list[Stream]:
        """Find the residual streams."""
        return self._containers.find_streams(self._names.modules)

    def find_layers_of_parameters(self) -> dict[str, int]:
        """Find the number of the layer in which each parameter is used first."""
        numbers: dict[str, int] = {}
        layers = (record for record in self.records if record.is_layer)
        for number, layer in enumerate(layers, start=1):
            for name in (*layer.weights, *layer.biases):
                numbers.setdefault(name, number)
        return self._calls.elementwise | numbers

    def find_coverage(self, with_gradient: Container[str]) -> Coverage:
        """Find where each parameter was, given the names of those that have a gradient."""
        in_layers = {name for r in self.records for name in (*r.weights, *r.biases)}
        places, sizes = {}, {}
        for name, parameter in self._names.tensors.items():
            # Of a frozen one no gradient is asked for, so that nobody knows.
            is_reached = name in with_gradient or not parameter.requires_grad
            if name in in_layers:
                place = Place.LAYER if is_reached else Place.UNREACHED
            elif name in self._calls.elementwise or name in with_gradient:
                place = Place.ELEMENTWISE if is_reached else Place.UNREACHED
            else:
                place = Place.UNUSED
            places[name], sizes[name] = place, parameter.numel()
        return Coverage(places, sizes, self._is_compiled)

    def list_readers(self) -> tuple[int, ...]:
        """List for each layer the first one that reads the same tensor; empty if none shares."""
        layers = [record for record in self.records if record.is_layer]
        if all(record.reader is None for record in layers):
            return ()
        number = {id(record): n for n, record in enumerate(layers, start=1)}
        return tuple(number[id(record.reader or record)] for record in layers)

    def find_format(self, otherwise: torch.dtype) -> torch.dtype:
        """Find the number format of the layers, under autocast the narrowest that really ran."""
        formats = {r.format for r in self.records if r.is_layer and r.signal != NONE}
        return min(formats, key=lambda f: (f.itemsize, torch.finfo(f).max), default=otherwise)


def _list_with_values(output: Any) -> list[Tensor]:
    tensors = [output] if isinstance(output, Tensor) else find_tensors(output)
    return [tensor for tensor in tensors if _has_values(tensor)]


def _has_values(tensor: Tensor) -> bool:
    """Whether a tensor has fractions that can be counted."""
    return (
        (tensor.is_floating_point() or tensor.is_complex())
        and tensor.layout is torch.strided
        and tensor.numel() > 0
    )
