"""The layers of a large model in groups: by the block they are in, and by their kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from gradflow.core.frozen import Table
from gradflow.core.report import Report
from gradflow.core.text import Text

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Group:
    """Layers that belong together.

    Attributes:
        name: of a block its module's path; of a kind what its layers are called in their blocks.
        layers: their numbers, in order of execution.
        place: of a block the list of modules that it is in, briefly; else the name, briefly.
        index: the number of a block in that list; else empty.
    """

    name: str
    layers: tuple[int, ...]
    place: str
    index: str = ""


def group_by_block(source: Report | Sequence[str]) -> tuple[Group, ...]:
    """Group layers by block: each block, and what stands between two of them.

    Layers are those of a report, or modules in the order in which they run. Blocks are those of the
    residual streams; without any, the modules that a number stands for in the paths of their
    layers. Layers outside of blocks that share a parent module which holds no block are one group.
    The groups follow one another as the layers do; a block that is called several times is as many
    groups. Empty where no block has several layers.
    """
    layers = _Layers(source)
    runs: list[tuple[str, list[int]]] = []
    before: Hashable = None
    for number, path, call in layers.rows:
        block = layers.find_block(path)
        name = block or layers.find_home(path)
        key = (name, call if block in layers.called_again else "")
        if key == before:
            runs[-1][1].append(number)
        else:
            runs.append((name, [number]))
        before = key
    blocks = [own for name, own in runs if name in layers.blocks]
    if len(blocks) < 2 or all(len(own) < 2 for own in blocks):
        return ()
    return tuple(Group(name, tuple(own), *_split_place(name, layers.blocks)) for name, own in runs)


def group_by_kind(source: Report | Sequence[str]) -> tuple[Group, ...]:
    """Group layers by what they are called in their blocks: all ``q_proj``, ….

    Layers are given as for ``group_by_block``. Blocks are alike whose paths differ in numbers
    alone. A kind has a layer of several blocks; all other layers are groups of one. The groups are
    in the order of their first layers. Empty where blocks have no layers in common, or one kind
    alone.
    """
    layers = _Layers(source)
    members, kinds = _find_kinds(layers)
    if len(kinds) < 2:  # in networks of ours, conv7 of one block is what conv9 is of the next
        members, kinds = _find_kinds(layers, by_place=True)
    if len(kinds) < 2:
        return ()
    places = {place for place, _own in kinds}
    groups = []
    for (place, own), numbers in members.items():
        if (place, own) in kinds:
            rivals = [other for where, other in kinds if where == place and other != own]
            name = _shorten(own, rivals)
            name = f"{place.partition('.')[0]} {name}" if len(places) > 1 else name
        else:
            name = shorten_path(f"{place}.{own}" if own else place)
        groups.append(Group(name, tuple(numbers), name))
    return tuple(groups)


_Kind: TypeAlias = tuple[str, str]
"""A list of blocks, and what a layer is called in one of them; of a layer outside its path."""


def _find_kinds(
    layers: _Layers, *, by_place: bool = False
) -> tuple[dict[_Kind, list[int]], list[_Kind]]:
    """Find the layers of each kind, and which kinds several blocks have.

    With ``by_place``, layers of a block that differ in numbers alone are told apart by their order.
    """
    members: dict[_Kind, list[int]] = {}
    places: Counter[tuple[str, str, str]] = Counter()
    for number, path, call in layers.rows:
        block = layers.find_block(path)
        own = path[len(block) + 1 :] if block else ""
        if by_place and own:
            own = _NUMBER.sub("", own)
            places[block, call, own] += 1
            own = f"{own}.{places[block, call, own]}"
        kind = (_NUMBER.sub("*", block) if block else path, own)
        members.setdefault(kind, []).append(number)
    kinds = [kind for kind, numbers in members.items() if kind[1] and len(numbers) > 1]
    return members, kinds


def write_module(module: str) -> Text | str:
    """Write the name of a module where its layer's number stands beside it."""
    return Text("module {name}", name=module) if module.isdecimal() else module


def name_module(module: str, number: int) -> Text | str:
    """Name a layer by its module; by its number as well if the module's name is one."""
    if not module.isdecimal():
        return module
    return Text("layer {n} ({module})", n=number, module=module)


class _Layers:
    """The paths of layers, and of their blocks.

    Attributes:
        rows: of each layer its number, its path, and which call of it this is.
        called_again: the blocks that run several times.
    """

    def __init__(self, source: Report | Sequence[str]) -> None:
        numbered, streams = _list_layers(source)
        self.rows = [
            (number, path, call)
            for number, name in numbered
            for path, _, call in [name.partition("#")]
        ]
        calls: Counter[str] = Counter()
        for steps in streams:
            blocks = steps["module"][steps["layer"] > 0]
            calls.update(str(name).partition("#")[0] for name in blocks)
        self.called_again = {path for path, count in calls.items() if count > 1}
        self.blocks = set(calls) or {_find_numbered(path) for _, path, _ in self.rows} - {""}

    @cached_property
    def _holders(self) -> set[str]:
        """The modules that hold blocks."""
        return {parent for block in self.blocks for parent in _list_parents(block)}

    def find_block(self, path: str) -> str:
        """Find the block that a layer is in; empty if it is in none."""
        return next((own for own in (path, *_list_parents(path)) if own in self.blocks), "")

    def find_home(self, path: str) -> str:
        """Find what a layer outside of blocks is shown under: its parent, or itself."""
        parent = path.rpartition(".")[0]
        return path if not parent or parent in self._holders else parent


def _list_layers(source: Report | Sequence[str]) -> tuple[list[tuple[int, str]], list[Table]]:
    """List number and module of each layer, and the tables of the residual streams."""
    if not isinstance(source, Report):
        return list(enumerate(source, 1)), []
    table = source.get_table("layers")
    names = table["module"] if "module" in table else [""] * len(table)
    numbered = [(int(n), str(name)) for n, name in zip(table["layer"], names, strict=True)]
    return numbered, [stream.get_table("layers") for stream in source.streams.values()]


def _find_numbered(path: str) -> str:
    """Find the outermost module of a path, but for the layer itself, that has a number."""
    parts = path.split(".")[:-1]
    end = next((i for i, part in enumerate(parts, 1) if part.isdecimal()), 0)
    return ".".join(parts[:end])


def _list_parents(path: str) -> list[str]:
    """List the modules that a module is in, the innermost first."""
    parts = path.split(".")
    return [".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _split_place(path: str, blocks: Container[str]) -> tuple[str, str]:
    """Split the path of a block into its list and its number in it, both as short as they can.

    Blocks without a list have numbers in their names: attention1, attention2, ….
    """
    parent, _, last = path.rpartition(".")
    if last.isdecimal() and parent:
        return shorten_path(parent), last
    name = shorten_path(path)
    place = name.rstrip("0123456789")
    return (place, name[len(place) :]) if place and path in blocks else (name, "")


def shorten_path(path: str) -> str:
    """Shorten a path to its last part that is no number, with what follows."""
    parts = path.split(".")
    start = next((i for i in range(len(parts) - 1, -1, -1) if not parts[i].isdecimal()), 0)
    return ".".join(parts[start:])


def _shorten(path: str, rivals: list[str]) -> str:
    """Shorten a path to its last parts, as many as tell it apart from its rivals."""
    parts = path.split(".")
    for start in range(len(parts) - 1, 0, -1):
        end = ".".join(parts[start:])
        is_told = not any(f".{rival}".endswith(f".{end}") for rival in rivals)
        if is_told and not parts[start].isdecimal():
            return end
    return path
