"""Geometry of the tensor [N, C, H·W] as a block: its faces, and the lines between its entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization.sharing import Sets

Corner = tuple[float, float, float]
"""Samples to the right, channels into the depth, pixels upwards."""
Stroke = Sequence[Corner]


@dataclass(frozen=True)
class Box:
    """Part of a block: samples, channels and pixels from … to, counted from 0."""

    n: tuple[float, float]
    c: tuple[float, float]
    p: tuple[float, float]

    @property
    def top(self) -> Stroke:
        """Its upper face; the first corner comes again at the end, as in the other faces."""
        (n0, n1), (c0, c1), (_p0, p1) = self.n, self.c, self.p
        return [(n0, c0, p1), (n1, c0, p1), (n1, c1, p1), (n0, c1, p1), (n0, c0, p1)]

    @property
    def front(self) -> Stroke:
        """The face at its first channel."""
        (n0, n1), (c0, _c1), (p0, p1) = self.n, self.c, self.p
        return [(n0, c0, p0), (n1, c0, p0), (n1, c0, p1), (n0, c0, p1), (n0, c0, p0)]

    @property
    def side(self) -> Stroke:
        """The face at its last sample."""
        (_n0, n1), (c0, c1), (p0, p1) = self.n, self.c, self.p
        return [(n1, c0, p0), (n1, c1, p0), (n1, c1, p1), (n1, c0, p1), (n1, c0, p0)]


@dataclass(frozen=True, eq=False)
class BlockShape:
    """Boxes and lines to draw of one block.

    Attributes:
        whole: the block.
        chosen: the entries that share a mean with the chosen one; always a box.
        entry: the chosen entry.
        grid: lines between entries on the three faces in sight.
        cuts: lines between sets on these faces.
    """

    whole: Box
    chosen: Box
    entry: Box
    grid: list[Stroke]
    cuts: list[Stroke]


def shape_block(sets: Sets, pixels: int, sample: int, channel: int) -> BlockShape:
    """Find the boxes and lines of a block.

    Args:
        sets: which entries share a mean.
        pixels: H·W.
        sample: of the chosen entry, from 1; its pixel is the last one, which is in sight.
        channel: of the chosen entry, from 1.
    """
    numbers = sets.numbers
    samples, channels = numbers.shape
    rows, columns = np.flatnonzero(sets.chosen.any(1)), np.flatnonzero(sets.chosen.any(0))
    whole = Box((0, samples), (0, channels), (0, pixels))
    chosen = Box(
        (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1), (0, pixels)
    )
    entry = Box((sample - 1, sample), (channel - 1, channel), (pixels - 1, pixels))
    grid = [
        *(_cut_at_sample(whole, n) for n in range(samples + 1)),
        *(_cut_at_channel(whole, c) for c in range(channels + 1)),
        *([(0, 0, p), (samples, 0, p), (samples, channels, p)] for p in range(pixels + 1)),
    ]
    new_sample = (numbers[1:] != numbers[:-1]).all(1)
    new_channel = (numbers[:, 1:] != numbers[:, :-1]).all(0)
    cuts = [
        *(_cut_at_sample(whole, int(n) + 1) for n in np.flatnonzero(new_sample)),
        *(_cut_at_channel(whole, int(c) + 1) for c in np.flatnonzero(new_channel)),
    ]
    return BlockShape(whole, chosen, entry, grid, cuts)


def _cut_at_sample(whole: Box, n: float) -> Stroke:
    """Run up the front and over the top, before sample n."""
    return [(n, 0, 0), (n, 0, whole.p[1]), (n, whole.c[1], whole.p[1])]


def _cut_at_channel(whole: Box, c: float) -> Stroke:
    """Run up the side and over the top, before channel c."""
    n, p = whole.n[1], whole.p[1]
    return [(n, c, 0), (n, c, p), (0, c, p)]
