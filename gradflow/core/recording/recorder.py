"""The recorder: what modules return, the calls in which a weight meets a signal, the gradients.

Hooks on modules give names and blocks (``module_hooks.py``), the calls of functions give layers
(``calls.py``); both write into one ledger.
"""

from __future__ import annotations

import weakref
from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gradflow.core.coverage import Coverage, Place
from gradflow.core.recording import opaque
from gradflow.core.recording.calls import CallWatcher, OnError
from gradflow.core.recording.functions import Function
from gradflow.core.recording.gradients import watch_node, watch_output, watch_result
from gradflow.core.recording.graph import find_meetings
from gradflow.core.recording.layout import Layout
from gradflow.core.recording.ledger import Advance, Ledger
from gradflow.core.recording.lineage import SIGNAL
from gradflow.core.recording.module_hooks import ModuleHooks, has_values
from gradflow.core.recording.modules import LAYER_KINDS, find_tensors
from gradflow.core.recording.names import Names
from gradflow.core.recording.own_steps import OwnSteps
from gradflow.core.recording.plain import is_compiled, strip_compiler
from gradflow.core.recording.preserve import Guard
from gradflow.core.recording.records import Record, Stream
from gradflow.core.recording.summary import NONE, Response, Summarizer


class Recorder:
    """Hooks on the modules of ``model`` and a watch on its calls; a context manager around a pass.

    Args:
        model: the model.
        summarizer: makes the statistics.
        advance: called after every layer, forward and backward; what it raises ends the pass.
        guard: told before anything is written.
        on_error: told of errors of the recorder's own, which then do not reach the model.
        names: the names of the model's parts, if they are known.

    Attributes:
        ledger: what was recorded.
    """

    def __init__(
        self,
        model: nn.Module,
        summarizer: Summarizer,
        advance: Advance | None = None,
        guard: Guard | None = None,
        on_error: OnError | None = None,
        names: Names | None = None,
    ) -> None:
        self._advance = advance
        self._is_compiled = is_compiled(model)
        self._names = names or Names(strip_compiler(model))
        self._layout = Layout([*self._names.modules.values()])
        self.ledger = Ledger(summarizer, self._layout, on_error)
        # Weakly, because garbage in a circle costs more than it took to record it.
        reports = weakref.proxy(self)
        self._calls = CallWatcher(reports, self._names.parameters, self._names.constants)
        self._calls.on_error = on_error
        self._calls.guard = guard if guard is not None and guard.is_on else None
        self._hooks = ModuleHooks(
            self._names,
            self.ledger,
            self._calls,
            self._layout,
            is_tolerant=on_error is not None,
        )

    def __enter__(self) -> Recorder:
        self.attach()
        self.resume()
        return self

    def __exit__(self, *_error: object) -> None:
        self.pause()
        self.detach()

    @property
    def records(self) -> list[Record]:
        """What was recorded, in order of execution."""
        return self.ledger.records

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The modules of the model by their paths."""
        return self._names.modules

    @property
    def batch_statistics(self) -> bool:
        """Whether batch normalization used those of the batch."""
        return self._hooks.batch_statistics

    @property
    def own_steps(self) -> OwnSteps:
        """What functions with a backward pass of their own make of the gradient."""
        return self._calls.own_steps

    def attach(self) -> None:
        """Put hooks on the modules."""
        self._hooks.attach()

    def detach(self) -> None:
        """Take the hooks away."""
        self._hooks.detach()

    def resume(self) -> None:
        """Record what the model calls from now on, in this thread."""
        self.ledger.is_final, self._hooks.is_running = False, True
        opaque.listen()
        self._calls.__enter__()  # type: ignore[no-untyped-call]

    def pause(self) -> None:
        """Record no more calls; what gradients come from now on are those of the loss."""
        self._calls.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        opaque.ignore()
        self.ledger.is_final = True
        self._hooks.stop()

    def give_up(self) -> None:
        """Let modules run unseen until the next ``resume``."""
        self._hooks.is_running = False

    def restart(self, summarizer: Summarizer) -> None:
        """Forget all that was recorded; the hooks stay."""
        self._calls.forget()
        self.ledger.clear(summarizer)
        self._hooks.clear()

    def has_grown(self) -> bool:
        """Whether the model has got parameters or modules since the recorder was made."""
        return self._names.has_grown()

    def mark_signals(self, values: Any, targets: Any = None) -> None:
        """Mark the tensors in ``values``, however nested, as signals that have these targets."""
        for tensor in find_tensors(values):
            self._calls.set_lineage(tensor, SIGNAL)
        self._layout.suppose(next(find_tensors(values), None), targets)

    def ignore_activations(self) -> None:
        """See layers alone from now on: what a loss does to its input is no activation."""
        self._calls.sees_activations = False

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
        frame, running = self._hooks.innermost, None
        if frame is not None and frame.module._parameters:
            running = frame.name, frame.module
        name, module = self._names.name_layer(weights[0], kind, running)
        kind = kind if kind in LAYER_KINDS else "other"
        self.ledger.channels = kind == "conv"
        if self._advance is not None:
            self._advance()
        shown = [tensor for tensor in outputs if has_values(tensor)]
        label, layer = self.ledger.label(name) if shown else name, None
        for index, tensor in enumerate(shown):
            called = label if len(shown) == 1 else f"{label}[{index}]"
            entry = self.ledger.add(called, kind, module, tensor, None)
            if tensor.requires_grad:
                receive = self.ledger.make_receiver(entry, self._advance if layer is None else None)
                entry.sequence = watch_result(tensor, receive)
            if layer is None:
                layer = entry
            else:
                layer.states += (entry,)
        if layer is None:
            return Record(label, kind, module, -1, (), NONE, torch.get_default_dtype())
        layer.weights, layer.biases, layer.fans = weights, biases, fans
        self.ledger.note_reader(source, layer)
        return layer

    def add_activation(
        self, function: Function, response: Response | None, layers: tuple[Record, ...], a: Tensor
    ) -> None:
        """See ``calls.Reports``."""
        frame = self._hooks.innermost
        if frame is not None and not frame.module._modules and not frame.module._parameters:
            frame.acts_on, frame.response, frame.result = layers, response, weakref.ref(a)
            return
        name = f"{layers[-1].name}.{function.__name__.strip('_')}"
        if response is not None and self.ledger.channels:
            response = replace(response, channels=True)
        entry = self.ledger.add(
            self.ledger.label(name), "activation", layers[-1].module, a, response
        )
        entry.acts_on = layers
        if a.requires_grad:
            watch_output(a, self.ledger.make_receiver(entry), self._calls.changed)

    def add_gradients(self, tensors: list[Tensor]) -> None:
        """See ``calls.Reports``."""
        for tensor in tensors:
            entry = self.ledger.find(tensor)
            if entry is not None and entry.sequence == -1 and tensor.requires_grad:
                advance = self._advance if entry.is_layer else None
                receive = self.ledger.make_receiver(entry, advance)
                entry.sequence = watch_result(tensor, receive)

    def watch_unseen(self, loss: Tensor) -> None:
        """Find the layers that ran out of sight, in the graph of the loss: their gradients alone.

        So it is with compiled code, other threads, and functions with a backward pass of their own.
        """
        seen = {
            name for record in self.ledger.records for name in (*record.weights, *record.biases)
        }
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
            entry = Record(self.ledger.label(name), meeting.kind, module, -1, (), NONE, dtype)
            entry.weights, entry.sequence = meeting.parameters, meeting.node._sequence_nr()
            watch_node(meeting.node, 0, self.ledger.make_receiver(entry))
            self.ledger.insert(entry)

    # --- results --------------------------------------------------------------------------------

    def find_axis(self, tensor: Tensor) -> int:
        """Find the axis of the samples in a tensor."""
        return self._layout.find_axis(tensor)

    def find_streams(self) -> list[Stream]:
        """Find the residual streams."""
        return self._hooks.containers.find_streams(self._names.modules)

    def find_layers_of_parameters(self) -> dict[str, int]:
        """Find the number of the layer in which each parameter is used first."""
        numbers: dict[str, int] = {}
        for number, layer in enumerate(self.ledger.list_layers(), start=1):
            for name in (*layer.weights, *layer.biases):
                numbers.setdefault(name, number)
        return self._calls.elementwise | numbers

    def find_coverage(self, with_gradient: Container[str]) -> Coverage:
        """Find where each parameter was, given the names of those that have a gradient."""
        in_layers = {name for r in self.ledger.records for name in (*r.weights, *r.biases)}
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
