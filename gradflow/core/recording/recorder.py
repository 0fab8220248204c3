"""Hooks that summarize every module output, and the gradient that comes back to it.

Nothing is hoarded: a tensor is summarized while it is in the cache, and only numbers stay. A hook
never refers to the tensor it watches, so that no reference cycle keeps activations alive.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
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
_NO_BLOCKS = (nn.Sequential, nn.ModuleList)

_CATALOG = {type(row.module(MLP())): row for row in ACTIVATIONS.values()}


@dataclass(slots=True)
class Record:
    """One recorded output: tickets of its summaries, and where it came from."""

    name: str
    kind: str
    module: nn.Module
    shape: tuple[int, ...]
    signal: int
    gradient: int = NONE


class Stream(NamedTuple):
    """What runs between repeated blocks: what enters the first, if known, and their outputs."""

    start: Record | None
    points: list[tuple[str, Record]]


class Recorder:
    """Forward hooks on the modules of ``model``; use as a context manager around one pass."""

    def __init__(self, model: nn.Module, summarizer: Summarizer) -> None:
        self.records: list[Record] = []
        self._model = model
        self._summarizer = summarizer
        self._calls: Counter[str] = Counter()
        self._channels = False  # the weight module that ran last is a convolution
        # Outputs seen, to tell a container that computes from one that hands on a child's output.
        self._seen: dict[int, tuple[weakref.ref[Tensor], Record]] = {}
        self._containers: list[tuple[str, nn.Module, Record]] = []
        self._entered: dict[int, Record | None] = {}
        self._handles: list[Any] = []

    def __enter__(self) -> Recorder:
        for name, module in watched(self._model):
            self._handles.append(module.register_forward_hook(self._hook(name or "model", module)))
            if name and kind_of(module) == "block" and not isinstance(module, _NO_BLOCKS):
                self._handles.append(module.register_forward_pre_hook(self._enter))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Before a block works on its input, maybe in place: which recorded output that is."""
        if id(module) not in self._entered:
            first = args[0] if args else None
            self._entered[id(module)] = self._record_of(first) if torch.is_tensor(first) else None

    def _hook(self, name: str, module: nn.Module) -> Any:
        kind = kind_of(module)
        flat = response_of(module) if kind == "activation" else None
        images = flat and replace(flat, channels=True)

        def record(_module: nn.Module, _args: Any, output: Any) -> None:
            tensors = [output] if isinstance(output, Tensor) else list(tensors_in(output))
            tensors = [t for t in tensors if t.is_floating_point() and t.numel()]
            if kind in WEIGHT_KINDS:
                self._channels = kind == "conv"
            self._calls[name] += 1
            call = name if self._calls[name] == 1 else f"{name}#{self._calls[name]}"
            new = [t for t in tensors if kind != "block" or self._record_of(t) is None]
            for index, tensor in enumerate(new):
                label = call if len(new) == 1 else f"{call}[{index}]"
                self._record(label, kind, module, tensor, images if self._channels else flat)
            if kind == "block" and len(tensors) == 1:
                found = self._record_of(tensors[0])
                assert found is not None
                self._containers.append((call, module, found))

        return record

    def stream(self) -> Stream:
        """The outputs of repeated blocks: between them runs the residual stream.

        A block is a container of a class of its own (not ``nn.Sequential``) of which the model has
        several, and which is in no other block. What enters the first of them comes first, under
        the name of its module, if it is a module's output.
        """
        own = [
            entry for entry in self._containers
            if entry[0] != "model" and not isinstance(entry[1], _NO_BLOCKS)
        ]  # fmt: skip
        count = Counter(type(module) for _, module, _ in own)
        blocks = [entry for entry in own if count[type(entry[1])] > 1]
        names = {name for name, _, _ in blocks}
        blocks = [entry for entry in blocks if not names & set(_parents(entry[0]))]
        start = self._entered.get(id(blocks[0][1])) if blocks else None
        return Stream(start, [(name, record) for name, _, record in blocks])

    def _record_of(self, tensor: Tensor) -> Record | None:
        seen, record = self._seen.get(id(tensor), (None, None))
        return record if seen is not None and seen() is tensor else None

    def _record(
        self, name: str, kind: str, module: nn.Module, tensor: Tensor, response: Response | None
    ) -> None:
        ticket = self._summarizer.signal(tensor, response)
        entry = Record(name, kind, module, tuple(tensor.shape), ticket)
        self._seen[id(tensor)] = weakref.ref(tensor), entry
        self.records.append(entry)
        if tensor.requires_grad:
            summarizer = self._summarizer

            def watch(gradient: Tensor) -> None:
                entry.gradient = summarizer.gradient(gradient)

            tensor.register_hook(watch)  # type: ignore[no-untyped-call]


def kind_of(module: nn.Module) -> str:
    """The ``kind`` column of ``report.signals``."""
    for classes, kind in _KINDS:
        if isinstance(module, classes):
            return kind
    if _choice(module) is not None and not isinstance(module, nn.Identity):
        return "activation"
    if type(module).__module__ == "torch.nn.modules.activation" and not isinstance(
        module, nn.MultiheadAttention
    ):
        return "activation"
    return "block" if any(True for _ in module.children()) else "other"


def watched(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Modules whose outputs count: not those inside a weight, norm or activation module."""
    inside: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if inside and name.startswith(inside):
            continue
        yield name, module
        if module._modules and kind_of(module) not in ("block", "other"):
            inside += (f"{name}.",)


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]


def tensors_in(output: Any) -> Iterator[Tensor]:
    """The tensors in what a module returns."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, dict):
        yield from tensors_in(list(output.values()))
    elif isinstance(output, (tuple, list)):
        for item in output:
            yield from tensors_in(item)


def _choice(module: nn.Module) -> ActivationChoice | None:
    """The catalog's row of an activation module or of what it is derived from."""
    return next((_CATALOG[kind] for kind in type(module).__mro__ if kind in _CATALOG), None)


def response_of(module: nn.Module) -> Response:
    """What to count in the output of an activation module."""
    row = _choice(module)
    if row is None:
        return Response()
    return Response(row.unsaturated and row.unsaturated(module), row.alive)
