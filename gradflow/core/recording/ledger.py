"""The records of a pass, in order, and which tensors they are of.

No tensor is kept: it is summarized while it is in the cache, and only numbers stay. A hook never
refers to the tensor it watches, so that no reference cycle keeps activations alive.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gradflow.core.recording.calls import OnError
from gradflow.core.recording.layout import Layout
from gradflow.core.recording.records import Record
from gradflow.core.recording.summary import NONE, Response, Summarizer, view_as_real

Advance = Callable[[], None]


class Ledger:
    """What was recorded.

    Args:
        summarizer: makes the statistics.
        layout: knows where the samples are in a tensor.
        on_error: told of errors in hooks of gradients, which then do not reach the backward pass.

    Attributes:
        records: in order of execution.
        received: how many gradients have come.
        is_final: whether the backward pass of the loss has begun; what gradients a model or a loss
            asks for before do not count.
        channels: whether the layer that ran last is a convolution.
        units: by ``id`` of a module, whether the last axis of what it returns has its units.
    """

    def __init__(self, summarizer: Summarizer, layout: Layout, on_error: OnError | None) -> None:
        self.records: list[Record] = []
        self.received = 0
        self.is_final = False
        self.channels = False
        self.units: dict[int, bool] = {}
        self._summarizer = summarizer
        self._layout = layout
        self._on_error = on_error
        self._counts: dict[str, int] = {}
        # To tell a module that computes from one that returns what another one made: the record of
        # a tensor, as long as nothing changes it in place.
        self._seen: dict[int, tuple[weakref.ref[Tensor], int, Record]] = {}
        # The first layer that read a tensor; layers side by side read the same.
        self._readers: dict[int, tuple[weakref.ref[Tensor], Record]] = {}

    def clear(self, summarizer: Summarizer) -> None:
        """Forget all, and use another summarizer."""
        self._summarizer = summarizer
        for known in (self.records, self._counts, self._seen, self._readers):
            known.clear()
        self.received = 0

    def label(self, name: str) -> str:
        """Name a call: those after the first are numbered."""
        count = self._counts[name] = self._counts.get(name, 0) + 1
        return name if count == 1 else f"{name}#{count}"

    def find(self, tensor: Tensor | None) -> Record | None:
        """Find the record of a tensor as it is now."""
        known = self._seen.get(id(tensor))
        if tensor is None or known is None or known[0]() is not tensor:
            return None
        _seen, version, record = known
        return record if version == tensor._version else None

    def add(
        self, name: str, kind: str, module: nn.Module, tensor: Tensor, response: Response | None
    ) -> Record:
        """Record the values of a tensor that was made now."""
        ticket = self._summarizer.add_signal(
            view_as_real(tensor),
            response,
            axis=self._layout.find_axis(tensor) if tensor.dim() > 2 else 0,
            units=kind == "activation" or self.units.get(id(module), True),
            channels=self.channels,
        )
        order, dtype = len(self.records), tensor.dtype
        entry = Record(name, kind, module, order, tuple(tensor.shape), ticket, dtype)
        self._seen[id(tensor)] = weakref.ref(tensor), tensor._version, entry
        self.records.append(entry)
        return entry

    def insert(self, entry: Record) -> None:
        """Put a record in its place in the sequence of operations."""
        before = [r for r in self.records if r.sequence <= entry.sequence]
        self.records.insert(before[-1].order + 1 if before else 0, entry)
        for order, record in enumerate(self.records):
            record.order = order

    def make_receiver(
        self, entry: Record, advance: Advance | None = None
    ) -> Callable[[Tensor], None]:
        """Make what takes the gradient of a record, and then calls ``advance``."""
        summarizer = self._summarizer

        def receive(gradient: Tensor) -> None:
            if not self.is_final or not gradient.numel():
                return
            self.received += 1
            if entry.gradient != NONE:
                return  # of several backward passes through one graph the first counts
            entry.gradient = summarizer.add_gradient(view_as_real(gradient))
            if entry.signal == NONE:
                entry.shape = tuple(gradient.shape)
            if advance is not None:
                advance()

        def receive_quietly(gradient: Tensor) -> None:
            try:
                receive(gradient)
            except Exception as error:
                self.fail(error)

        return receive if self._on_error is None else receive_quietly

    def fail(self, error: Exception) -> None:
        """Tell of an error in a hook, or raise it."""
        if self._on_error is None:
            raise error
        self._on_error(error)

    def note_reader(self, source: Any, layer: Record) -> None:
        """Note which tensor a layer has read."""
        if not isinstance(source, Tensor):
            return
        seen, first = self._readers.get(id(source), (None, None))
        if seen is not None and seen() is source:
            layer.reader = first
        else:
            self._readers[id(source)] = weakref.ref(source), layer

    # --- results --------------------------------------------------------------------------------

    def list_layers(self) -> list[Record]:
        """List the records of layers."""
        return [record for record in self.records if record.is_layer]

    def list_readers(self) -> tuple[int, ...]:
        """List for each layer the first one that reads the same tensor; empty if none shares."""
        layers = self.list_layers()
        if all(record.reader is None for record in layers):
            return ()
        number = {id(record): n for n, record in enumerate(layers, start=1)}
        return tuple(number[id(record.reader or record)] for record in layers)

    def list_sequences(self) -> list[tuple[int, ...]]:
        """List for each layer the places of what it returned among all operations."""
        return [
            tuple(record.sequence for record in (layer, *layer.states))
            for layer in self.list_layers()
        ]

    def find_format(self, otherwise: torch.dtype) -> torch.dtype:
        """Find the number format of the layers, under autocast the narrowest that really ran."""
        formats = {r.format for r in self.list_layers() if r.signal != NONE}
        return min(formats, key=lambda f: (f.itemsize, torch.finfo(f).max), default=otherwise)
