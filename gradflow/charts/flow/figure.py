"""The Flow figure: the forward signal above, the gradient on its way back below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, empty_figure, make_layer_axis, make_note, name_rows
from gradflow.charts.flow.arrange import arrange_flow
from gradflow.charts.flow.axes import make_gradient_axis, make_signal_axis
from gradflow.charts.flow.columns import Order
from gradflow.charts.flow.data import FlowData, Gradient, shape_flow
from gradflow.charts.flow.factors import (
    AXIS,
    FACTORS_HEIGHT,
    draw_factors,
    make_factor_axis,
    write_factor_heading,
)
from gradflow.charts.flow.legend import draw_line_legend
from gradflow.charts.flow.names import UNNAMED, NamedAxis, name_axis
from gradflow.charts.flow.notes import has_room_for_labels, has_zeros, list_limits, write_notes
from gradflow.charts.flow.traces import draw_bands
from gradflow.charts.overlay import Overlay
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, escape
from gradflow.core.numbers import format_number
from gradflow.core.report import Report
from gradflow.core.text import _

if TYPE_CHECKING:
    from gradflow.core.teaching.initialization.factors import Factors

HEIGHT = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 44, 34, 62
_HEADER, _ZEROS, _SHORT_ZEROS, _GAP, _LINE, _TITLE = 50, 56, 34, 12, 24, 36
"""Pixels: between the bands, strip of zeros, the same above factors, gap in it, line of notes, of
a title."""
_INNER_HEIGHT = HEIGHT - _TOP - _BOTTOM
_UPPER_SHARE = 0.42
"""Share of the two bands' height that goes to the forward signal."""


def flow_figure(
    report: Report,
    *,
    mode: Mode = "light",
    gradient: Gradient | None = None,
    selected: int | None = None,
    title: str = "",
    over: Sequence[Overlay] = (),
    factors: Factors | None = None,
    order: Order = "layer",
    opened: int = 0,
) -> go.Figure:
    """Draw signal and gradient through the network, one column per layer, layer 1 at the left.

    Upper band: the distribution of the activations a_l over batch and units. Lower band: the
    distribution of log10|g| over the entries g of the chosen gradient, with its RMS,
    √(mean g²), as a line. In each column the shade is the share of the layer's entries per row,
    relative to its fullest row (to the power 0.65); exact zeros of a gradient stand in a strip of
    their own (share of the layer's entries), NaN and infinite entries are crosses at the top,
    entries outside the axis triangles at its edge. Gradients are those of the loss as reduced,
    not rescaled.

    Args:
        report: the run to draw.
        mode: for a light or a dark page; the figure's own background is transparent.
        gradient: quantity of the lower band: ``delta`` ∂L/∂z, ``activation_grad`` ∂L/∂a or
            ``weight_grad`` ∂L/∂W. By default ∂L/∂z, and of a residual stream ∂L/∂a.
        selected: the layer to outline, if any.
        title: shown above the bands if not empty.
        over: overlays: theory (dashed, with its finite-width band; in the upper band as mean ±
            standard deviation) and the spread over other seeds.
        factors: the factor of each layer, in a third band, if given.
        order: ``layer``: all layers in order of execution; ``kind``: those of one kind beside each
            other, from the first block to the last; ``fold``: a column per block, which pools the
            entries of its layers. Names of blocks and kinds stand below the columns.
        opened: of folded blocks the number of one, from 1, that shows its layers.

    Each layer has an invisible point with ``customdata`` = layer that answers hover and clicks in
    the whole column.
    """
    if gradient is None:
        gradient = "activation_grad" if report.rows == "block" else "delta"
    flow = shape_flow(report, gradient, over)
    if flow is None:
        return empty_figure(_("Nothing was recorded: no signal and no gradient to show"), mode=mode)
    names = name_axis(report, order, opened)
    if names.columns is not None:
        flow = arrange_flow(flow, names.columns, report)
    return draw_flow(flow, mode=mode, selected=selected, title=title, factors=factors, names=names)


def draw_flow(
    flow: FlowData,
    *,
    mode: Mode = "light",
    selected: int | None = None,
    title: str = "",
    factors: Factors | None = None,
    names: NamedAxis = UNNAMED,
) -> go.Figure:
    """Draw the numbers of :func:`shape_flow`, with ``names`` below the columns."""
    frame = _arrange_bands(flow, has_factors=factors is not None)
    notes = write_notes(flow, has_strip=frame.has_strip)
    head = _TITLE if title else 0
    below = _BOTTOM + names.room
    foot = _LINE * len(notes) + below - _BOTTOM
    legend = draw_line_legend(flow, frame.lower[1], mode)
    first = int(flow.layers[0])
    data = draw_bands(flow, mode, strip=frame.has_strip, first=first)
    layout: dict[str, Any] = {
        "height": HEIGHT + head + foot,
        "margin": {"l": _LEFT, "r": _RIGHT, "t": _TOP + head, "b": _BOTTOM + foot},
        "hovermode": "x unified",
        "hoverdistance": 10_000,  # a column can be wider than the usual 20 px
        "dragmode": False,
        "showlegend": False,
        "bargap": 0,
        "barmode": "overlay",
        "xaxis": make_layer_axis(
            int(flow.layers[-1]),
            first=first,
            anchor="y3" if frame.has_strip else "y2",
            title={"text": name_rows(flow.rows, first)[0]},
            unifiedhovertitle={"text": f"<b>{name_rows(flow.rows)[1]} %{{x}}</b>"},
            spikecolor=PALETTES[mode].muted,
            spikethickness=1,
        ),
        "yaxis": {**make_signal_axis(flow.forward.grid, flow.signal), "domain": frame.upper},
        "yaxis2": {**make_gradient_axis(flow.backward.grid, flow.symbol), "domain": frame.lower},
        "annotations": [
            *_write_texts(flow, frame, notes, below, mode),
            *legend.texts,
        ],
        "shapes": [*_draw_shapes(flow, mode, selected), *legend.shapes],
    }
    names.label(layout, mode)
    if frame.has_strip:
        layout["yaxis3"] = {
            "domain": frame.zeros,
            "range": [0, 100],
            "tickvals": [0, 100],
            "ticktext": ["0", "100%"],
            "showgrid": True,
            "anchor": "x",
        }
    if factors is not None:
        data += draw_factors(factors, mode)
        layout["yaxis4"] = make_factor_axis(factors, frame.factors)
        layout["xaxis"]["anchor"] = AXIS
        layout["annotations"].append(write_factor_heading(frame.factors[1], mode))
    if title:
        layout["title"] = {"text": escape(title), "y": 0.985, "yanchor": "top"}
    return build_figure(data, layout, mode)


