"""Labels of an axis over layers: numbers, and names of groups of layers below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LETTER = 7.6
"""Pixels of a letter of a label, about; labels are thinned for a figure of usual width."""
_APART = 6.0
"""Pixels between two names, at least."""
USUAL_WIDTH = 1050.0
"""Pixels of the columns in a window of 1280."""
LINE_HEIGHT = 20
"""Pixels of a second line on the axis."""
SECOND_LINE = "\u00a0<br>"
"""What stands before a name that is below the numbers."""
_ASIDE = 0.01
"""Columns by which a name stands beside its place: Plotly takes labels of one place for one."""


@dataclass(frozen=True)
class Span:
    """Neighbouring columns under one escaped name; their places are numbered from 1."""

    name: str
    first: int
    last: int

    @property
    def middle(self) -> float:
        """Where the name stands."""
        return (self.first + self.last) / 2

    @property
    def size(self) -> int:
        """How many columns it has."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Labels:
    """Labels that have room in a figure of usual width.

    Attributes:
        places: on the axis, in order.
        texts: of each.
        sizes: how many columns each names; 0 of a number. A browser that has less room thins
            labels by them (``names.js``).
    """

    places: tuple[float, ...]
    texts: tuple[str, ...]
    sizes: tuple[int, ...]


def choose_labels(
    ticks: Sequence[tuple[float, str]],
    names: Sequence[Span],
    count: int,
    pixels: float = USUAL_WIDTH,
) -> Labels:
    """Choose the labels of an axis: numbers, and names in a line of their own below them.

    Of the names those that have room in so many ``pixels``; wide spans come first.
    """
    width = pixels / max(count, 1)
    taken: list[tuple[float, float]] = []
    labels = [(at, text, 0) for at, text in ticks]
    for name in sorted(names, key=lambda name: -name.size):
        length = max(map(len, name.name.split("<br>")))
        middle, half = name.middle * width, _LETTER * length / 2
        if any(low < middle + half and middle - half < high for low, high in taken):
            continue
        taken.append((middle - half - _APART, middle + half + _APART))
        text = f"{SECOND_LINE}{name.name}" if ticks else name.name
        labels.append((name.middle + _ASIDE, text, name.size))
    labels.sort()
    return Labels(
        tuple(at for at, _text, _size in labels),
        tuple(text for _at, text, _size in labels),
        tuple(size for _at, _text, size in labels),
    )
