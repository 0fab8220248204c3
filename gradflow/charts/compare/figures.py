"""Figures that put two to four settings side by side on shared axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.compare.data import (
    LETTERS,
    ComparedSetting,
    flow_notes,
    frame,
    lines,
    list_depths,
    shape_flows,
    with_law,
)
from gradflow.charts.figure import (
    build_figure,
    choose_layer_ticks,
    empty_figure,
    make_footnote,
    make_layer_axis,
    make_legend,
    make_note,
)
from gradflow.charts.flow.data import Flow, Gradient
from gradflow.charts.flow.figure import draw_flow
from gradflow.charts.flow.text import SYMBOLS
from gradflow.charts.flow.traces import (
    dotted,
    hatching,
    heatmap,
    marks,
    overlays,
    rms,
    targets,
    theory_on_top,
    zero_bars,
)
from gradflow.charts.forward import Statistic, forward_series
from gradflow.charts.norms import norm_series
from gradflow.charts.overlay import choose_colour
from gradflow.charts.series import Scale, Series, draw_series, has_marks
from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, escape, list_styles
from gradflow.core.report import Report
from gradflow.core.text import N_, _

HEIGHT = 440
FLOW_HEIGHT = 560
_TOOLBAR = 24
"""Pixels at the top, where Plotly's toolbar appears."""
_LOG_FROM = 100.0
"""A spread of more than two decades is drawn on a log axis."""
STATISTICS: dict[Statistic, str] = {
    "activation_std": N_("std of a"),
    "activation_rms": N_("RMS of a"),
    "preactivation_std": N_("std of z"),
    "preactivation_rms": N_("RMS of z"),
    "saturated": N_("saturated share"),
    "dead_units": N_("share of dead units"),
    "similarity": N_("similarity of samples"),
}
_LINE_WIDTH = 2.5
_NAME_LENGTH = {1: 90, 2: 42, 3: 26, 4: 22, 5: 16}
"""Characters of a name that fit above one of so many panels."""


def compare_gradients_figure(
    entries: Sequence[ComparedSetting],
    *,
    mode: Mode = "light",
    gradient: Gradient = "delta",
    relative: bool = False,
) -> go.Figure:
    """Frobenius norms of one gradient per layer, one line per setting, on one log axis.

    ‖∂L/∂z_l‖ (δ) or ‖∂L/∂a_l‖ over the whole batch × units array, or ‖∂L/∂W_l‖ over the weight
    matrix, of the loss as reduced. Zeros lie on the floor, NaN and infinite norms are crosses at
    the ceiling.

    Args:
        entries: the settings; at most one per letter.
        mode: for a light or a dark page.
        gradient: ``delta``, ``activation_grad`` or ``weight_grad``.
        relative: x is the relative depth (l − 1)/(L − 1), so that networks of different depth
            L begin and end together, instead of the layer l.
    """

    def values(report: Report) -> Series | None:
        # The residual stream, a series more, is no quantity of every setting.
        return next(iter(norm_series(report, (gradient,))), None)

    series = lines(entries, values, relative=relative)
    if not any(len(s.layers) for s in series):
        return empty_figure(_("Nothing was recorded: no gradient norms to compare"), mode=mode)
    axis = Scale.fit(series, log=True)
    title = _("gradient norm ‖{symbol}‖").format(symbol=SYMBOLS[gradient])
    return _lines_figure(entries, series, axis, axis.make_axis(title), mode, relative)


def compare_forward_figure(
    entries: Sequence[ComparedSetting],
    *,
    mode: Mode = "light",
    statistic: Statistic = "activation_std",
    relative: bool = False,
) -> go.Figure:
    """One statistic of the forward signal per layer, one line per setting, on one axis.

    Standard deviation and RMS over batch × units, on a log axis if the settings together spread
    over more than two decades; the share of saturated entries and of dead units (φ' = 0 for every
    sample), and the similarity, the mean cosine between two samples, on a linear one. Settings to
    which one does not apply are named below the figure.
    """

    def values(report: Report) -> Series | None:
        widths, shares, _absent = forward_series(report, (statistic,))
        return next(iter([*widths, *shares]), None)

    series = lines(entries, values, relative=relative)
    if not any(len(s.layers) for s in series):
        return empty_figure(
            _("Nothing to compare: {what} applies to none of these settings").format(
                what=_(STATISTICS[statistic])
            ),
            mode=mode,
        )
    absent = [e.letter for e in entries if not len(series[LETTERS.index(e.letter)].layers)]
    notes = [
        _("{letters}: does not apply to this activation").format(letters=", ".join(absent))
    ] * bool(absent)
    found = np.concatenate([one.values for one in series])
    found = found[np.isfinite(found)]
    if any(one.is_share for one in series):
        axis = Scale(False, float(found.min(initial=0)) - 0.03, 1.03)  # a cosine may be negative
        y = axis.make_axis(_(STATISTICS[statistic])) | {
            "tickvals": [0, 0.25, 0.5, 0.75, 1],
            "ticktext": ["0", "25 %", "50 %", "75 %", "100 %"],
        }
    else:
        found = found[found > 0]
        spread = found.max() / found.min() if len(found) else 1.0
        axis = Scale.fit(series, log=bool(spread > _LOG_FROM))
        y = axis.make_axis(_(STATISTICS[statistic]))
    return _lines_figure(entries, series, axis, y, mode, relative, notes)


