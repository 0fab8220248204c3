"""Small multiples on one pair of axes.

Twenty subplots take Plotly half a second; one pair of axes with a few shapes takes a tenth of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradflow.charts.figure import FloatArray, choose_layer_ticks
from gradflow.charts.series import Scale, Series
from gradflow.charts.theme import PALETTES, Mode
from gradflow.core.numbers import format_power
from gradflow.core.text import _

COLUMNS = 4
GAP_X, GAP_Y = 0.1, 0.36
"""Gaps between panels, in widths and heights of a panel; its title stands in the gap above."""


@dataclass(frozen=True)
class Panels:
    """Layout of the panels: that in (column, row) fills x from column·(1 + gap), 1 wide.

    Attributes:
        count: number of panels.
        layers: number of layers that a panel has room for.
        scale: the logarithmic y axis within a panel.
    """

    count: int
    layers: int
    scale: Scale

    @classmethod
    def fit(cls, series: Sequence[Series], count: int) -> Panels:
        """Fit ``count`` panels to every layer and every finite value of ``series``, and to 1."""
        flat = Series("", np.zeros(1), np.ones(1))
        layers = max(len(line.layers) for line in series)
        return cls(count, layers, Scale.fit([*series, flat], log=True))

    @property
    def columns(self) -> int:
        """Panels in a full row."""
        return min(self.count, COLUMNS)

    @property
    def rows(self) -> int:
        """Rows of panels."""
        return math.ceil(self.count / COLUMNS)

    def place_layers(self, panel: int, layers: FloatArray) -> FloatArray:
        """Convert layer numbers to x coordinates of the figure."""
        return panel % COLUMNS * (1 + GAP_X) + (layers - 0.5) / self.layers

    def place_values(self, panel: int, coordinates: FloatArray) -> FloatArray:
        """Convert log10 values to y coordinates of the figure."""
        low, high = self.scale.low, self.scale.high
        return -(panel // COLUMNS) * (1 + GAP_Y) + (coordinates - low) / (high - low)

    @property
    def mark_size(self) -> float:
        """Size of a mark in pixels; marks of neighbouring layers stay apart."""
        return min(max(200 / self.layers, 3.5), 10)

    @property
    def exponents(self) -> list[int]:
        """Powers of ten to mark: 0 and up to about four others."""
        low, high = self.scale.low, self.scale.high
        step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200) if (high - low) / s <= 4.5)
        return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]

    def make_axes(self, title: str) -> dict[str, Any]:
        """Make both Plotly axes: layers below the last row, powers of ten to the left of each.

        ``meta`` goes with them: how the panels are arranged.
        """
        ticks = choose_layer_ticks(self.layers, every=6, wanted=4)
        bare = {"showgrid": False, "ticks": "", "fixedrange": True}
        lines = [(i * COLUMNS, e) for i in range(self.rows) for e in self.exponents]
        return {
            # A browser sets fewer in a row where they would be too narrow (ui/figures/grid.js).
            "meta": {"panels": {"count": self.count, "columns": COLUMNS, "gaps": [GAP_X, GAP_Y]}},
            "xaxis": bare
            | {
                "range": [-0.01, self.columns * (1 + GAP_X) - GAP_X + 0.01],
                "tickvals": [
                    float(self.place_layers(c, np.array(t)))
                    for c in range(self.columns)
                    for t in ticks
                ],
                "ticktext": [str(t) for t in ticks] * self.columns,
                "tickangle": 0,
                "title": {"text": _("layer")},
            },
            "yaxis": bare
            | {
                "range": [-(self.rows - 1) * (1 + GAP_Y) - 0.02, 1 + GAP_Y],
                "tickvals": [float(self.place_values(panel, np.array(e))) for panel, e in lines],
                "ticktext": [format_power(e) if e else "1" for _panel, e in lines],
                "title": {"text": title},
            },
        }


def draw_frames(panels: Panels, mode: Mode) -> list[dict[str, Any]]:
    """Draw borders, lines at powers of ten, and the line at 1: three shapes in all."""
    palette = PALETTES[mode]

    def make_path(strokes: Iterable[Sequence[tuple[float, float]]], **line: Any) -> dict[str, Any]:
        text = " ".join(
            "M" + " L".join(f"{x:.4f},{y:.4f}" for x, y in stroke) for stroke in strokes
        )
        axes = {"xref": "x", "yref": "y", "layer": "below"}
        return {"type": "path", "path": text, "line": line, **axes}

    def cross_panels(exponents: Iterable[int]) -> list[list[tuple[float, float]]]:
        heights = [
            (i, float(panels.place_values(i, np.array(e))))
            for i in range(panels.count)
            for e in exponents
        ]
        return [[(find_left(i), y), (find_left(i) + 1, y)] for i, y in heights]

    def find_left(panel: int) -> float:
        return float(panels.place_layers(panel, np.array(0.5)))

    def outline(panel: int) -> list[tuple[float, float]]:
        x = find_left(panel)
        low = float(panels.place_values(panel, np.array(panels.scale.low)))
        return [(x, low), (x + 1, low), (x + 1, low + 1), (x, low + 1), (x, low)]

    return [
        make_path(cross_panels(panels.exponents), color=palette.grid, width=1),
        make_path(map(outline, range(panels.count)), color=palette.grid, width=1.5),
        make_path(cross_panels([0]), color=palette.muted, width=1),
    ]
