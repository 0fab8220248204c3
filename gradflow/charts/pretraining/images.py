"""Many small images as one heatmap: what hidden units look for, and reconstructions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, empty_figure
from gradflow.charts.theme import PALETTES, TEXT_SIZE, ColourScale, Mode, format_number
from gradflow.core.text import _

Images = npt.NDArray[np.float32]

SIDE = 8
"""Pixels along the side of an image."""
COLUMNS = 16
_STEP = SIDE + 1
_TILE_HEIGHT = 62
_PERCENTILE = 98


def mosaic(images: Images, columns: int = COLUMNS) -> Images:
    """Images ``(n, 64)`` row by row in one array, one entry of NaN between neighbours."""
    rows = -(-len(images) // columns)
    columns = min(columns, len(images))
    tiles = np.full((rows * columns, _STEP, _STEP), np.nan, np.float32)
    tiles[: len(images), :SIDE, :SIDE] = images.reshape(-1, SIDE, SIDE)
    whole = tiles.reshape(rows, columns, _STEP, _STEP).swapaxes(1, 2)
    return whole.reshape(rows * _STEP, columns * _STEP)[:-1, :-1]


def features_figure(
    features: Images, *, reach: float | None = None, mode: Mode = "light"
) -> go.Figure:
    """The weights from the pixels to every hidden unit, a tile of 8×8 per unit.

    All tiles share one scale, from −reach over 0 in the middle to reach.

    Args:
        features: ``(units, 64)``.
        reach: the end of the scale, by default :func:`reach_of` the features.
        mode: for a light or a dark page.
    """
    if not len(features) or not np.isfinite(features).all():
        return empty_figure(_("The weights are not finite: there is nothing to see"), mode=mode)
    reach = reach_of(features) if reach is None else reach
    whole = mosaic(features)
    units = np.repeat(np.arange(1, len(features) + 1, dtype=np.float32)[:, None], SIDE**2, axis=1)
    palette = PALETTES[mode]
    trace = _heatmap(whole, (-reach, reach), _signed(mode)) | {
        "customdata": mosaic(units),
        "hovertemplate": _("unit %{customdata:.0f}: weight %{z:.3g}") + "<extra></extra>",
        "showscale": True,
        "colorbar": {
            "thickness": 12,
            "tickvals": [-reach, 0, reach],
            "ticktext": [format_number(-reach, 2), "0", format_number(reach, 2)],
            "outlinecolor": palette.muted,
        },
    }
    rows = -(-len(features) // COLUMNS)
    layout = _layout(whole, _TILE_HEIGHT * rows + 50)
    layout["margin"]["t"] = 40  # the colour bar stays clear of the buttons
    return build_figure([trace], layout, mode)


def reach_of(features: Images) -> float:
    """The size below which 98 % of the weights lie; 1 if there is none."""
    finite = np.abs(features[np.isfinite(features)])
    return float(np.percentile(finite, _PERCENTILE)) or 1.0 if len(finite) else 1.0


def reconstructions_figure(
    originals: Images, reconstructions: Images, names: Sequence[str], *, mode: Mode = "light"
) -> go.Figure:
    """Originals in the first row, below it what is left of them after each number of layers.

    Args:
        originals: ``(images, 64)``, pixels in [0, 1].
        reconstructions: ``(rows, images, 64)``.
        names: of all rows, that of the originals first.
        mode: for a light or a dark page.
    """
    count = len(originals)
    rows = np.concatenate([originals[None], reconstructions]).reshape(-1, SIDE**2)
    whole = mosaic(rows, count)
    trace = _heatmap(whole, (0.0, 1.0), _positive(mode)) | {
        "hovertemplate": _("pixel %{z:.2f}") + "<extra></extra>",
        "showscale": False,
    }
    layout = _layout(whole, 68 * len(names) + 20)
    layout["margin"]["l"] = 190
    layout["yaxis"] |= {
        "visible": True,
        "tickvals": [i * _STEP + (SIDE - 1) / 2 for i in range(len(names))],
        "ticktext": list(names),
        "ticks": "",
        "showgrid": False,
        "tickfont": {"size": TEXT_SIZE},
    }
    return build_figure([trace], layout, mode)


def _heatmap(whole: Images, limits: tuple[float, float], scale: ColourScale) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "z": whole,
        "zmin": limits[0],
        "zmax": limits[1],
        "colorscale": [list(stop) for stop in scale],
        "hoverongaps": False,
    }


def _positive(mode: Mode) -> ColourScale:
    """Empty pixels look like the first shade, not like the page, so that a tile has an edge."""
    (_zero, _nothing), (_first, colour), *rest = PALETTES[mode].forward_scale
    return ((0.0, colour), *rest)


def _signed(mode: Mode) -> ColourScale:
    """From almost the page to the ink: survives greyscale."""
    palette = PALETTES[mode]
    return ((0.0, palette.grid), (1.0, palette.ink))


def _layout(whole: Images, height: int) -> dict[str, Any]:
    rows, columns = whole.shape
    hidden = {"visible": False, "constrain": "domain", "fixedrange": True}
    return {
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "dragmode": False,
        "xaxis": {**hidden, "range": [-0.5, columns - 0.5]},
        "yaxis": {**hidden, "range": [rows - 0.5, -0.5], "scaleanchor": "x"},
    }
