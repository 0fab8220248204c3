"""Hooks that summarize every module output, and the gradient that comes back to it.

No tensor is kept: it is summarized while it is in the cache, and only numbers stay. A hook never
refers to the tensor it watches, so that no reference cycle keeps activations alive.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.modules.conv import _ConvNd

from gradflow.core.catalog import ACTIVATIONS
from gradflow.core.catalog.activations import ActivationChoice
from gradflow.core.experiment import MLP
from gradflow.core.recording.summary import NONE, Response, Summarizer

_NORMS = (_NormBase, nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.LocalResponseNorm)
_KINDS: tuple[tuple[Any, str], ...] = (
    (nn.Linear, "linear"),
    (_ConvNd, "conv"),
    (_NORMS, "norm"),
    ((nn.RNNBase, nn.RNNCellBase), "recurrent"),
)
WEIGHT_KINDS = ("linear", "conv")
Advance = Callable[[], None]
_PLAIN_CONTAINERS = (nn.Sequential, nn.ModuleList)

_CATALOG_ROWS = {type(row.module(MLP())): row for row in ACTIVATIONS.values()}


@dataclass(slots=True)
class Record:
    """One recorded output: the module it came from, and the tickets of its summaries."""

    name: str
    kind: str
    module: nn.Module
    shape: tuple[int, ...]
    signal: int
    format: torch.dtype
    gradient: int = NONE
    reader: Record | None = None  # of a weight module: the first that read the same tensor


class Stream(NamedTuple):
    """The residual stream: the input of the first repeated block, if known, and all outputs."""

    start: Record | None
    points: list[tuple[str, Record]]


class Recorder:
    """Forward hooks on the modules of ``model``; use as a context manager around one pass.

    Args:
        model: the model.
        summarizer: makes the statistics.
        advance: called after every weight module, forward and backward; what it raises ends the
            pass.
    """

    def __init__(
        self, model: nn.Module, summarizer: Summarizer, advance: Advance | None = None
    ) -> None:
        self.records: list[Record] = []
        self.batch_statistics = False  # batch normalization used those of the batch
        self._advance = advance
        self._model = model
        self._summarizer = summarizer
        self._calls: Counter[str] = Counter()
        self._channels = False  # the weight module that ran last is a convolution
        # To tell a container that computes from one that returns its child's output.
        self._seen_outputs: dict[int, tuple[weakref.ref[Tensor], Record]] = {}
        self._containers: list[tuple[str, nn.Module, Record]] = []
        self._block_inputs: dict[int, Record | None] = {}
        # The first weight module that read a tensor; modules side by side read the same.
        self._readers: dict[int, tuple[weakref.ref[Tensor], Record]] = {}
        self._handles: list[Any] = []
        self._bare: set[int] = set()

    def __enter__(self) -> Recorder:
        watched = list(find_watched_modules(self._model))
        self._bare = set(map(id, _find_bare_layers([module for _name, module in watched])))
        for name, module in watched:
            self.batch_statistics |= isinstance(module, _BatchNorm) and module.training
            self._handles.append(
                module.register_forward_hook(self._make_hook(name or "model", module))
            )
            if name and find_kind(module) == "block" and not isinstance(module, _PLAIN_CONTAINERS):
                self._handles.append(module.register_forward_pre_hook(self._remember_input))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _remember_input(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Find the record of a block's input before the block runs and maybe changes it."""
        if id(module) not in self._block_inputs:
            first = args[0] if args else None
            record = self._find_record(first) if torch.is_tensor(first) else None
            self._block_inputs[id(module)] = record

    def _make_hook(self, name: str, module: nn.Module) -> Any:
        kind = find_kind(module)
        flat = find_response(module) if kind == "activation" else None
        images = flat and replace(flat, channels=True)

        def record(_module: nn.Module, args: Any, output: Any) -> None:
            tensors = [output] if isinstance(output, Tensor) else list(find_tensors(output))
            tensors = [t for t in tensors if t.is_floating_point() and t.numel()]
            if kind in WEIGHT_KINDS:
                self._channels = kind == "conv"
                if self._advance is not None:
                    self._advance()
            self._calls[name] += 1
            call = name if self._calls[name] == 1 else f"{name}#{self._calls[name]}"
            new = [t for t in tensors if kind != "block" or self._find_record(t) is None]
            for index, tensor in enumerate(new):
                label = call if len(new) == 1 else f"{call}[{index}]"
                self._record(label, kind, module, tensor, images if self._channels else flat)
            if kind in WEIGHT_KINDS and new:
                self._note_reader(args)
            if kind == "block" and len(tensors) == 1:
                own = self._find_record(tensors[0])
                assert own is not None
                self._containers.append((call, module, own))

        return record

    def find_stream(self) -> Stream:
        """Find the residual stream: the outputs of repeated blocks, and what enters the first.

        A block is a container of a class of its own (not ``nn.Sequential``) of which the model has
        several, and which is in no other block. The input of the first block is known if it is a
        module's output.
        """
        candidates = [
            (name, module, record)
            for name, module, record in self._containers
            if name != "model" and not isinstance(module, _PLAIN_CONTAINERS)
        ]
        count = Counter(type(module) for _, module, _ in candidates)
        blocks = [entry for entry in candidates if count[type(entry[1])] > 1]
        names = {name for name, _, _ in blocks}
        blocks = [entry for entry in blocks if not names & set(_list_parents(entry[0]))]
        start = self._block_inputs.get(id(blocks[0][1])) if blocks else None
        return Stream(start, [(name, record) for name, _, record in blocks])

    def _note_reader(self, args: tuple[Any, ...]) -> None:
        """Note which tensor the weight module that was recorded last has read."""
        if not args or not isinstance(args[0], Tensor):
            return
        seen, first = self._readers.get(id(args[0]), (None, None))
        if seen is not None and seen() is args[0]:
            self.records[-1].reader = first
        else:
            self._readers[id(args[0])] = weakref.ref(args[0]), self.records[-1]

    def list_readers(self) -> tuple[int, ...]:
        """List for each layer the first one that reads the same tensor; empty if none shares."""
        layers = [record for record in self.records if record.kind in WEIGHT_KINDS]
        if all(record.reader is None for record in layers):
            return ()
        number = {id(record): n for n, record in enumerate(layers, start=1)}
        return tuple(number[id(record.reader or record)] for record in layers)

    def find_format(self, otherwise: torch.dtype) -> torch.dtype:
        """Find the number format of the layers, under autocast the narrowest that really ran."""
        formats = {r.format for r in self.records if r.kind in WEIGHT_KINDS}
        return min(formats, key=lambda f: (f.itemsize, torch.finfo(f).max), default=otherwise)

    def _find_record(self, tensor: Tensor) -> Record | None:
        seen, record = self._seen_outputs.get(id(tensor), (None, None))
        return record if seen is not None and seen() is tensor else None

    def _record(
        self, name: str, kind: str, module: nn.Module, tensor: Tensor, response: Response | None
    ) -> None:
        ticket = self._summarizer.add_signal(
            tensor,
            response,
            units=kind == "activation" or id(module) in self._bare,
            channels=self._channels,
        )
        entry = Record(name, kind, module, tuple(tensor.shape), ticket, tensor.dtype)
        self._seen_outputs[id(tensor)] = weakref.ref(tensor), entry
        self.records.append(entry)
        if tensor.requires_grad:
            summarizer = self._summarizer
            advance = self._advance if kind in WEIGHT_KINDS else None

            def watch(gradient: Tensor) -> None:
                entry.gradient = summarizer.add_gradient(gradient)
                if advance is not None:
                    advance()

            tensor.register_hook(watch)  # type: ignore[no-untyped-call]


