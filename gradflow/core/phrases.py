"""Parts of sentences: names of layers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gradflow.core.text import Text, Value

MOST_LISTED = 6
"""A list of more layers than that is cut."""


def name_layers(layers: list[int], modules: Mapping[int, str] = MappingProxyType({})) -> Text:
    """Name layers: ``layer 3``, ``layers 3 to 7`` or ``layers 3, 5, 9``; a long list is cut.

    Args:
        layers: their numbers.
        modules: names of layers by number; what is known of the first and the last is added.
    """
    if len(layers) == 1:
        return Text("layer {n}", n=name_row(layers[0], modules))
    if layers == list(range(layers[0], layers[-1] + 1)):
        first, last = (name_row(n, modules) for n in (layers[0], layers[-1]))
        return Text("layers {first} to {last}", first=first, last=last)
    listed = ", ".join(map(str, layers[:MOST_LISTED]))
    if len(layers) > MOST_LISTED:
        return Text("{n} layers ({list}, …)", n=len(layers), list=listed)
    return Text("layers {list}", list=listed)


def name_row(number: int, modules: Mapping[int, str]) -> Value:
    """Write the number of a layer or branch, and the name of its module where it is known."""
    module = modules.get(number)
    return Text("{n} ({module})", n=number, module=module) if module else number