def _lines_figure(
    entries: Sequence[ComparedSetting],
    series: list[Series],
    scale: Scale,
    y: dict[str, Any],
    mode: Mode,
    relative: bool,
    notes: Sequence[str] = (),
) -> go.Figure:
    zeros, broken = has_marks(series, scale)
    texts = [_("▽ exactly 0")] * zeros + [_("✕ NaN or infinite")] * broken + list(notes)
    room, foots = make_footnote(texts, mode)
    layout = {
        "height": HEIGHT + room,
        "margin": {"l": 84, "r": 24, "t": 44, "b": 66 + room},
        "hovermode": "x unified",
        "dragmode": False,
        "legend": make_legend(),
        "showlegend": True,
        "xaxis": _depth_axis(max(list_depths(entries)), relative),
        "yaxis": y,
        "annotations": foots,
    }
    traces = [_slim(trace) for trace in draw_series(series, scale, mode) if len(trace["x"])]
    return build_figure(traces, layout, mode)


def _slim(trace: dict[str, Any]) -> dict[str, Any]:
    """A line less wide: what lies below stays wider, but no setting looks more important."""
    if "line" not in trace:
        return trace
    extra = trace["line"]["width"] - _LINE_WIDTH
    line = trace["line"] | {"width": _LINE_WIDTH + 0.35 * extra}
    marker = trace["marker"] | {"size": trace["marker"]["size"] - 1.4 * extra}
    return trace | {"line": line, "marker": marker}


def _depth_axis(deepest: int, relative: bool) -> dict[str, Any]:
    if not relative:
        return make_layer_axis(
            deepest,
            title={"text": _("layer (1 is next to the input)")},
            unifiedhovertitle={"text": f"<b>{_('layer')} %{{x}}</b>"},
        )
    shares = (0.0, 0.25, 0.5, 0.75, 1.0) if deepest > 1 else (1.0,)
    return make_layer_axis(
        deepest,
        tickvals=[1 + share * (deepest - 1) for share in shares],
        ticktext=[f"{share:.0%}".replace("%", " %") for share in shares],
        title={"text": _("relative depth (0 % is the first layer, 100 % the last)")},
        unifiedhovertitle={"text": f"<b>{_('at this depth')}</b>"},
    )


def compare_flow_figure(
    entries: Sequence[ComparedSetting], *, mode: Mode = "light", gradient: Gradient = "delta"
) -> go.Figure:
    """Small Flow figures side by side: one panel per setting, all on the same two y axes.

    Upper band: the distribution of the activations a_l over batch and units. Lower band: that of
    log10|g| over the entries g of the chosen gradient, with its RMS as a line. In each column the
    shade is the share of the layer's entries per row, relative to its fullest row (to the power
    0.65). Marks are those of :func:`gradflow.charts.flow_figure`.
    """
    entries = [entry for entry in entries if _has_distributions(entry.report, gradient)]
    flows = shape_flows([entry.report for entry in entries], gradient)
    flows = [with_law(flow, entry) for flow, entry in zip(flows, entries, strict=True)]
    if not flows:
        return empty_figure(_("Nothing was recorded: no distributions to compare"), mode=mode)
    shared = draw_flow(frame(flows), mode=mode).layout
    strip = any((flow.backward.zeros > 0).any() for flow in flows)
    floor = 0.12 if strip else 0.0
    middle = floor + (0.92 - floor) * 0.56
    palette = PALETTES[mode]
    notes = flow_notes(flows, strip)
    foot = 24 * len(notes)
    layout: dict[str, Any] = {
        "height": FLOW_HEIGHT + _TOOLBAR + foot,
        # The names stand below the place where Plotly's toolbar appears under the mouse.
        "margin": {"l": 84, "r": 20, "t": 40 + _TOOLBAR, "b": 62 + foot},
        "hovermode": "x unified",
        "hoverdistance": 10_000,  # a column can be wider than the usual 20 px
        "dragmode": False,
        "showlegend": False,
        "bargap": 0,
        "barmode": "overlay",
        "yaxis": shared.yaxis.to_plotly_json()
        | {"domain": (middle + 0.08, 1.0), "anchor": "x"}
        | _title(_("activation a"), palette.forward),
        "yaxis2": shared.yaxis2.to_plotly_json()
        | {"domain": (floor, middle), "anchor": "x"}
        | _title(f"|{SYMBOLS[gradient]}|", palette.backward),
        # The limits of the number format; other shapes belong to the one panel of that figure.
        "shapes": [s.to_plotly_json() for s in shared.shapes if s.yref == "y2"],
        "annotations": _flow_texts(entries, flows, notes, middle, mode),
    }
    if strip:
        layout["yaxis3"] = {
            "domain": (0.0, floor - 0.03),
            "range": [0, 100],
            "tickvals": [0, 100],
            "ticktext": ["0", "100 %"],
            "anchor": "x",
        } | _title(_("zeros"), palette.muted)
    data: list[dict[str, Any]] = []
    for i, flow in enumerate(flows):
        axis = "x" + (str(i + 1) if i else "")
        data += [{**trace, "xaxis": axis} for trace in _panel(flow, len(flows), strip, mode)]
        count = len(flow.layers)
        name = entries[i].letter or escape(entries[i].name)
        layout["xaxis" + axis[1:]] = make_layer_axis(
            count,
            tickvals=choose_layer_ticks(
                count, every=24 // len(flows), wanted=max(3, 12 // len(flows))
            ),
            domain=_domain(i, len(flows)),
            anchor="y3" if strip else "y2",
            title={"text": _("layer")},
            unifiedhovertitle={"text": f"<b>{name}, {_('layer')} %{{x}}</b>"},
            spikecolor=palette.muted,
            spikethickness=1,
        )
    return build_figure(data, layout, mode)


