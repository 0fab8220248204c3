"""Numbers of a comparison: the reports of two to four settings on shared axes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from gradflow.charts.figure import FloatArray, find_layer_range, name_rows, read_column
from gradflow.charts.flow.data import Band, FlowData, Gradient, shape_flow
from gradflow.charts.overlay import Overlay, Range
from gradflow.charts.rebin import Grid
from gradflow.charts.series import Series
from gradflow.charts.theme import escape
from gradflow.core.report import Report
from gradflow.core.text import _

LETTERS = ("A", "B", "C", "D")


@dataclasses.dataclass(frozen=True, eq=False)
class ComparedSetting:
    """One setting of a comparison.

    Attributes:
        letter: ``A`` … ``D``; it fixes colour, dash and marker. Flow figures need none.
        name: name of the setting, in plain text.
        report: the recorded pass.
        law: theory's norm of the gradient that a Flow figure shows, per layer; empty: none.
    """

    letter: str
    name: str
    report: Report
    law: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(0))

    @property
    def label(self) -> str:
        """Letter and name in Plotly's markup."""
        return f"<b>{self.letter}</b> {escape(self.name)}"


def list_depths(entries: Sequence[ComparedSetting]) -> list[int]:
    """Count the layers of each network."""
    return [len(entry.report.get_table("layers")) for entry in entries]


def compute_relative_depth(layers: FloatArray, count: int, deepest: int) -> FloatArray:
    """Compute the relative depth (l − 1)/(L − 1) of layers l, for a network of ``count`` = L.

    It is stretched over 1 … ``deepest``, so that a unit of the axis is a layer of the deepest
    network. The only layer of a network is its readout and stands at the end.
    """
    if count < 2:
        return np.full(len(layers), float(deepest))
    return 1 + (layers - 1) / (count - 1) * (deepest - 1)


def list_series(
    entries: Sequence[ComparedSetting], values: Callable[[Report], Series | None], *, relative: bool
) -> list[Series]:
    """List one series per letter up to the last one in use, empty where a letter has no values.

    The series of a letter always has the same index, and with it the same style.
    """
    deepest = max(list_depths(entries), default=0)
    by_letter = {
        entry.letter: _label_series(entry, values(entry.report), deepest, relative)
        for entry in entries
    }
    last = max((LETTERS.index(letter) for letter in by_letter), default=-1)
    empty = Series("", np.zeros(0), np.zeros(0))
    return [by_letter.get(letter) or empty for letter in LETTERS[: last + 1]]


def _label_series(
    entry: ComparedSetting, series: Series | None, deepest: int, relative: bool
) -> Series | None:
    if series is None:
        return None
    first, last = find_layer_range(entry.report.get_table("layers"))
    modules = series.modules or [""] * len(series.layers)
    word = name_rows(entry.report.rows)[1]
    positions = [
        (_("{row} {n} of {count}").format(row=word, n=f"{layer:g}", count=last) if layer else "")
        + (": " if layer and module else "")
        + module
        for layer, module in zip(series.layers, modules, strict=True)
    ]
    count = last - first + 1
    return dataclasses.replace(
        series,
        name=entry.label,
        layers=compute_relative_depth(series.layers - first + 1, count, deepest)
        if relative
        else series.layers,
        modules=positions,
    )


def shape_flows(reports: Sequence[Report], gradient: Gradient) -> list[FlowData]:
    """Shape the numbers of one Flow figure per report, on y axes that agree.

    :func:`shape_flow` chooses the rows for the hidden layers of all reports side by side and the
    readout of one; so all flows share the kind of axis and its threshold, and their ranges differ
    only by what the readouts add. :func:`merge_axes` makes axes that hold them all. Every report
    must have layers and histograms.
    """
    flows = []
    for i, report in enumerate(reports):
        pooled, columns = _pool_reports(reports, i)
        flow = shape_flow(pooled, gradient)
        assert flow is not None
        flows.append(_select_columns(flow, columns, report))
    return flows


