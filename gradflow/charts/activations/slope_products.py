"""Products of the slopes of many layers, with their bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, build_figure, make_layer_axis, make_legend, make_note
from gradflow.charts.series import Scale, Series, draw_series, has_marks
from gradflow.charts.theme import PALETTES, TEXT_SIZE, Mode, fade, list_styles
from gradflow.core.numbers import format_power
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.slope_products import SlopeProducts

SMALLEST_FLOAT32 = 2.0**-149
"""The smallest subnormal number, 1.4·10⁻⁴⁵."""


def slope_products_figure(products: SlopeProducts, *, mode: Mode = "light") -> go.Figure:
    """Draw the bound Mⁿ, and median and middle 80% of the chains' products, on a log axis over n.

    Args:
        products: bound, and percentiles 10, 50 and 90 over the chains, for every n.
        mode: for a light or a dark page.
    """
    layers = np.arange(1.0, len(products.bound) + 1)
    series = [
        Series(_("bound Mⁿ"), layers, products.bound),
        Series(_("Π |φ′|, median of the chains"), layers, products.slopes[1]),
        Series(_("Π |w·φ′|, median of the chains"), layers, products.factors[1]),
    ]
    # The bands do not count: percentiles near 0 would stretch the axis without end.
    scale = Scale.fit(series, log=True)
    _bound, slopes, factors = list_styles(mode)[:3]
    data = [
        *_draw_band(layers, products.slopes, scale, slopes.colour),
        *_draw_band(layers, products.factors, scale, factors.colour),
        *draw_series(series, scale, mode),
    ]
    annotations, shapes = _draw_float32_limit(scale, mode)
    zeros, broken = has_marks(series, scale)
    marks = [_("▽ exactly 0")] * zeros + [_("✕ infinite, beyond 1.8·10³⁰⁸")] * broken
    if marks:
        small = {"size": TEXT_SIZE - 1, "color": PALETTES[mode].muted}
        annotations.append(make_note("   ".join(marks), 1, 1.02, xanchor="right", font=small))
    layout: dict[str, Any] = {
        "height": 440,
        "margin": {"l": 84, "r": 24, "t": 60, "b": 56},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": make_layer_axis(
            len(layers),
            title={"text": _("layers n")},
            unifiedhovertitle={"text": f"<b>{_('layers')} %{{x}}</b>"},
        ),
        "yaxis": scale.make_axis(_("product of n factors")),
        "shapes": shapes,
        "annotations": annotations,
    }
    return build_figure(data, layout, mode)


def _draw_band(
    layers: FloatArray, percentiles: FloatArray, scale: Scale, colour: str
) -> list[dict[str, Any]]:
    """Fill the area between the outer two percentiles as far as the axis reaches."""
    low, _median, high = percentiles
    low = np.where(low > 0, scale.to_axis(low), scale.low)
    high = np.where(np.isinf(high), scale.high, scale.to_axis(high))
    low, high = np.clip(low, scale.low, None), np.clip(high, None, scale.high)
    known = np.isfinite(high) & (high > low)
    if not known.any():
        return []
    x, low, high = layers[known], low[known], high[known]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "band",
            "showlegend": False,
            "hoverinfo": "skip",
            "fill": "toself",
            "fillcolor": fade(colour, 0.2),
            "line": {"width": 0, "color": colour},
            "x": np.concatenate([x, x[::-1]]),
            "y": np.concatenate([low, high[::-1]]),
        }
    ]


def _draw_float32_limit(
    scale: Scale, mode: Mode
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Draw the line below which float32 holds nothing but 0: its note and its shape.

    Both are empty where the axis does not reach the line.
    """
    height = float(np.log10(SMALLEST_FLOAT32))
    if not scale.low < height < scale.high:
        return [], []
    alarm = PALETTES[mode].alarm
    line = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": height,
        "y1": height,
        "line": {"color": alarm, "width": 2, "dash": "dot"},
    }
    text = _("float32 ends at 1.4·{power}: below, the gradient is exactly 0").format(
        power=format_power(-45)
    )
    look = {"font": {"color": alarm, "size": TEXT_SIZE - 1}, "bgcolor": PALETTES[mode].panel}
    return [make_note(text, 0.99, height, yref="y", xanchor="right", opacity=0.9, **look)], [line]
