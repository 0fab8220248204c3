"""Parts of sentences: names of layers, and numbers as people write them."""

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


def format_factor(factor: float) -> str:
    """Write a factor that is taken again and again: near 1 its third digit counts."""
    return f"{factor:.3g}" if 0.9 < factor < 1.1 else format_two_digits(factor)


def format_two_digits(value: float) -> str:
    """Write a number with two digits, as people write them: 0.24, 9,000, 4.3e-15."""
    if 1e-3 <= abs(value) < 1e6:
        rounded = float(f"{value:.2g}")
        return f"{rounded:,.0f}" if abs(rounded) >= 10 else f"{rounded:g}"
    mantissa, _e, exponent = f"{value:.2g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
