"""The Flow figure: the signal on its way forward above, the gradient on its way back below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from gradflow.charts.figure import build_figure, empty_figure, make_layer_axis, make_note, name_rows
from gradflow.charts.flow.data import Flow, Gradient, shape_flow
from gradflow.charts.flow.legend import line_legend
from gradflow.charts.flow.traces import (
    hatching,
    heatmap,
    marks,
    overlays,
    rms,
    targets,
    theory_on_top,
    zero_bars,
)
from gradflow.charts.overlay import Overlay
from gradflow.charts.rebin import Grid
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, escape, format_number
from gradflow.core.report import Report
from gradflow.core.text import _

HEIGHT = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 44, 34, 62
_HEADER, _ZEROS, _GAP, _LINE, _TITLE = 50, 56, 12, 24, 36
"""Pixels: between the bands, strip of zeros, gap in it, per line of notes, of a title."""
_INNER = HEIGHT - _TOP - _BOTTOM
_UPPER = 0.42
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
    """Signal and gradient through the network, one column per layer, layer 1 at the left.

    Upper band: the distribution of the activations a_l over batch and units. Lower band: the
    distribution of log10|g| over the entries g of the chosen gradient, with its RMS,
    √(mean g²), as a line. In each column the shade is the share of the layer's entries per row,
    relative to its fullest row (to the power 0.65); exact zeros of a gradient stand in a strip of
    their own (share of the layer's entries), NaN and infinite entries are crosses at the top,
    entries outside the axis triangles at its edge. Gradients are those of the loss as reduced,
    not rescaled.

    Args:
        report: what to draw.
        mode: for a light or a dark page; the figure's own background is transparent.
        gradient: quantity of the lower band: ``delta`` ∂L/∂z, ``activation_grad`` ∂L/∂a or
            ``weight_grad`` ∂L/∂W.
        selected: the layer to outline, if any.
        title: shown above the bands if not empty.
        over: theory (dashed, with its finite-width band; above as mean ± standard deviation)
            and the spread over other seeds.

    Each layer has an invisible point with ``customdata`` = layer that answers hover and clicks in
    the whole column (``st.plotly_chart(..., on_select="rerun")``).
    """
    flow = shape_flow(report, gradient, over)
    if flow is None:
        return empty_figure(_("Nothing was recorded: no signal and no gradient to show"), mode=mode)
    return draw_flow(flow, mode=mode, selected=selected, title=title)


def draw_flow(
    flow: Flow, *, mode: Mode = "light", selected: int | None = None, title: str = ""
) -> go.Figure:
    """Draw what :func:`shape_flow` returned.

    First the points that catch hover and clicks (Plotly selects the nearest trace under the
    cursor; heatmaps cannot be selected, and bars rank behind them), then the heatmaps,
    theory and other seeds, the RMS line on its casing, marks.
    """
    notes = _notes(flow)
    frame = _frame(flow)
    palette = PALETTES[mode]
    head = _TITLE if title else 0
    foot = _LINE * len(notes)
    legend = line_legend(flow, frame.lower[1], mode)
    first = int(flow.layers[0])
    data = [
        targets(flow, flow.forward, "y"),
        targets(flow, flow.backward, "y2"),
        *([zero_bars(flow, mode)] if frame.strip else []),
        heatmap(flow.forward, "y", palette.forward_scale, first),
        heatmap(flow.backward, "y2", palette.backward_scale, first),
        *hatching(flow, flow.forward, "y", mode),
        *hatching(flow, flow.backward, "y2", mode),
        *overlays(flow, mode),
        *rms(flow, mode),
        *theory_on_top(flow, mode),
        *marks(flow, mode),
    ]
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
            spikecolor=palette.muted,
            spikethickness=1,
        ),
        "yaxis": {**_signal_axis(flow), "domain": frame.upper},
        "yaxis2": {**_gradient_axis(flow), "domain": frame.lower},
        "annotations": [*_texts(flow, frame, notes, mode), *legend.texts],
        "shapes": [*_shapes(flow, mode, selected), *legend.shapes],
    }
    if frame.strip:
        layout["yaxis3"] = {
            "domain": (0.0, frame.strip),
            "range": [0, 100],
            "tickvals": [0, 100],
            "ticktext": ["0", "100 %"],
            "showgrid": True,
            "anchor": "x",
        }
    if title:
        layout["title"] = {"text": escape(title), "y": 0.985, "yanchor": "top"}
    return build_figure(data, layout, mode)


@dataclass(frozen=True)
class _Frame:
    """Where the bands lie, as shares of the inner height; ``strip`` 0: no strip of zeros."""

    upper: tuple[float, float]
    lower: tuple[float, float]
    strip: float


def _frame(flow: Flow) -> _Frame:
    zeros = _ZEROS / _INNER if _has_zeros(flow) else 0.0
    header = _HEADER / _INNER
    middle = zeros + (1 - header - zeros) * (1 - _UPPER)
    return _Frame((middle + header, 1.0), (zeros, middle), max(0.0, zeros - _GAP / _INNER))


def _has_zeros(flow: Flow) -> bool:
    return bool(flow.backward.zeros.max(initial=0.0) > 0)


def _signal_axis(flow: Flow) -> dict[str, Any]:
    grid = flow.forward.grid
    axis: dict[str, Any] = {
        "range": (grid.low, grid.high),
        "title": {"text": flow.signal},
        "nticks": 6,
        "zeroline": False,
        "anchor": "x",
    }
    if grid.kind == "symlog":
        values = _symlog_ticks(grid)
        axis["tickvals"] = [grid.to_axis(v) for v in values]
        axis["ticktext"] = [_tick(v) for v in values]
    return axis


def _symlog_ticks(grid: Grid) -> list[float]:
    """0 and powers of ten, at most about four a side."""
    ticks = [0.0]
    first = round(math.log10(grid.threshold))
    decades = max(abs(grid.low), abs(grid.high))
    step = max(1, math.ceil(decades / 4))
    for sign, reach in ((1.0, grid.high), (-1.0, -grid.low)):
        exponents = range(first + step, first + math.floor(reach) + 1, step)
        ticks += [sign * 10.0**e for e in exponents]
    return sorted(ticks)


def _tick(value: float) -> str:
    if value == 0 or 0.01 <= abs(value) <= 1000:
        return format_number(value)
    sign = "−" if value < 0 else ""
    return f"{sign}10<sup>{round(math.log10(abs(value)))}</sup>".replace("p>-", "p>−")


def _gradient_axis(flow: Flow) -> dict[str, Any]:
    return {
        "range": (flow.backward.grid.low, flow.backward.grid.high),
        "title": {"text": f"|{flow.symbol}|"},
        # A linear axis over log10: a log axis of Plotly's ends at 10⁻³⁰⁸ and would print more
        # labels than fit.
        "tickprefix": "10<sup>",
        "ticksuffix": "</sup>",
        "nticks": 7,
        "anchor": "x",
    }


def _texts(flow: Flow, frame: _Frame, notes: list[str], mode: Mode) -> list[dict[str, Any]]:
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
    # All at the left: the right end is where Plotly's toolbar appears under the mouse.
    beside = f"<span style='font-size:{TEXT_SIZE - 1}px;color:{palette.muted}'>{shade}</span>"
    texts = [
        make_note(
            f"<b>{_('forward signal')} →</b>&nbsp;&nbsp;&nbsp;{beside}",
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
    for place, name in _limits(flow) if _room_for_labels(flow) else []:
        texts.append(
            make_note(name, 0, place, yref="y2", font=small, xshift=2, bgcolor=palette.page)
        )
    for i, text in enumerate(notes):
        texts.append(
            make_note(
                text, 0, -(_BOTTOM + _LINE * i) / _INNER, yanchor="top", font=small, align="left"
            )
        )
    return texts


def _limits(flow: Flow) -> list[tuple[float, str]]:
    found = [
        (flow.smallest_normal, _("smallest normal number")),
        (flow.smallest, _("smallest number")),
    ]
    return [
        (place, f"{name}, {format_number(10**place, 2)}")
        for place, name in found
        if not math.isnan(place)
    ]


def _room_for_labels(flow: Flow) -> bool:
    """Whether the left third of the lower band is empty where the limits would be labelled."""
    band = flow.backward
    left = band.share[:, : max(1, round(len(flow.layers) / 3))]
    for place, _name in _limits(flow):
        row = int((place - band.grid.low) / band.grid.step)
        if left[max(row, 0) : row + band.grid.rows // 12].any():
            return False
    return True


def _shapes(flow: Flow, mode: Mode, selected: int | None) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    shapes: list[dict[str, Any]] = [
        {
            "type": "line",
            "xref": "paper",
            "yref": "y2",
            "x0": 0,
            "x1": 1,
            "y0": place,
            "y1": place,
            "line": {"color": palette.muted, "width": 1.5, "dash": "dash"},
        }
        for place, _name in _limits(flow)
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


def _notes(flow: Flow) -> list[str]:
    """What the marks that occur in this figure mean, one line each."""
    lines = []
    row = name_rows(flow.rows)[1]
    bands = (flow.forward, flow.backward)
    if any((b.nonfinite > 0).any() for b in bands):
        lines.append(_("✕ some entries of the {row} are NaN or infinite").format(row=row))
    if any(b.too_high.any() or b.too_low.any() for b in bands):
        lines.append(_("▲▼ part of the {row} lies beyond the axis").format(row=row))
    if not _room_for_labels(flow):
        lines.append("╌ " + "; ".join(name for _place, name in _limits(flow)))
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