def _has_distributions(report: Report, gradient: Gradient) -> bool:
    return len(report.layers) > 0 and any(
        what in ("activation", gradient) and histogram.total
        for (what, _layer), histogram in report.histograms.items()
    )


def _panel(flow: Flow, panels: int, strip: bool, mode: Mode) -> list[dict[str, Any]]:
    palette = PALETTES[mode]
    return [
        targets(flow, flow.forward, "y"),
        targets(flow, flow.backward, "y2"),
        *([zero_bars(flow, mode)] if strip else []),
        heatmap(flow.forward, "y", palette.forward_scale),
        heatmap(flow.backward, "y2", palette.backward_scale),
        *hatching(flow, flow.forward, "y", mode),
        *hatching(flow, flow.backward, "y2", mode),
        *overlays(flow, mode),
        *rms(flow, mode, panels),
        *theory_on_top(flow, mode),
        *marks(flow, mode),
    ]


def _title(text: str, colour: str) -> dict[str, Any]:
    return {"title": {"text": text, "font": {"size": TITLE_SIZE, "color": colour}, "standoff": 8}}


def _domain(panel: int, panels: int) -> tuple[float, float]:
    gap = 0.025
    width = (1 - gap * (panels - 1)) / panels
    return panel * (width + gap), panel * (width + gap) + width


def _flow_texts(
    entries: Sequence[ComparedSetting],
    flows: Sequence[Flow],
    notes: list[str],
    middle: float,
    mode: Mode,
) -> list[dict[str, Any]]:
    looks, palette = dict(zip(LETTERS, list_styles(mode), strict=False)), PALETTES[mode]
    dots = any(dotted(flow, len(flows)) for flow in flows)
    samples = f"<b>{'━●━' if dots else '━━'}</b> {_('RMS')}"
    if any(len(entry.law) for entry in entries):
        dashes = choose_colour("theory", mode)
        samples += f" <b style='color:{dashes}'>╍╍</b> {_('theory')}"
    small = {"size": TEXT_SIZE - 1, "color": palette.muted}
    longest = _NAME_LENGTH[len(entries)]
    texts = []
    for i, entry in enumerate(entries):
        left, right = _domain(i, len(entries))
        name = entry.name if len(entry.name) <= longest else entry.name[: longest - 1] + "…"
        letter = ""
        if entry.letter:
            colour = looks[entry.letter].colour
            letter = f'<b><span style="color:{colour}">{entry.letter}</span></b> '
        texts += [
            make_note(
                letter + escape(name),
                left,
                1,
                yshift=4,
                font={"size": TEXT_SIZE, "color": palette.ink},
                hovertext=escape(entry.name),
            ),
            make_note(samples, left, middle, font=small),
        ]
        if i == len(entries) - 1 and len(entries) < 4:
            shade = _("darker: more entries") if mode == "light" else _("brighter: more entries")
            texts.append(make_note(shade, right, middle, xanchor="right", font=small))
    texts += [
        make_note(text, 0, 0, yanchor="top", yshift=-60 - 24 * i, font=small, align="left")
        for i, text in enumerate(notes)
    ]
    return texts
