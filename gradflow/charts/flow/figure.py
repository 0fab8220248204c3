"""The Flow figure: the forward signal above, the gradient on its way back below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, empty_figure, make_layer_axis, make_note, name_rows
from gradflow.charts.flow.axes import make_gradient_axis, make_signal_axis
from gradflow.charts.flow.data import FlowData, Gradient, shape_flow
from gradflow.charts.flow.legend import draw_line_legend
from gradflow.charts.flow.traces import draw_bands
from gradflow.charts.overlay import Overlay
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, escape
from gradflow.core.numbers import format_number
from gradflow.core.report import Report
from gradflow.core.text import _

HEIGHT = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 44, 34, 62
_HEADER, _ZEROS, _GAP, _LINE, _TITLE = 50, 56, 12, 24, 36
"""Pixels: between the bands, strip of zeros, gap in it, per line of notes, of a title."""
_INNER_HEIGHT = HEIGHT - _TOP - _BOTTOM
_UPPER_SHARE = 0.42
"""Share of the two bands' height that goes to the forward signal."""


def flow_figure(
    report: Report,
    *,
    mode: Mode = "light",
    gradient: Gradient = "delta",
    selected: int | None = None,
    title: str = "",
    over: Sequence[Overlay] = (),
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
            ``weight_grad`` ∂L/∂W.
        selected: the layer to outline, if any.
        title: shown above the bands if not empty.
        over: overlays: theory (dashed, with its finite-width band; in the upper band as mean ±
            standard deviation) and the spread over other seeds.

    Each layer has an invisible point with ``customdata`` = layer that answers hover and clicks in
    the whole column.
    """
    flow = shape_flow(report, gradient, over)
    if flow is None:
        return empty_figure(_("Nothing was recorded: no signal and no gradient to show"), mode=mode)
    return draw_flow(flow, mode=mode, selected=selected, title=title)


def draw_flow(
    flow: FlowData, *, mode: Mode = "light", selected: int | None = None, title: str = ""
) -> go.Figure:
    """Draw the numbers of :func:`shape_flow`."""
    notes = _write_notes(flow)
    frame = _arrange_bands(flow)
    head = _TITLE if title else 0
    foot = _LINE * len(notes)
    legend = draw_line_legend(flow, frame.lower[1], mode)
    first = int(flow.layers[0])
    data = draw_bands(flow, mode, strip=frame.strip > 0, first=first)
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
            anchor="y3" if frame.strip else "y2",
            title={"text": name_rows(flow.rows, first)[0]},
            unifiedhovertitle={"text": f"<b>{name_rows(flow.rows)[1]} %{{x}}</b>"},
            spikecolor=PALETTES[mode].muted,
            spikethickness=1,
        ),
        "yaxis": {**make_signal_axis(flow.forward.grid, flow.signal), "domain": frame.upper},
        "yaxis2": {**make_gradient_axis(flow.backward.grid, flow.symbol), "domain": frame.lower},
        "annotations": [*_write_texts(flow, frame, notes, mode), *legend.texts],
        "shapes": [*_draw_shapes(flow, mode, selected), *legend.shapes],
    }
    if frame.strip:
        layout["yaxis3"] = {
            "domain": (0.0, frame.strip),
            "range": [0, 100],
            "tickvals": [0, 100],
            "ticktext": ["0", "100%"],
            "showgrid": True,
            "anchor": "x",
        }
    if title:
        layout["title"] = {"text": escape(title), "y": 0.985, "yanchor": "top"}
    return build_figure(data, layout, mode)


@dataclass(frozen=True)
class _Frame:
    """Extent of the bands in shares of the inner height; ``strip`` 0: no strip of zeros."""

    upper: tuple[float, float]
    lower: tuple[float, float]
    strip: float


def _arrange_bands(flow: FlowData) -> _Frame:
    zeros = _ZEROS / _INNER_HEIGHT if _has_zeros(flow) else 0.0
    header = _HEADER / _INNER_HEIGHT
    middle = zeros + (1 - header - zeros) * (1 - _UPPER_SHARE)
    strip = max(0.0, zeros - _GAP / _INNER_HEIGHT)
    return _Frame((middle + header, 1.0), (zeros, middle), strip)


def _has_zeros(flow: FlowData) -> bool:
    return bool(flow.backward.zeros.max(initial=0.0) > 0)


def _write_texts(
    flow: FlowData, frame: _Frame, notes: list[str], mode: Mode
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
    if frame.strip:
        texts.append(
            make_note(
                _("zeros"),
                0,
                frame.strip / 2,
                xanchor="right",
                yanchor="middle",
                xshift=-58,
                font=small,
                textangle=-90,
            )
        )
    # On the upper line and below the lower one, so that in a low band they do not meet.
    limits = _list_limits(flow) if _has_room_for_labels(flow) else []
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
                yshift=-(_BOTTOM + _LINE * i),
                font=small,
                align="left",
            )
        )
    return texts


def _list_limits(flow: FlowData) -> list[tuple[float, str]]:
    limits = [
        (flow.smallest_normal, _("smallest normal number")),
        (flow.smallest, _("smallest number")),
    ]
    return [
        (exponent, f"{name}, {format_number(10**exponent, 2)}")
        for exponent, name in limits
        if not math.isnan(exponent)
    ]


def _has_room_for_labels(flow: FlowData) -> bool:
    """Whether the left third of the lower band is empty where the limits are labelled."""
    band = flow.backward
    left = band.share[:, : max(1, round(len(flow.layers) / 3))]
    for exponent, _name in _list_limits(flow):
        row = int((exponent - band.grid.low) / band.grid.step)
        reach = band.grid.rows // 12
        if left[max(row - reach, 0) : max(row + reach, 0)].any():
            return False
    return True


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
        for exponent, _name in _list_limits(flow)
    ]
    if selected is not None and selected in flow.layers:
        shapes.append(
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": selected - 0.5,
                "x1": selected + 0.5,
                "y0": 0,
                "y1": 1,
                "line": {"color": palette.ink, "width": 3},
            }
        )
    return shapes


def _write_notes(flow: FlowData) -> list[str]:
    """Explain the marks that occur in the figure, one line each."""
    lines = []
    row = name_rows(flow.rows)[1]
    bands = (flow.forward, flow.backward)
    if any((b.nonfinite > 0).any() for b in bands):
        lines.append(_("✕ some entries of the {row} are NaN or infinite").format(row=row))
    if any(b.too_high.any() or b.too_low.any() for b in bands):
        lines.append(_("▲▼ part of the {row} lies beyond the axis").format(row=row))
    if not _has_room_for_labels(flow):
        lines.append("╌ " + "; ".join(name for _place, name in _list_limits(flow)))
    if flow.forward.grid.kind == "symlog":
        lines.append(
            _("activation axis: linear up to about ±{value}, logarithmic beyond").format(
                value=format_number(flow.forward.grid.threshold)
            )
        )
    if _has_zeros(flow):
        lines.append(
            _("zeros: entries that are exactly 0 (unit off, or underflow below {value})").format(
                value=format_number(flow.format_floor, 2)
            )
        )
    return lines
