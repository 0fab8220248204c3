"""Many small images as one heatmap: weights of hidden units, and reconstructions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, empty_figure
from gradflow.charts.theme import PALETTES, TEXT_SIZE, ColourScale, Mode
from gradflow.core.numbers import format_number
from gradflow.core.text import _

Images = npt.NDArray[np.float32]

SIDE = 8
"""Pixels along the side of an image."""
TILE_COLUMNS = 16
"""Images in a row."""
_TILE_STEP = SIDE + 1
_TILE_HEIGHT = 62
_REACH_PERCENTILE = 98


def features_figure(
    features: Images, *, reach: float | None = None, mode: Mode = "light"
) -> go.Figure:
    """Draw the weights from the pixels to every hidden unit, a tile of 8×8 per unit.

    All tiles share one scale, from −reach over 0 in the middle to reach.

    Args:
        features: ``(units, 64)``.
        reach: the end of the scale, by default :func:`measure_reach` the features.
        mode: for a light or a dark page.
    """
    if not len(features) or not np.isfinite(features).all():
        return empty_figure(_("The weights are not finite: there is nothing to see"), mode=mode)
    reach = measure_reach(features) if reach is None else reach
    whole = tile_images(features)
    units = np.repeat(np.arange(1, len(features) + 1, dtype=np.float32)[:, None], SIDE**2, axis=1)
    palette = PALETTES[mode]
    trace = _draw_heatmap(whole, (-reach, reach), _make_signed_scale(mode)) | {
        "customdata": tile_images(units),
        "hovertemplate": _("unit %{customdata:.0f}: weight %{z:.3g}") + "<extra></extra>",
        "showscale": True,
        "colorbar": {
            "thickness": 12,
            "tickvals": [-reach, 0, reach],
            "ticktext": [format_number(-reach, 2), "0", format_number(reach, 2)],
            "outlinecolor": palette.muted,
        },
    }
    rows = -(-len(features) // TILE_COLUMNS)
    layout = _lay_out(whole, _TILE_HEIGHT * rows + 50)
    layout["margin"]["t"] = 40  # the colour bar stays clear of the buttons
    layout["meta"] = _describe_tiles(whole)
    return build_figure([trace], layout, mode)


def measure_reach(features: Images) -> float:
    """Find the size below which 98% of the weights lie; 1 if there is none."""
    finite = np.abs(features[np.isfinite(features)])
    return float(np.percentile(finite, _REACH_PERCENTILE)) or 1.0 if len(finite) else 1.0


def reconstructions_figure(
    originals: Images, reconstructions: Images, names: Sequence[str], *, mode: Mode = "light"
) -> go.Figure:
    """Draw originals in the first row, and below it their reconstructions, a row per depth.

    Args:
        originals: ``(images, 64)``, pixels in [0, 1].
        reconstructions: ``(rows, images, 64)``.
        names: of all rows, that of the originals first.
        mode: for a light or a dark page.
    """
    count = len(originals)
    rows = np.concatenate([originals[None], reconstructions]).reshape(-1, SIDE**2)
    whole = tile_images(rows, count)
    trace = _draw_heatmap(whole, (0.0, 1.0), _make_positive_scale(mode)) | {
        "hovertemplate": _("pixel %{z:.2f}") + "<extra></extra>",
        "showscale": False,
    }
    return build_figure([trace], _lay_out_named(whole, names), mode)


def unit_rows_figure(rows: Images, names: Sequence[str], *, mode: Mode = "light") -> go.Figure:
    """Draw the weights from the pixels to every hidden unit of several networks, a row for each.

    A row has a scale of its own, from minus the size below which 98% of its weights lie to plus
    that; 0 is in the middle.

    Args:
        rows: ``(networks, units, 64)``.
        names: of the rows.
        mode: for a light or a dark page.
    """
    reaches = np.array([measure_reach(row) for row in rows], np.float32)
    scaled = (rows / reaches[:, None, None]).astype(np.float32)
    whole = tile_images(scaled.reshape(-1, SIDE**2), rows.shape[1])
    trace = _draw_heatmap(whole, (-1.0, 1.0), _make_signed_scale(mode)) | {
        "hovertemplate": _("%{z:.2f} of the row’s largest weight") + "<extra></extra>",
        "showscale": False,
    }
    return build_figure([trace], _lay_out_named(whole, names), mode)


def tile_images(images: Images, columns: int = TILE_COLUMNS) -> Images:
    """Put images ``(n, 64)`` row by row into one array, one entry of NaN between neighbours."""
    rows = -(-len(images) // columns)
    columns = min(columns, len(images))
    tiles = np.full((rows * columns, _TILE_STEP, _TILE_STEP), np.nan, np.float32)
    tiles[: len(images), :SIDE, :SIDE] = images.reshape(-1, SIDE, SIDE)
    whole = tiles.reshape(rows, columns, _TILE_STEP, _TILE_STEP).swapaxes(1, 2)
    return whole.reshape(rows * _TILE_STEP, columns * _TILE_STEP)[:-1, :-1]


def _draw_heatmap(whole: Images, limits: tuple[float, float], scale: ColourScale) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "z": whole,
        "zmin": limits[0],
        "zmax": limits[1],
        "colorscale": [list(stop) for stop in scale],
        "hoverongaps": False,
    }


def _make_positive_scale(mode: Mode) -> ColourScale:
    """Start at the first shade, not at the page's, so that a tile of empty pixels has an edge."""
    (_zero, _nothing), (_first, colour), *rest = PALETTES[mode].forward_scale
    return ((0.0, colour), *rest)


def _make_signed_scale(mode: Mode) -> ColourScale:
    """Run from almost the page to the ink, which survives greyscale."""
    palette = PALETTES[mode]
    return ((0.0, palette.grid), (1.0, palette.ink))


def _describe_tiles(whole: Images, *, named: bool = False) -> dict[str, Any]:
    """Say how tiles are arranged, so that a browser can put fewer of them in a row."""
    rows, columns = ((size + 1) // _TILE_STEP for size in whole.shape)
    return {"tiles": {"step": _TILE_STEP, "rows": rows, "columns": columns, "named": named}}


def _lay_out_named(whole: Images, names: Sequence[str]) -> dict[str, Any]:
    """Lay out rows of tiles with a name at the left of each."""
    layout = _lay_out(whole, 68 * len(names) + 20)
    layout["margin"]["l"] = 190
    layout["meta"] = _describe_tiles(whole, named=True)
    layout["yaxis"] |= {
        "visible": True,
        "tickvals": [i * _TILE_STEP + (SIDE - 1) / 2 for i in range(len(names))],
        "ticktext": list(names),
        "ticks": "",
        "showgrid": False,
        "tickfont": {"size": TEXT_SIZE},
    }
    return layout


def _lay_out(whole: Images, height: int) -> dict[str, Any]:
    """Lay out square pixels, row 0 at the top, without axes."""
    rows, columns = whole.shape
    hidden = {"visible": False, "constrain": "domain", "fixedrange": True}
    return {
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "dragmode": False,
        "xaxis": {**hidden, "range": [-0.5, columns - 0.5]},
        "yaxis": {**hidden, "range": [rows - 0.5, -0.5], "scaleanchor": "x"},
    }
