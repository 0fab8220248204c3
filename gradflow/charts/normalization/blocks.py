"""The tensor [N, C, H·W] as blocks of glass, in which one set of entries is solid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build, note
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, count, faded
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization.sharing import Sets

Corner = tuple[float, float, float]
"""Samples to the right, channels into the depth, pixels upwards."""
Stroke = Sequence[Corner]

HEIGHT = 370
_DEPTH = (0.55, 0.42)
"""Where a step of one channel leads in the figure."""
_PIXEL, _TALLEST = 0.62, 7.0
_LEAST = 4.0
"""Blocks narrower or lower than this do not fill their slot."""
_BEHIND = 0.55
"""Opacity of what is seen through glass."""


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
    """What is drawn of one block.

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
    """The geometry of a block.

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
        *(_at_sample(whole, n) for n in range(samples + 1)),
        *(_at_channel(whole, c) for c in range(channels + 1)),
        *([(0, 0, p), (samples, 0, p), (samples, channels, p)] for p in range(pixels + 1)),
    ]
    cuts = [
        *(_at_sample(whole, n) for n in range(1, samples) if (numbers[n] != numbers[n - 1]).all()),
        *(
            _at_channel(whole, c)
            for c in range(1, channels)
            if (numbers[:, c] != numbers[:, c - 1]).all()
        ),
    ]
    return BlockShape(whole, chosen, entry, grid, cuts)


def _at_sample(whole: Box, n: float) -> Stroke:
    """Up the front and over the top."""
    return [(n, 0, 0), (n, 0, whole.p[1]), (n, whole.c[1], whole.p[1])]


def _at_channel(whole: Box, c: float) -> Stroke:
    """Up the side and over the top."""
    n, p = whole.n[1], whole.p[1]
    return [(n, c, 0), (n, c, p), (0, c, p)]


def blocks_figure(
    named: Sequence[tuple[str, Sets]],
    pixels: int,
    sample: int,
    channel: int,
    *,
    mode: Mode = "light",
) -> go.Figure:
    """One block per normalization, side by side.

    Solid: the entries that share mean and variance with the chosen one, which is orange. Thick
    lines: where one set ends and the next begins.

    Args:
        named: name and sets of each normalization.
        pixels: H·W.
        sample: of the chosen entry, from 1.
        channel: of the chosen entry, from 1.
        mode: light or dark.
    """
    shapes = [shape_block(sets, pixels, sample, channel) for _name, sets in named]
    place = _Places.fitting(shapes[0].whole)
    palette = PALETTES[mode]
    everywhere = _placed(shapes, lambda s: [s.whole.top, s.whole.front, s.whole.side])
    data = [
        _faces(everywhere, place, faded(palette.muted, 0.1)),
        *_solid(shapes, place, mode),
        _lines(_placed(shapes, lambda s: s.grid), place, faded(palette.muted, 0.5), 1),
        _lines(_placed(shapes, lambda s: s.cuts), place, palette.ink, 3),
        _faces(_placed(shapes, lambda s: [s.entry.top]), place, palette.backward),
        _hover([sets for _name, sets in named], place),
    ]
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 4, "r": 4, "t": 64, "b": 4},
        "dragmode": False,
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {"visible": False, "range": [0, len(shapes) * place.slot], "fixedrange": True},
        "yaxis": {"visible": False, "range": place.range_y, "fixedrange": True},
        "annotations": [
            text for i, pair in enumerate(named) for text in _labels(i, *pair, pixels, place, mode)
        ],
    }
    return build(data, layout, mode)


@dataclass(frozen=True)
class _Places:
    """From corners to figure coordinates. Each block stands in the middle of its slot.

    The axes stretch a block to its slot's width and to the figure's height, unless it is small.

    Attributes:
        slot: width of a slot; the first begins at 0.
        left: of a block in its slot.
        height: of a block.
        pixel: height of one pixel.
        top: number of pixels.
    """

    slot: float
    left: float
    height: float
    pixel: float
    top: float

    @classmethod
    def fitting(cls, whole: Box) -> _Places:
        top = whole.p[1]
        pixel = min(_PIXEL, _TALLEST / top)
        width = whole.n[1] + _DEPTH[0] * whole.c[1]
        height = pixel * top + _DEPTH[1] * whole.c[1]
        slot = 1.2 * max(width, _LEAST)
        return cls(slot, (slot - width) / 2, height, pixel, top)

    def __call__(self, block: int, corner: Corner) -> tuple[float, float]:
        n, c, p = corner
        x = block * self.slot + self.left + n + _DEPTH[0] * c
        return x, self.pixel * p + _DEPTH[1] * c

    @property
    def range_y(self) -> list[float]:
        """With room for the sizes below the blocks."""
        reach = max(self.height, _LEAST)
        air = (reach - self.height) / 2
        return [-0.16 * reach - air, 1.02 * reach - air]


def _placed(
    shapes: Iterable[BlockShape], strokes: Callable[[BlockShape], list[Stroke]]
) -> list[tuple[int, Stroke]]:
    """Strokes of all blocks, each with the number of its block."""
    return [(i, stroke) for i, shape in enumerate(shapes) for stroke in strokes(shape)]


def _points(strokes: Iterable[tuple[int, Stroke]], place: _Places) -> dict[str, Any]:
    """Strokes as one trace, with gaps between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for block, stroke in strokes:
        places = [place(block, corner) for corner in stroke]
        x += [round(at[0], 3) for at in places] + [None]
        y += [round(at[1], 3) for at in places] + [None]
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip"}


