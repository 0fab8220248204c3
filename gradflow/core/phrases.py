"""Parts of sentences: names of layers."""

from __future__ import annotations

from gradflow.core.text import Text

MOST_LISTED = 6
"""A list of more layers than that is cut."""


def name_layers(layers: list[int]) -> Text:
    """Name layers: ``layer 3``, ``layers 3 to 7`` or ``layers 3, 5, 9``; a long list is cut."""
    if len(layers) == 1:
        return Text("layer {n}", n=layers[0])
    if layers == list(range(layers[0], layers[-1] + 1)):
        return Text("layers {first} to {last}", first=layers[0], last=layers[-1])
    listed = ", ".join(map(str, layers[:MOST_LISTED]))
    if len(layers) > MOST_LISTED:
        return Text("{n} layers ({list}, …)", n=len(layers), list=listed)
    return Text("layers {list}", list=listed)
