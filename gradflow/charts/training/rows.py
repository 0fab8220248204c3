"""The rows of a map layer × step by name: blocks, kinds, or single modules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from gradflow.charts.figure import choose_layer_ticks
from gradflow.charts.theme import PALETTES, Mode, escape, shorten
from gradflow.core.grouping import group_by_block, group_by_kind, shorten_path
from gradflow.core.text import _

RowOrder = Literal["layer", "kind"]
"""Rows in the order in which layers run, the input at the bottom, or those of one kind together."""
ROW_ORDERS: tuple[RowOrder, ...] = get_args(RowOrder)
_HEIGHT = 330.0
"""Pixels of the rows in a window of usual size."""
_LABEL = 15.0
"""Pixels that a label takes."""
_LONGEST = 18
"""Letters of a label."""
_LETTER = 7.6
"""Pixels of a letter, about."""


@dataclass(frozen=True)
class NamedRows:
    """The rows of a map, from the bottom.

    Attributes:
        order: the layers, from 0.
        labels: middle, from 1, and escaped name of each group of rows that has room for it.
        edges: places between two groups.
    """

    order: tuple[int, ...]
    labels: tuple[tuple[float, str], ...]
    edges: tuple[float, ...]

    @property
    def is_numbered(self) -> bool:
        """Whether layers have no names but numbers."""
        return all(text.isdecimal() for _at, text in self.labels)

    @property
    def room(self) -> int:
        """Pixels that the labels take at the left."""
        return (50 if self.is_numbered else 24) + round(
            _LETTER * max((len(text) for _at, text in self.labels), default=0)
        )

    def make_axis(self) -> dict[str, Any]:
        """Make the y axis."""
        return {
            "range": [0.5, len(self.order) + 0.5],
            "tickvals": [at for at, _text in self.labels],
            "ticktext": [escape(text) for _at, text in self.labels],
            "title": {"text": _("layer") if self.is_numbered else ""},
            "showgrid": False,
        }

    def draw_edges(self, steps: tuple[float, float], mode: Mode) -> list[dict[str, Any]]:
        """Draw lines between the groups from the first to the last of these steps."""
        if not self.edges:
            return []
        path = "".join(f"M{steps[0]},{edge}L{steps[1]},{edge}" for edge in self.edges)
        line = {"color": PALETTES[mode].page, "width": 1.5}
        return [{"type": "path", "path": path, "xref": "x", "yref": "y", "line": line}]


def name_rows(modules: Sequence[str], order: RowOrder = "layer") -> NamedRows:
    """Name the rows of these layers, in an order; where there are no kinds, as they run."""
    groups = group_by_kind(modules) if order == "kind" else group_by_block(modules)
    if not groups:
        groups = group_by_block(modules)
        order = "layer"
    if not groups:
        return NamedRows(tuple(range(len(modules))), _name_layers(modules), ())
    rows = [n - 1 for group in groups for n in group.layers]
    spans = []
    end = 0
    for group in groups:
        count = len(group.layers)
        name = group.name if order == "kind" else shorten_path(group.name)
        name = f"{name} ×{count}" if order == "kind" and count > 1 else name
        spans.append((end + (count + 1) / 2, name, count))
        end += count
    ends = [at + count / 2 for at, _name, count in spans[:-1]]
    is_wide = len(spans) * 6 < _HEIGHT
    return NamedRows(tuple(rows), _choose(spans, len(rows)), tuple(ends) if is_wide else ())


def _name_layers(modules: Sequence[str]) -> tuple[tuple[float, str], ...]:
    """Name single layers; those without a name of their own by their numbers."""
    names = [shorten_path(name) for name in modules]
    if all(name.isdecimal() for name in names):
        return tuple((at, str(at)) for at in choose_layer_ticks(len(names), every=16))
    return _choose([(at, name, 1) for at, name in enumerate(names, 1)], len(names))


def _choose(spans: Sequence[tuple[float, str, int]], count: int) -> tuple[tuple[float, str], ...]:
    """Choose the labels that have room, those of most rows first."""
    height = _HEIGHT / max(count, 1)
    kept: list[tuple[float, str]] = []
    for at, name, _size in sorted(spans, key=lambda span: (-span[2], span[0])):
        if all(abs(at - other) * height >= _LABEL for other, _name in kept):
            kept.append((at, shorten(name, _LONGEST)))
    return tuple(sorted(kept))
