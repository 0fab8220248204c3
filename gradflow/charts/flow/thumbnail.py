"""A Flow figure without Plotly: both bands and the RMS line, as an SVG of a few kB."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gradflow.charts.figure import FloatArray
from gradflow.charts.flow.data import Band, FlowData, Gradient, shape_flow
from gradflow.charts.theme import PALETTES, ColourScale, Mode
from gradflow.core.report import Report

Extent = tuple[float, float]
WIDTH, HEIGHT = 150, 84
"""Of the picture, in pixels of the page."""


class Canvas(NamedTuple):
    """Where the parts of the picture are, in pixels from the top.

    Attributes:
        width: of the bands.
        forward, backward: top and bottom of the bands.
        strip: height of the strip of exact zeros at the bottom, if there are any.
    """

    width: float
    forward: Extent
    backward: Extent
    strip: float


_SMALL = Canvas(WIDTH, (1.0, 32.0), (38.0, 83.0), 10.0)
_SHADES = 16


def thumbnail_svg(report: Report, *, mode: Mode = "light", gradient: Gradient = "delta") -> str:
    """Draw signal and gradient through the network, as the Flow figure does, without any words.

    Args:
        report: the run to draw.
        mode: for a light or a dark page; the background is transparent.
        gradient: quantity of the lower band.

    Returns:
        An SVG of 150 × 84 pixels; a report without anything to draw gives an empty one.
    """
    flow = shape_flow(report, gradient)
    parts = draw_parts(flow, _SMALL, mode) if flow is not None else []
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="none" width="{WIDTH}" height="{HEIGHT}">{"".join(parts)}</svg>'
    )


def draw_parts(flow: FlowData, canvas: Canvas, mode: Mode) -> list[str]:
    """Draw the elements of the picture."""
    palette, width = PALETTES[mode], canvas.width
    lower = find_lower_band(flow, canvas)
    has_zeros = lower != canvas.backward
    bottom, strip = canvas.backward[1], canvas.strip
    zeros = flow.backward.zeros
    return [
        _draw_band(flow.forward, canvas.forward, width, palette.forward_scale),
        _draw_band(flow.backward, lower, width, palette.backward_scale),
        *(_draw_zeros(zeros, bottom, strip, width, palette.muted) if has_zeros else ()),
        *_draw_nonfinite(flow.forward, canvas.forward, width, palette.alarm),
        *_draw_nonfinite(flow.backward, lower, width, palette.alarm),
        *_draw_rms(flow, lower, width, mode),
    ]


def find_lower_band(flow: FlowData, canvas: Canvas) -> Extent:
    """Find top and bottom of the backward band, which leaves room for exact zeros."""
    top, bottom = canvas.backward
    has_zeros = bool(flow.backward.zeros.max(initial=0.0) > 0)
    return (top, bottom - canvas.strip - 2) if has_zeros else (top, bottom)


def _draw_band(band: Band, extent: Extent, across: float, scale: ColourScale) -> str:
    shades = np.ceil(band.shade[::-1] * ((_SHADES - 1) / 255)).astype(np.uint8)  # the top row first
    colours = [_pick_colour(scale, i / (_SHADES - 1)) for i in range(_SHADES)]
    data = base64.b64encode(_encode_png(shades, colours)).decode()
    top, bottom = extent
    return (
        f'<image y="{top:g}" width="{across:g}" height="{bottom - top:g}" '
        'preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


def _pick_colour(scale: ColourScale, position: float) -> bytes:
    """Pick red, green and blue of a scale, whose first stop is for what is empty."""
    stops, colours = zip(*scale[1:], strict=True)
    channels = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours])
    return bytes(round(float(np.interp(position, stops, channel))) for channel in channels.T)


def _encode_png(pixels: npt.NDArray[np.uint8], colours: list[bytes]) -> bytes:
    """Encode an image of up to 16 colours, of which the first is transparent."""
    height, width = pixels.shape
    even = np.pad(pixels, ((0, 0), (0, width % 2)))
    packed = even[:, ::2] << 4 | even[:, 1::2]
    lines = np.pad(packed, ((0, 0), (1, 0))).tobytes()  # each begins with 0: no filter
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)),
        (b"PLTE", b"".join(colours)),
        (b"tRNS", b"\0"),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def _draw_zeros(
    zeros: FloatArray, bottom: float, strip: float, across: float, colour: str
) -> list[str]:
    """Draw the share of exact zeros of each layer as a bar."""
    step = across / len(zeros)
    bars = [
        f"M{i * step:.1f} {bottom:g}h{0.8 * step:.1f}v{-strip * share:.1f}h{-0.8 * step:.1f}z"
        for i, share in enumerate(zeros)
        if share > 0
    ]
    return [f'<path fill="{colour}" d="{"".join(bars)}"/>']


def _draw_nonfinite(band: Band, extent: Extent, across: float, colour: str) -> list[str]:
    """Draw a cross over each layer with NaN or infinite entries, and tint those with no others."""
    top, bottom = extent
    step = across / len(band.nonfinite)
    reach = min(0.3 * step, 3.0)
    crosses, tints = "", ""
    for i, share in enumerate(band.nonfinite):
        if share > 0:
            x, y = (i + 0.5) * step - reach, top + 1
            side = 2 * reach
            crosses += (
                f"M{x:.1f} {y:.1f}l{side:.1f} {side:.1f}m0 {-side:.1f}l{-side:.1f} {side:.1f}"
            )
        if share > 0.999:
            tints += f"M{i * step:.1f} {top:g}h{step:.1f}V{bottom:g}h{-step:.1f}z"
    return [
        *([f'<path fill="{colour}" fill-opacity="0.18" d="{tints}"/>'] if tints else ()),
        *([f'<path fill="none" stroke="{colour}" d="{crosses}"/>'] if crosses else ()),
    ]


def _draw_rms(flow: FlowData, extent: Extent, across: float, mode: Mode) -> list[str]:
    """Draw the RMS line on its casing, interrupted where there is no number."""
    grid, (top, bottom) = flow.backward.grid, extent
    x = (np.arange(len(flow.rms)) + 0.5) * (across / len(flow.rms))
    y = bottom - (flow.rms - grid.low) / (grid.high - grid.low) * (bottom - top)
    path, pen = "", "M"
    for at, height in zip(x, y, strict=True):
        if np.isnan(height):
            pen = "M"
            continue
        path += f"{pen}{at:.2f} {height:.2f}"
        pen = "L"
    looks = ((PALETTES[mode].page, 4), (PALETTES[mode].ink, 1.8))
    return [
        f'<path class="rms" fill="none" stroke="{colour}" stroke-width="{width}" '
        f'stroke-linecap="round" stroke-linejoin="round" d="{path}"/>'
        for colour, width in (looks if path else ())
    ]
