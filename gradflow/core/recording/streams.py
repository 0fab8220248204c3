"""The residual streams of a model: what comes out of its repeated blocks, one after another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from torch import nn

from gradflow.core.recording.records import Record, Stream

PLAIN_CONTAINERS = (nn.Sequential, nn.ModuleList)


class _Call(NamedTuple):
    """A call of a container: its name, the container, and the record of what it returned.

    ``place`` says where its input and its output were made.
    """

    name: str
    module: nn.Module
    record: Record
    place: tuple[int, int]

    @property
    def path(self) -> str:
        return self.name.partition("#")[0]

    @property
    def parent(self) -> str:
        return self.path.rpartition(".")[0]


class Containers:
    """The calls of containers, and what entered each for the first time."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._inputs: dict[int, Record | None] = {}

    def add_input(self, module: nn.Module, record: Record | None) -> None:
        """Add the record of a block's input, before the block runs and maybe changes it."""
        self._inputs.setdefault(id(module), record)

    def add_output(
        self, name: str, module: nn.Module, record: Record, place: tuple[int, int]
    ) -> None:
        """Add the record of what a container returned, and where its input and that were made."""
        self._calls.append(_Call(name, module, record, place))

    def find_streams(self, modules: Mapping[str, nn.Module]) -> list[Stream]:
        """Find the streams, in order of execution.

        Blocks are containers of a class of its own side by side in a ``Sequential`` or a
        ``ModuleList``, in no other block; lists whose paths differ in numbers alone (the stages of
        a ResNet) are one stream. Where a model has no such lists, containers are blocks of which
        it has several of the same class. The input of the first block is known if it is recorded.
        """
        calls = [
            call
            for call in self._calls
            if call.path != "model" and not isinstance(call.module, PLAIN_CONTAINERS)
        ]
        groups: dict[str, list[_Call]] = {}
        for call in calls:
            if isinstance(modules.get(call.parent), PLAIN_CONTAINERS):
                groups.setdefault(re.sub(r"\d+", "*", call.parent), []).append(call)
        repeated = [call for group in groups.values() for call in _keep_repeated(group)]
        blocks = _leave_out_nested(repeated or _keep_repeated(calls))
        streams: dict[str, list[_Call]] = {}
        for call in blocks:
            key = re.sub(r"\d+", "*", call.parent) if repeated else ""
            streams.setdefault(key, []).append(call)
        return [
            Stream(
                group[0].parent,
                self._inputs.get(id(group[0].module)),
                [(call.name, call.record) for call in group],
                [call.place for call in group],
            )
            for group in streams.values()
        ]


def _keep_repeated(calls: list[_Call]) -> list[_Call]:
    """Keep the calls of containers of which there are several of the same class."""
    count = Counter(type(call.module) for call in calls)
    return [call for call in calls if count[type(call.module)] > 1]


def _leave_out_nested(calls: list[_Call]) -> list[_Call]:
    """Leave out the calls of blocks in other blocks."""
    paths = {call.path for call in calls}
    return [call for call in calls if not paths & set(_list_parents(call.path))]


def _list_parents(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts))]
