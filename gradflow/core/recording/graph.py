"""What no hook has seen, from the graph of autograd: where weights are, and what feeds what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

_PREPARING = frozenset(
    f"{name}Backward0"
    for name in (
        *("T", "ToCopy", "Select", "View", "SplitWithSizes", "Split", "UnsafeSplit", "Transpose"),
        *("Permute", "Expand", "Clone", "WeightNormInterface", "Unsqueeze", "Squeeze", "Slice"),
        *("ReshapeAlias", "Unbind", "Stack", "Cat", "Index", "Alias", "Detach", "UnsafeView"),
    )
)
"""Operations that leave a parameter what it is."""
_KINDS = {
    "Convolution": "conv",
    "Embedding": "embedding",
    "EmbeddingBag": "embedding",
    "MkldnnRnnLayer": "recurrent",
    "CudnnRnn": "recurrent",
    **dict.fromkeys(("Addmm", "Mm", "Bmm", "Baddbmm", "Linear", "Mv", "Trilinear"), "linear"),
    **dict.fromkeys(("GroupedMm", "Einsum"), "linear"),
}

_MOST_NODES = 100_000
"""Nodes of a graph in which it is looked for which layer feeds which."""


class Meeting(NamedTuple):
    """A node of the graph that contracts parameters with a signal."""

    node: Any
    kind: str
    parameters: tuple[str, ...]


def find_meetings(root: Any, parameters: Mapping[int, str]) -> list[Meeting]:
    """Find the nodes that contract parameters with a signal, in order of execution.

    Args:
        root: the node of the loss.
        parameters: names of the parameters to look for, by ``id``.
    """
    users: dict[Any, list[Any]] = {}
    owned: dict[str, list[Any]] = {}
    seen, nodes = {root}, [root]
    while nodes:
        node = nodes.pop()
        for source, _index in node.next_functions:
            if source is None:
                continue
            name = parameters.get(id(getattr(source, "variable", None)))
            if name is not None:
                owned.setdefault(name, []).append(node)
            users.setdefault(source, []).append(node)
            if source not in seen:
                seen.add(source)
                nodes.append(source)
    met: dict[Any, list[str]] = {}
    for name, found in owned.items():
        waiting, done = list(found), set()
        while waiting:
            node = waiting.pop()
            if node in done:
                continue
            done.add(node)
            if node.name() in _PREPARING:
                waiting += users.get(node, [])
            elif _find_kind(node) is not None:
                met.setdefault(node, []).append(name)
    meetings = [Meeting(node, str(_find_kind(node)), tuple(names)) for node, names in met.items()]
    return sorted(meetings, key=lambda meeting: meeting.node._sequence_nr())


def _find_kind(node: Any) -> str | None:
    """Find the kind of layer that a node is; one with a backward pass of its own is opaque."""
    name = node.name()
    if not name.endswith("Backward0"):
        return "linear" if name.endswith("Backward") else None
    return _KINDS.get(name.removesuffix("Backward0"))


def find_parallel_layers(
    root: Any, sequences: Sequence[tuple[int, ...]]
) -> tuple[tuple[int, int], ...]:
    """Find the pairs of layers of which neither feeds the other; nothing in a huge graph.

    Args:
        root: the node of the loss.
        sequences: for each layer, the places of what it returned among all operations.
    """
    layers = {place: bit for bit, places in enumerate(sequences) for place in places if place >= 0}
    feeds: dict[Any, int] = {}
    fed: dict[int, int] = {}
    for node in _list_in_order(root):
        below = 0
        for source, _index in node.next_functions:
            below |= feeds.get(source, 0)
        layer = layers.get(node._sequence_nr())
        if layer is not None:
            fed[layer] = fed.get(layer, 0) | below
            below |= 1 << layer
        feeds[node] = below
    return tuple(
        (one + 1, other + 1)
        for one, other in combinations(sorted(fed), 2)
        if not (fed[other] >> one & 1 or fed[one] >> other & 1)
    )


def _list_in_order(root: Any) -> list[Any]:
    """List the nodes of a graph in the order of execution, parameters last; [] if it is huge."""
    seen, nodes = {root}, [root]
    for node in nodes:
        for source, _index in node.next_functions:
            if source is not None and source not in seen:
                seen.add(source)
                nodes.append(source)
        if len(nodes) > _MOST_NODES:
            return []
    return sorted(nodes, key=lambda node: node._sequence_nr())