def _lines(
    strokes: list[tuple[int, Stroke]], place: _Places, colour: str, width: int
) -> dict[str, Any]:
    return _points(strokes, place) | {"line": {"color": colour, "width": width}}


def _faces(faces: list[tuple[int, Stroke]], place: _Places, colour: str) -> dict[str, Any]:
    return _points(faces, place) | {"fill": "toself", "fillcolor": colour, "line": {"width": 0}}


def _solid(shapes: Sequence[BlockShape], place: _Places, mode: Mode) -> list[dict[str, Any]]:
    """The chosen entries in three tones; faces behind glass are paler than those before it."""
    tones = [tone for _at, tone in PALETTES[mode].forward_scale[3:6]]
    top, front, side = tones if mode == "light" else reversed(tones)

    def fronts(shape: BlockShape, *, bare: bool) -> list[Stroke]:
        return [shape.chosen.front] * ((shape.chosen.c[0] == 0) is bare)

    def sides(shape: BlockShape, *, bare: bool) -> list[Stroke]:
        return [shape.chosen.side] * ((shape.chosen.n[1] == shape.whole.n[1]) is bare)

    return [
        _faces(_placed(shapes, lambda s: fronts(s, bare=False)), place, faded(front, _BEHIND)),
        _faces(_placed(shapes, lambda s: sides(s, bare=False)), place, faded(side, _BEHIND)),
        _faces(_placed(shapes, lambda s: fronts(s, bare=True)), place, front),
        _faces(_placed(shapes, lambda s: sides(s, bare=True)), place, side),
        _faces(_placed(shapes, lambda s: [s.chosen.top]), place, top),
    ]


def _hover(sets: Sequence[Sets], place: _Places) -> dict[str, Any]:
    """On every column of pixels: whose mean it shares."""
    x, y, texts = [], [], []
    same = _("sample {n}, channel {c}: shares its mean with the chosen entry")
    other = _("sample {n}, channel {c}: belongs to another mean")
    for block, one in enumerate(sets):
        for (n, c), chosen in np.ndenumerate(one.chosen):
            at = place(block, (n + 0.5, c + 0.5, place.top))
            x.append(round(at[0], 3))
            y.append(round(at[1], 3))
            texts.append((same if chosen else other).format(n=n + 1, c=c + 1))
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "columns",
        "x": x,
        "y": y,
        "hovertext": texts,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"size": 14, "opacity": 0},
    }


def _labels(
    block: int, name: str, sets: Sets, pixels: int, place: _Places, mode: Mode
) -> list[dict[str, Any]]:
    """Name and numbers above a block, sizes along its edges."""
    samples, channels = sets.chosen.shape
    small = {"size": TEXT_SIZE, "color": PALETTES[mode].muted}
    numbers = _("{sets} × {entries} entries").format(
        sets=count(sets.count), entries=count(sets.entries)
    )
    middle = (block + 0.5) * place.slot
    edges = (
        (f"N = {samples}", (samples / 2, 0, 0), "center", "top", 0),
        (f"C = {channels}", (samples, channels / 2, 0), "left", "top", 0),
        (f"H·W = {pixels}", (0, 0, place.top / 2), "right", "middle", -90),
    )
    title = f"<b>{name}</b><br>{numbers}"
    own: dict[str, Any] = {"xref": "x", "xanchor": "center", "font": {"size": TITLE_SIZE}}
    found = [note(title, middle, 1.02, **own)]
    for text, corner, xanchor, yanchor, angle in edges:
        where: dict[str, Any] = {"xref": "x", "yref": "y", "xanchor": xanchor, "yanchor": yanchor}
        found.append(note(text, *place(block, corner), font=small, textangle=angle, **where))
    return found
