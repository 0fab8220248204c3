"""Small Flow figures side by side, all on the same two y axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from gradflow.charts.compare.data import (
    LETTERS,
    ComparedSetting,
    add_law,
    merge_axes,
    shape_flows,
    write_flow_notes,
)
from gradflow.charts.figure import (
    build_figure,
    empty_figure,
    make_layer_axis,
    make_note,
    name_rows,
)
from gradflow.charts.flow.data import FlowData, Gradient
from gradflow.charts.flow.figure import draw_flow
from gradflow.charts.flow.text import SYMBOLS
from gradflow.charts.flow.traces import draw_bands, has_markers
from gradflow.charts.overlay import choose_colour
from gradflow.charts.theme import (
    PALETTES,
    TEXT_SIZE,
    TITLE_SIZE,
    Mode,
    escape,
    list_styles,
    shorten,
)
from gradflow.core.report import Report
from gradflow.core.text import _

HEIGHT = 560
NAMES = 40
"""Pixels at the top, for the names of the panels."""
_HEAD = NAMES + 24
"""The same with Plotly's toolbar above the names, where it appears under the mouse."""
_LONGEST_NAME = {1: 90, 2: 42, 3: 26, 4: 22, 5: 16}
"""Characters of a name that fit above a panel, by the number of panels."""


def compare_flow_figure(
    entries: Sequence[ComparedSetting], *, mode: Mode = "light", gradient: Gradient = "delta"
) -> go.Figure:
    """Draw small Flow figures side by side: one panel per setting, all on the same two y axes.

    Upper band: the distribution of the activations a_l over batch and units. Lower band: that of
    log10|g| over the entries g of the chosen gradient, with its RMS as a line. In each column the
    shade is the share of the layer's entries per row, relative to its fullest row (to the power
    0.65). Marks are those of :func:`gradflow.charts.flow_figure`.
    """
    entries = [entry for entry in entries if _has_distributions(entry.report, gradient)]
    flows = shape_flows([entry.report for entry in entries], gradient)
    flows = [add_law(flow, entry) for flow, entry in zip(flows, entries, strict=True)]
    if not flows:
        return empty_figure(_("Nothing was recorded: no distributions to compare"), mode=mode)
    strip = any((flow.backward.zeros > 0).any() for flow in flows)
    names = [(entry.letter, entry.name) for entry in entries]
    return draw_flows(names, flows, write_flow_notes(flows, strip), strip=strip, mode=mode)


