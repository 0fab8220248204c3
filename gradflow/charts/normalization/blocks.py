"""The tensor [N, C, H·W] as blocks of glass, in which one set of entries is solid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, make_note
from gradflow.charts.normalization.block_shapes import (
    BlockShape,
    Box,
    Corner,
    Stroke,
    shape_block,
)
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, fade
from gradflow.core.numbers import format_count
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.normalization.sharing import Sets

HEIGHT = 370
_CHANNEL_STEP = (0.55, 0.42)
"""Offset of one channel from the one before it, to the right and upwards."""
_PIXEL_HEIGHT, _MOST_HEIGHT = 0.62, 7.0
"""Of one pixel, and of all pixels of a block: many pixels are lower."""
_SLOT_SIDE = 4.0
"""Blocks narrower or lower than this do not fill their slot."""
_GLASS_OPACITY = 0.55
"""Opacity of the faces seen through glass."""


def blocks_figure(
    named: Sequence[tuple[str, Sets]],
    pixels: int,
    sample: int,
    channel: int,
    *,
    mode: Mode = "light",
) -> go.Figure:
    """Draw one block per normalization, side by side.

    Solid: the entries that share mean and variance with the chosen one, which is orange. Thick
    lines: where one set ends and the next begins.

    Args:
        named: name and sets of each normalization.
        pixels: H·W.
        sample: of the chosen entry, from 1.
        channel: of the chosen entry, from 1.
        mode: for a light or a dark page.
    """
    shapes = [shape_block(sets, pixels, sample, channel) for _name, sets in named]
    view = _Projection.of(shapes[0].whole)
    palette = PALETTES[mode]
    glass = _collect(shapes, lambda s: [s.whole.top, s.whole.front, s.whole.side])
    data = [
        _fill_faces(glass, view, fade(palette.muted, 0.1)),
        *_draw_chosen(shapes, view, mode),
        _draw_lines(_collect(shapes, lambda s: s.grid), view, fade(palette.muted, 0.5), 1),
        _draw_lines(_collect(shapes, lambda s: s.cuts), view, palette.ink, 3),
        _fill_faces(_collect(shapes, lambda s: [s.entry.top]), view, palette.backward),
        _draw_hover_points([sets for _name, sets in named], view),
    ]
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"l": 4, "r": 4, "t": 8, "b": 4},
        "dragmode": False,
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {"visible": False, "range": [0, len(shapes) * view.slot], "fixedrange": True},
        "yaxis": {"visible": False, "range": view.range_y, "fixedrange": True},
        "meta": {"panels": {"count": len(shapes), "columns": len(shapes), "cell": view.cell}},
        "annotations": [
            label
            for i, (name, sets) in enumerate(named)
            for label in _write_labels(i, name, sets, pixels, view, mode)
        ],
    }
    return build_figure(data, layout, mode)


@dataclass(frozen=True)
class _Projection:
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
    def of(cls, whole: Box) -> _Projection:
        """Fit the slots to a block."""
        top = whole.p[1]
        pixel = min(_PIXEL_HEIGHT, _MOST_HEIGHT / top)
        width = whole.n[1] + _CHANNEL_STEP[0] * whole.c[1]
        height = pixel * top + _CHANNEL_STEP[1] * whole.c[1]
        slot = 1.2 * max(width, _SLOT_SIDE)
        return cls(slot, (slot - width) / 2, height, pixel, top)

    def project(self, block: int, corner: Corner) -> tuple[float, float]:
        """Find x and y of a corner of the block with the number ``block``, from 0."""
        n, c, p = corner
        x = block * self.slot + self.left + n + _CHANNEL_STEP[0] * c
        return x, self.pixel * p + _CHANNEL_STEP[1] * c

    @property
    def range_y(self) -> list[float]:
        """The y axis, with room for the sizes below the blocks and the titles above them."""
        return [-0.16 * self.reach - self.air, 1.24 * self.reach - self.air]

    @property
    def reach(self) -> float:
        """Height that a block has in the figure, with air if it is small."""
        return max(self.height, _SLOT_SIDE)

    @property
    def air(self) -> float:
        """Height of the air below a block, and above it."""
        return (self.reach - self.height) / 2

    @property
    def title_y(self) -> float:
        """Where the titles stand."""
        return 1.02 * self.reach - self.air

    @property
    def cell(self) -> dict[str, float]:
        """What a browser must know to put the blocks in several rows."""
        low, high = self.range_y
        return {"wide": self.slot, "high": high - low, "low": low}


def _collect(
    shapes: Iterable[BlockShape], strokes: Callable[[BlockShape], list[Stroke]]
) -> list[tuple[int, Stroke]]:
    """List strokes of all blocks, each with the number of its block."""
    return [(i, stroke) for i, shape in enumerate(shapes) for stroke in strokes(shape)]


def _draw_chosen(
    shapes: Sequence[BlockShape], view: _Projection, mode: Mode
) -> list[dict[str, Any]]:
    """Draw the chosen entries in three tones, paler where a face is behind glass."""
    tones = [tone for _stop, tone in PALETTES[mode].forward_scale[3:6]]
    top, front, side = tones if mode == "light" else reversed(tones)

    def list_fronts(shape: BlockShape, *, bare: bool) -> list[Stroke]:
        return [shape.chosen.front] * ((shape.chosen.c[0] == 0) is bare)

    def list_sides(shape: BlockShape, *, bare: bool) -> list[Stroke]:
        return [shape.chosen.side] * ((shape.chosen.n[1] == shape.whole.n[1]) is bare)

    glass_fronts = _collect(shapes, lambda s: list_fronts(s, bare=False))
    glass_sides = _collect(shapes, lambda s: list_sides(s, bare=False))
    return [
        _fill_faces(glass_fronts, view, fade(front, _GLASS_OPACITY)),
        _fill_faces(glass_sides, view, fade(side, _GLASS_OPACITY)),
        _fill_faces(_collect(shapes, lambda s: list_fronts(s, bare=True)), view, front),
        _fill_faces(_collect(shapes, lambda s: list_sides(s, bare=True)), view, side),
        _fill_faces(_collect(shapes, lambda s: [s.chosen.top]), view, top),
    ]


def _fill_faces(faces: list[tuple[int, Stroke]], view: _Projection, colour: str) -> dict[str, Any]:
    return _join_strokes(faces, view) | {
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0},
    }


def _draw_lines(
    strokes: list[tuple[int, Stroke]], view: _Projection, colour: str, width: int
) -> dict[str, Any]:
    return _join_strokes(strokes, view) | {"line": {"color": colour, "width": width}}


def _join_strokes(strokes: Iterable[tuple[int, Stroke]], view: _Projection) -> dict[str, Any]:
    """Make one trace of all strokes, with gaps between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for block, stroke in strokes:
        points = [view.project(block, corner) for corner in stroke]
        x += [round(point[0], 3) for point in points] + [None]
        y += [round(point[1], 3) for point in points] + [None]
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip"}