@dataclass(frozen=True)
class _Frame:
    """Extent of the bands in shares of the inner height.

    What is not drawn has none: ``zeros``, the strip of zeros, and the band of factors.
    """

    upper: tuple[float, float]
    lower: tuple[float, float]
    zeros: tuple[float, float]
    factors: tuple[float, float]

    @property
    def has_strip(self) -> bool:
        """Whether there is a strip of zeros."""
        return self.zeros[1] > self.zeros[0]


def _arrange_bands(flow: FlowData, *, has_factors: bool) -> _Frame:
    header = _HEADER / _INNER_HEIGHT
    factors = FACTORS_HEIGHT / _INNER_HEIGHT if has_factors else 0.0
    low = factors + 0.8 * header if has_factors else 0.0
    # Above a band of factors only what leaves nothing to draw is worth the room.
    enough = bool((flow.backward.zeros == 1).any()) if has_factors else has_zeros(flow)
    zeros = (_SHORT_ZEROS if has_factors else _ZEROS) / _INNER_HEIGHT
    strip = zeros - _GAP / _INNER_HEIGHT if enough else 0.0
    bottom = low + (zeros if enough else 0.0)
    middle = bottom + (1 - header - bottom) * (1 - _UPPER_SHARE)
    return _Frame((middle + header, 1.0), (bottom, middle), (low, low + strip), (0.0, factors))


def _write_texts(
    flow: FlowData, frame: _Frame, notes: list[str], below: int, mode: Mode
) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    forward = {"size": TITLE_SIZE, "color": palette.forward}
    backward = {"size": TITLE_SIZE, "color": palette.backward}
    small = {"size": TEXT_SIZE - 1, "color": palette.muted}
    loss = _("loss") + (f" {format_number(flow.loss)}")
    shade = (
        _("darker: more of the {row}’s entries")
        if mode == "light"
        else _("brighter: more of the {row}’s entries")
    ).format(row=name_rows(flow.rows)[1])
    # At the right end Plotly's toolbar appears under the mouse, so both stand at the left.
    explanation = f"<span style='font-size:{TEXT_SIZE - 1}px;color:{palette.muted}'>{shade}</span>"
    texts = [
        make_note(
            f"<b>{_('forward signal')} →</b>&nbsp;&nbsp;&nbsp;{explanation}",
            0,
            frame.upper[1],
            font=forward,
        ),
        make_note(
            f"<b>← {_('gradient on its way back')}</b>",
            1,
            frame.lower[1],
            xanchor="right",
            font=backward,
        ),
        make_note(
            f"→ {loss} →",
            1,
            (frame.upper[0] + frame.lower[1]) / 2,
            textangle=90,
            xshift=14,
            yanchor="middle",
            font={"size": TEXT_SIZE, "color": palette.ink},
        ),
    ]
    if frame.has_strip:
        texts.append(
            make_note(
                _("zeros"),
                0,
                sum(frame.zeros) / 2,
                xanchor="right",
                yanchor="middle",
                xshift=-58,
                font=small,
                textangle=-90,
            )
        )
    # On the upper line and below the lower one, so that in a low band they do not meet.
    limits = list_limits(flow) if has_room_for_labels(flow) else []
    for (exponent, name), anchor in zip(limits, ("middle", "top"), strict=False):
        place = {"yref": "y2", "yanchor": anchor, "xshift": 2}
        texts.append(make_note(name, 0, exponent, font=small, bgcolor=palette.page, **place))
    for i, text in enumerate(notes):
        texts.append(
            make_note(
                text,
                0,
                0,
                yanchor="top",
                yshift=-(below + _LINE * i),
                font=small,
                align="left",
            )
        )
    return texts


def _draw_shapes(flow: FlowData, mode: Mode, selected: int | None) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    shapes: list[dict[str, Any]] = [
        {
            "type": "line",
            "xref": "paper",
            "yref": "y2",
            "x0": 0,
            "x1": 1,
            "y0": exponent,
            "y1": exponent,
            "line": {"color": palette.muted, "width": 1.5, "dash": "dash"},
        }
        for exponent, _name in list_limits(flow)
    ]
    if selected is not None and selected in flow.choices:
        place = int(flow.layers[flow.choices == selected][0])
        shapes.append(
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": place - 0.5,
                "x1": place + 0.5,
                "y0": 0,
                "y1": 1,
                "line": {"color": palette.ink, "width": 3},
            }
        )
    return shapes