def draw_flows(
    names: Sequence[tuple[str, str]],
    flows: Sequence[FlowData],
    notes: Sequence[str],
    *,
    strip: bool,
    mode: Mode,
    head: int = _HEAD,
) -> go.Figure:
    """Draw flows side by side, on axes that hold them all.

    Args:
        names: letter (or nothing) and name of each.
        flows: the numbers, of the same gradient.
        notes: explanations below.
        strip: whether there is a strip of zeros.
        mode: for a light or a dark page.
        head: pixels above the panels, for their names and what stands above them.
    """
    shared = draw_flow(merge_axes(flows), mode=mode).layout
    floor = 0.12 if strip else 0.0
    middle = floor + (0.92 - floor) * 0.56
    palette = PALETTES[mode]
    foot = 24 * len(notes)
    layout: dict[str, Any] = {
        "height": HEIGHT + head - NAMES + foot,
        "margin": {"l": 84, "r": 20, "t": head, "b": 62 + foot},
        "hovermode": "x unified",
        "hoverdistance": 10_000,  # a column can be wider than the usual 20 px
        "dragmode": False,
        "showlegend": False,
        "bargap": 0,
        "barmode": "overlay",
        "yaxis": shared.yaxis.to_plotly_json()
        | {"domain": (middle + 0.08, 1.0), "anchor": "x"}
        | _title_axis(_("activation a"), palette.forward),
        "yaxis2": shared.yaxis2.to_plotly_json()
        | {"domain": (floor, middle), "anchor": "x"}
        | _title_axis(f"|{SYMBOLS[flows[0].gradient]}|", palette.backward),
        # The limits of the number format; other shapes belong to the one panel of that figure.
        "shapes": [s.to_plotly_json() for s in shared.shapes if s.yref == "y2"],
        "annotations": _write_texts(names, flows, notes, middle, mode),
    }
    if strip:
        layout["yaxis3"] = {
            "domain": (0.0, floor - 0.03),
            "range": [0, 100],
            "tickvals": [0, 100],
            "ticktext": ["0", "100%"],
            "anchor": "x",
        } | _title_axis(_("zeros"), palette.muted)
    data: list[dict[str, Any]] = []
    for i, flow in enumerate(flows):
        axis = "x" + (str(i + 1) if i else "")
        first, word = int(flow.layers[0]), name_rows(flow.rows)[1]
        traces = draw_bands(flow, mode, strip=strip, first=first, panels=len(flows))
        data += [{**trace, "xaxis": axis} for trace in traces]
        name = names[i][0] or escape(names[i][1])
        layout["xaxis" + axis[1:]] = make_layer_axis(
            int(flow.layers[-1]),
            first=first,
            every=24 // len(flows),
            wanted=max(3, 12 // len(flows)),
            domain=_find_domain(i, len(flows)),
            anchor="y3" if strip else "y2",
            title={"text": word},
            unifiedhovertitle={"text": f"<b>{name}, {word} %{{x}}</b>"},
            spikecolor=palette.muted,
            spikethickness=1,
        )
    return build_figure(data, layout, mode)


def _has_distributions(report: Report, gradient: Gradient) -> bool:
    return len(report.get_table("layers")) > 0 and any(
        what in ("activation", gradient) and histogram.total
        for (what, _layer), histogram in report.histograms.items()
    )


def _title_axis(text: str, colour: str) -> dict[str, Any]:
    return {"title": {"text": text, "font": {"size": TITLE_SIZE, "color": colour}, "standoff": 8}}


def _find_domain(panel: int, panels: int) -> tuple[float, float]:
    gap = 0.025
    width = (1 - gap * (panels - 1)) / panels
    return panel * (width + gap), panel * (width + gap) + width


def _write_texts(
    names: Sequence[tuple[str, str]],
    flows: Sequence[FlowData],
    notes: Sequence[str],
    middle: float,
    mode: Mode,
) -> list[dict[str, Any]]:
    looks, palette = dict(zip(LETTERS, list_styles(mode), strict=False)), PALETTES[mode]
    markers = any(has_markers(flow, len(flows)) for flow in flows)
    samples = f"<b>{'━●━' if markers else '━━'}</b> {_('RMS')}"
    if any(flow.overlays for flow in flows):
        colour = choose_colour("theory", mode)
        samples += f" <b style='color:{colour}'>╍╍</b> {_('theory')}"
    small = {"size": TEXT_SIZE - 1, "color": palette.muted}
    longest = _LONGEST_NAME[len(names)]
    texts = []
    for i, (code, name) in enumerate(names):
        left, right = _find_domain(i, len(names))
        letter = ""
        if code:
            colour = looks[code].colour
            letter = f'<b><span style="color:{colour}">{code}</span></b> '
        texts += [
            make_note(
                letter + escape(shorten(name, longest)),
                left,
                1,
                yshift=4,
                font={"size": TEXT_SIZE, "color": palette.ink},
                hovertext=escape(name),
            ),
            make_note(samples, left, middle, font=small),
        ]
        if i == len(names) - 1 and len(names) < 4:
            shade = _("darker: more entries") if mode == "light" else _("brighter: more entries")
            texts.append(make_note(shade, right, middle, xanchor="right", font=small))
    texts += [
        make_note(text, 0, 0, yanchor="top", yshift=-60 - 24 * i, font=small, align="left")
        for i, text in enumerate(notes)
    ]
    return texts
