"""What no hook has seen, from the graph of autograd: where weights are, and what feeds what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gradflow.core.recording.records import Stream

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

_ATTENTION = ("ScaledDotProduct", "SoftmaxBackward", "SafeSoftmaxBackward")
"""How the names of the nodes begin that weigh values."""
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
    for name, starts in owned.items():
        waiting, done = list(starts), set()
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


class Wiring(NamedTuple):
    """What leads where in a graph; empty of a huge one.

    Attributes:
        parallel: pairs of layers of which neither feeds the other.
        unbridged: blocks whose input reaches the next block through layers alone.
        attending: blocks in which attention is computed.
    """

    parallel: tuple[tuple[int, int], ...]
    unbridged: tuple[str, ...]
    attending: tuple[str, ...]


def find_wiring(
    root: Any, sequences: Sequence[tuple[int, ...]], streams: Sequence[Stream]
) -> Wiring:
    """Find what leads where.

    Args:
        root: the node of the loss.
        sequences: for each layer, the places of what it returned among all operations.
        streams: the blocks.
    """
    layers = {place: bit for bit, places in enumerate(sequences) for place in places if place >= 0}
    points = dict.fromkeys(p for s in streams for places in s.places for p in places if p >= 0)
    bits = {place: 1 << bit for bit, place in enumerate(points)}
    fed: dict[int, int] = {}
    feeds: dict[Any, tuple[int, int]] = {}
    attention = []
    reached: dict[int, int] = {}  # by a point: the points that reach it past all layers
    for node in _list_in_order(root):
        place, below, past = node._sequence_nr(), 0, 0
        for source, _index in node.next_functions:
            known = feeds.get(source, (0, 0))
            below, past = below | known[0], past | known[1]
        layer = layers.get(place)
        if layer is not None:
            fed[layer] = fed.get(layer, 0) | below
            below, past = below | 1 << layer, 0
        if place in bits:
            past |= bits[place]
            reached[place] = past
        feeds[node] = below, past
        if points and node.name().startswith(_ATTENTION):
            attention.append(place)
    met = sum(1 << layer for layer in fed)
    blocks = [
        (name, *places)
        for stream in streams
        for (name, _record), places in zip(stream.points, stream.places, strict=True)
    ]
    return Wiring(
        tuple(
            (one + 1, other + 1)
            for other in sorted(fed)
            for one in _list_bits(met & ~fed[other] & ((1 << other) - 1))
            if not fed[one] >> other & 1
        ),
        tuple(name for s in streams for name in _list_unbridged(s, reached, bits)),
        tuple(n for n, start, end in blocks if any(start < place <= end for place in attention)),
    )


def _list_bits(mask: int) -> Iterator[int]:
    """List the places of the ones in a number: none of a chain, however long."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _list_unbridged(
    stream: Stream, reached: Mapping[int, int], bits: Mapping[int, int]
) -> Iterator[str]:
    """List the blocks past whose layers nothing leads to the next block, which reads them.

    A loop may add the shortcut itself, so that what the next block reads is looked at; behind the
    last block, what it returns. A block that changes the shape has layers on its shortcut, too.
    """
    shapes = [record.shape for _name, record in stream.points]
    before = [stream.start.shape if stream.start else shapes[0], *shapes]
    following = [start for start, _end in stream.places[1:]] + [stream.places[-1][1]]
    for (name, record), (start, end), after, shape in zip(
        stream.points, stream.places, following, before, strict=False
    ):
        known = start in reached and end in bits and after in reached and start != after
        known = known and record.shape == shape
        if known and reached[after] & bits[end] and not reached[after] & bits[start]:
            yield name


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
