"""Shaping a comparison: what the reports of two to four settings have in common."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from gradflow.charts.figure import FloatArray, read_column
from gradflow.charts.flow.data import Band, Flow, Gradient, shape_flow
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
        letter: ``A`` … ``D``; it fixes colour, dash and marker, whichever others are there. Flow
            figures alone need none.
        name: what it is called, in plain text.
        report: its numbers.
        law: theory's norm of the gradient that a Flow figure shows, per layer; empty: none.
    """

    letter: str
    name: str
    report: Report
    law: FloatArray = dataclasses.field(default_factory=lambda: np.zeros(0))

    @property
    def label(self) -> str:
        """Letter and name as Plotly writes them."""
        return f"<b>{self.letter}</b> {escape(self.name)}"


def list_depths(entries: Sequence[ComparedSetting]) -> list[int]:
    """Layers of each network."""
    return [len(entry.report.layers) for entry in entries]


def positions(layers: FloatArray, count: int, deepest: int) -> FloatArray:
    """Relative depth (l − 1)/(L − 1) of the layers of a network of ``count`` = L layers.

    Stretched over 1 … ``deepest``, so that a unit of the axis is a layer of the deepest network.
    The only layer of a network is its readout and stands at the end.
    """
    if count < 2:
        return np.full(len(layers), float(deepest))
    return 1 + (layers - 1) / (count - 1) * (deepest - 1)


def lines(
    entries: Sequence[ComparedSetting], values: Callable[[Report], Series | None], *, relative: bool
) -> list[Series]:
    """One series per letter up to the last one in use; empty where there is nothing to draw.

    The series of a letter always has the same place, and with it the same style.
    """
    deepest = max(list_depths(entries), default=0)
    found = {
        entry.letter: _line(entry, values(entry.report), deepest, relative) for entry in entries
    }
    last = max((LETTERS.index(letter) for letter in found), default=-1)
    nothing = Series("", np.zeros(0), np.zeros(0))
    return [found.get(letter) or nothing for letter in LETTERS[: last + 1]]


def _line(
    entry: ComparedSetting, series: Series | None, deepest: int, relative: bool
) -> Series | None:
    if series is None:
        return None
    count = len(entry.report.layers)
    modules = series.modules or [""] * len(series.layers)
    places = [
        _("layer {n} of {count}").format(n=f"{layer:g}", count=count)
        + (f": {module}" if module else "")
        for layer, module in zip(series.layers, modules, strict=True)
    ]
    return dataclasses.replace(
        series,
        name=entry.label,
        layers=positions(series.layers, count, deepest) if relative else series.layers,
        modules=places,
    )


def shape_flows(reports: Sequence[Report], gradient: Gradient) -> list[Flow]:
    """The numbers of one Flow figure per report, the y axes of which agree.

    Rows are laid out by :func:`shape_flow` for the hidden layers of all reports side by side and
    the readout of one of them; so all flows share the kind of axis and its threshold, and the
    ranges differ by what the readouts add. :func:`frame` holds them all. Every report must have
    layers and histograms.
    """
    flows = []
    for i, report in enumerate(reports):
        pooled, columns = _pooled(reports, i)
        flow = shape_flow(pooled, gradient)
        assert flow is not None
        flows.append(_columns(flow, columns, report))
    return flows


def _pooled(reports: Sequence[Report], chosen: int) -> tuple[Report, npt.NDArray[np.int64]]:
    """Hidden layers of all reports, then the readout of one; and where its own layers are."""
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


def _columns(flow: Flow, columns: npt.NDArray[np.int64], report: Report) -> Flow:
    def of(band: Band) -> Band:
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
        forward=of(flow.forward),
        backward=of(flow.backward),
        rms=flow.rms[columns],
    )


def with_law(flow: Flow, entry: ComparedSetting) -> Flow:
    """The flow with the root mean squares that the entry's law says."""
    if not np.isfinite(entry.law).any():
        return flow
    rms, norm = (
        read_column(entry.report.layers, f"{flow.gradient}_{what}") for what in ("rms", "norm")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        level = np.log10(entry.law * rms / norm)
    unknown = np.full(len(level), math.nan)
    found = Range(unknown, level, unknown)
    overlay = Overlay("theory", _("theory"), flow.layers.astype(np.float64), {})
    return dataclasses.replace(flow, over=((overlay, found),))


def frame(flows: Sequence[Flow]) -> Flow:
    """A flow whose axes hold those of all ``flows``, and the number formats' limits in sight."""

    def around(grids: list[Grid]) -> Grid:
        low, high = min(g.low for g in grids), max(g.high for g in grids)
        return dataclasses.replace(grids[0], low=low, step=high - low, rows=1)

    first = next((flow for flow in flows if not math.isnan(flow.smallest_normal)), flows[0])
    return dataclasses.replace(
        first,
        forward=dataclasses.replace(first.forward, grid=around([f.forward.grid for f in flows])),
        backward=dataclasses.replace(first.backward, grid=around([f.backward.grid for f in flows])),
    )


def flow_notes(flows: Sequence[Flow], strip: bool) -> list[str]:
    """What the marks that occur mean."""
    bands = [band for flow in flows for band in (flow.forward, flow.backward)]
    found = {
        _("✕ some entries are NaN or infinite"): any((b.nonfinite > 0).any() for b in bands),
        _("▲▼ part of the layer lies beyond the axis"): any(
            b.too_high.any() or b.too_low.any() for b in bands
        ),
        _("activation axis: linear near 0, logarithmic beyond"): flows[0].forward.grid.kind
        == "symlog",
        _("╌ limits of the number format"): any(not np.isnan(f.smallest_normal) for f in flows),
        _("zeros: share of gradient entries that are exactly 0"): strip,
    }
    occurring = [text for text, occurs in found.items() if occurs]
    return ["   ·   ".join(occurring[i : i + 2]) for i in range(0, len(occurring), 2)]