def find_kind(module: nn.Module) -> str:
    """Find the kind of a module, for the column ``kind`` of ``report.signals``."""
    for classes, kind in _KINDS:
        if isinstance(module, classes):
            return kind
    if _find_catalog_row(module) is not None and not isinstance(module, nn.Identity):
        return "activation"
    if type(module).__module__ == "torch.nn.modules.activation" and not isinstance(
        module, nn.MultiheadAttention
    ):
        return "activation"
    return "block" if any(True for _ in module.children()) else "other"


def find_watched_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """List the modules to record: all but those inside a weight, norm or activation module."""
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if inside and name.startswith(inside):
            continue
        yield name, module
        if module._modules and find_kind(module) not in ("block", "other"):
            inside += (f"{name}.",)


def _find_bare_layers(modules: list[nn.Module]) -> list[nn.Module]:
    """Find the weight modules without an activation module before the next one.

    Of these the units are recorded; of the others, those of the activation.
    """
    bare: list[nn.Module] = []
    is_open = False  # no activation has come since the last one
    for module in modules:
        kind = find_kind(module)
        if kind in WEIGHT_KINDS:
            bare.append(module)
        elif kind == "activation" and is_open:
            bare.pop()
        is_open = kind in WEIGHT_KINDS or (is_open and kind != "activation")
    return bare


def _list_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def find_tensors(output: Any) -> Iterator[Tensor]:
    """List the tensors in the output of a module, however nested."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, dict):
        yield from find_tensors(list(output.values()))
    elif isinstance(output, (tuple, list)):
        for item in output:
            yield from find_tensors(item)


def _find_catalog_row(module: nn.Module) -> ActivationChoice | None:
    """Find the catalog's row of an activation module, or of a class that it is derived from."""
    return next(
        (_CATALOG_ROWS[kind] for kind in type(module).__mro__ if kind in _CATALOG_ROWS), None
    )


def find_response(module: nn.Module) -> Response:
    """Find what to count in the output of an activation module."""
    row = _find_catalog_row(module)
    if row is None:
        return Response()
    return Response(row.unsaturated and row.unsaturated(module), row.alive)