def _pool_reports(reports: Sequence[Report], chosen: int) -> tuple[Report, npt.NDArray[np.int64]]:
    """Pool the hidden layers of all reports and the readout of the chosen one.

    Returns:
        The pooled report, and the indices of the chosen report's layers in it.
    """
    pieces: list[tuple[Report, pd.DataFrame]] = [(r, r.layers.iloc[:-1]) for r in reports]
    start = sum(len(rows) for _report, rows in pieces[:chosen])
    hidden = np.arange(start, start + len(pieces[chosen][1]))
    pieces.append((reports[chosen], reports[chosen].layers.iloc[-1:]))
    tables, signals, histograms, offset = [], [], {}, 0
    for report, rows in pieces:
        numbers = {int(n): offset + i + 1 for i, n in enumerate(rows["layer"])}
        tables.append(rows.assign(layer=np.arange(offset + 1, offset + len(rows) + 1)))
        if "layer" in report.signals:
            own = report.signals[report.signals["layer"].isin(numbers)]
            signals.append(own.assign(layer=own["layer"].map(numbers)))
        histograms.update(
            {(w, numbers[n]): h for (w, n), h in report.histograms.items() if n in numbers}
        )
        offset += len(rows)
    pooled = dataclasses.replace(
        reports[chosen],
        layers=pd.concat(tables, ignore_index=True),
        signals=pd.concat(signals, ignore_index=True) if signals else pd.DataFrame(),
        histograms=histograms,
    )
    return pooled, np.append(hidden, np.arange(offset - len(pieces[-1][1]), offset))


def _select_columns(flow: FlowData, columns: npt.NDArray[np.int64], report: Report) -> FlowData:
    def select(band: Band) -> Band:
        return dataclasses.replace(
            band,
            share=band.share[:, columns],
            shade=band.shade[:, columns],
            below=band.below[columns],
            above=band.above[columns],
            zeros=band.zeros[columns],
            nonfinite=band.nonfinite[columns],
            hover=[band.hover[i] for i in columns],
        )

    return dataclasses.replace(
        flow,
        layers=report.layers["layer"].to_numpy(np.int64),
        forward=select(flow.forward),
        backward=select(flow.backward),
        rms=flow.rms[columns],
    )


def add_law(flow: FlowData, entry: ComparedSetting) -> FlowData:
    """Add the RMS gradients of the setting's law to its flow."""
    if not np.isfinite(entry.law).any():
        return flow
    rms, norm = (
        read_column(entry.report.layers, f"{flow.gradient}_{what}") for what in ("rms", "norm")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log10(entry.law * rms / norm)
    unknown = np.full(len(level), math.nan)
    law = Range(unknown, level, unknown)
    overlay = Overlay("theory", _("theory"), flow.layers.astype(np.float64), {})
    return dataclasses.replace(flow, overlays=((overlay, law),))


def merge_axes(flows: Sequence[FlowData]) -> FlowData:
    """Make a flow whose axes hold those of all ``flows``, with the number formats' limits."""

    def merge(grids: list[Grid]) -> Grid:
        low, high = min(g.low for g in grids), max(g.high for g in grids)
        return dataclasses.replace(grids[0], low=low, step=high - low, rows=1)

    first = next((flow for flow in flows if not math.isnan(flow.smallest_normal)), flows[0])
    return dataclasses.replace(
        first,
        forward=dataclasses.replace(first.forward, grid=merge([f.forward.grid for f in flows])),
        backward=dataclasses.replace(first.backward, grid=merge([f.backward.grid for f in flows])),
    )


def write_flow_notes(flows: Sequence[FlowData], strip: bool) -> list[str]:
    """Explain the marks that occur, two to a line."""
    bands = [band for flow in flows for band in (flow.forward, flow.backward)]
    explanations = {
        _("✕ some entries are NaN or infinite"): any((b.nonfinite > 0).any() for b in bands),
        _("▲▼ part of the layer lies beyond the axis"): any(
            b.too_high.any() or b.too_low.any() for b in bands
        ),
        _("activation axis: linear near 0, logarithmic beyond"): flows[0].forward.grid.kind
        == "symlog",
        _("╌ limits of the number format"): any(not np.isnan(f.smallest_normal) for f in flows),
        _("zeros: share of gradient entries that are exactly 0"): strip,
    }
    occurring = [text for text, occurs in explanations.items() if occurs]
    return ["   ·   ".join(occurring[i : i + 2]) for i in range(0, len(occurring), 2)]