def _draw_hover_points(sets: Sequence[Sets], view: _Projection) -> dict[str, Any]:
    """Draw unseen points on every column of pixels that say whose mean it shares."""
    x, y, texts = [], [], []
    same = _("sample {n}, channel {c}: shares its mean with the chosen entry")
    other = _("sample {n}, channel {c}: belongs to another mean")
    for block, block_sets in enumerate(sets):
        for (n, c), is_chosen in np.ndenumerate(block_sets.chosen):
            point = view.project(block, (n + 0.5, c + 0.5, view.top))
            x.append(round(point[0], 3))
            y.append(round(point[1], 3))
            texts.append((same if is_chosen else other).format(n=n + 1, c=c + 1))
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


def _write_labels(
    block: int, name: str, sets: Sets, pixels: int, view: _Projection, mode: Mode
) -> list[dict[str, Any]]:
    """Write name and numbers above a block, and its sizes along its edges."""
    samples, channels = sets.chosen.shape
    numbers = _("{sets} × {entries} entries").format(
        sets=format_count(sets.count), entries=format_count(sets.entries)
    )
    middle = (block + 0.5) * view.slot
    title_font = {"size": TITLE_SIZE}
    title = f"<b>{name}</b><br>{numbers}"
    labels = [
        make_note(
            title,
            middle,
            view.title_y,
            xref="x",
            yref="y",
            xanchor="center",
            align="center",
            font=title_font,
        )
    ]
    font = {"size": TEXT_SIZE, "color": PALETTES[mode].muted}
    for text, corner, xanchor, yanchor, angle in (
        (f"N = {samples}", (samples / 2, 0, 0), "center", "top", 0),
        (f"C = {channels}", (samples, channels / 2, 0), "left", "top", 0),
        (f"H·W = {pixels}", (0, 0, view.top / 2), "right", "middle", -90),
    ):
        label = make_note(
            text,
            *view.project(block, corner),
            font=font,
            textangle=angle,
            xref="x",
            yref="y",
            xanchor=xanchor,
            yanchor=yanchor,
        )
        labels.append(label)
    return labels
