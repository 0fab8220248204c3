"""Lines over layers: values that may be 0, infinite or NaN, none of which is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradflow.charts.figure import FloatArray
from gradflow.charts.theme import PALETTES, Mode, Style, escape, list_styles
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import _

MARKER_LIMIT = 60
"""Up to this many layers a line carries markers."""


@dataclass(frozen=True, eq=False)
class Series:
    """One line: a value per layer.

    Attributes:
        name: for legend and hover, e.g. ‖∂L/∂W‖.
        layers: x positions.
        values: y, any float; NaN is a value that came out as NaN, but where it is absent.
        modules: the module of each point; shown in the hover if not empty.
        is_share: whether the values are shares of 1.
        absent: where there is no value, so that the line has a gap; ``None``: nowhere.
    """

    name: str
    layers: FloatArray
    values: FloatArray
    modules: Sequence[str] = ()
    is_share: bool = False
    absent: npt.NDArray[np.bool_] | None = None

    @property
    def gaps(self) -> npt.NDArray[np.bool_]:
        """Where there is no value."""
        nan = np.isnan(self.values)
        return np.zeros(len(nan), bool) if self.absent is None else np.asarray(nan & self.absent)

    @property
    def broken(self) -> npt.NDArray[np.bool_]:
        """Where the value is NaN or infinite."""
        return np.asarray(~np.isfinite(self.values) & ~self.gaps)


@dataclass(frozen=True)
class Scale:
    """A y axis that holds every finite value of its series.

    On a log scale the coordinate of a value is its log10; zeros are marked on ``floor``, infinite
    values and NaN on ``ceiling``.
    """

    log: bool
    low: float
    high: float

    @classmethod
    def fit(cls, series: Sequence[Series], log: bool) -> Scale:
        """Fit the smallest comfortable axis; a log scale spans at least two decades."""
        values = np.concatenate([s.values for s in series] or [np.zeros(0)])
        values = values[np.isfinite(values)]
        if log:
            values = np.log10(values[values > 0])
            low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
            if not len(values):
                low, high = -2.0, 0.0
            lacking = max(0.0, 2.0 - (high - low))
            low, high = low - lacking / 2, high + lacking / 2
        else:
            low, high = min(0.0, values.min(initial=0.0)), values.max(initial=0.0)
            high = high if high > low else low + 1.0
        room = 0.1 * (high - low)
        return cls(log, float(low - (room if log else room / 4)), float(high + room))

    @property
    def floor(self) -> float:
        """Coordinate at which zeros are marked on a log scale."""
        return self.low + 0.04 * (self.high - self.low)

    @property
    def ceiling(self) -> float:
        """Coordinate at which NaN and infinite values are marked."""
        return self.high - 0.04 * (self.high - self.low)

    def to_axis(self, values: FloatArray) -> FloatArray:
        """Convert values to coordinates; NaN for those that are marked instead of drawn."""
        finite = np.isfinite(values)
        if not self.log:
            return np.where(finite, values, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(finite & (values > 0), np.log10(np.abs(values)), np.nan)

    def make_axis(self, title: str) -> dict[str, Any]:
        """Make the Plotly axis."""
        axis: dict[str, Any] = {"range": [self.low, self.high], "title": {"text": title}}
        if self.log:
            axis |= {"tickprefix": "10<sup>", "ticksuffix": "</sup>"}
            # Half a decade is no round number.
            axis |= {"dtick": 1} if self.high - self.low < 6 else {"nticks": 7}
        return axis


def draw_series(
    series: Sequence[Series], scale: Scale, mode: Mode, *, first_style: int = 0, axis: str = "y"
) -> list[dict[str, Any]]:
    """Draw a line per series, and marks for its zeros and non-finite values if it has any."""
    styles = list_styles(mode)
    traces = []
    for i, line in enumerate(series):
        style = styles[(first_style + i) % len(styles)]
        # Equal values happen (δ and ∂L/∂a of a near-linear net): lines further below are wider.
        lines_above = len(series) - 1 - i
        traces.append(_draw_line(line, scale, style, mode, axis, lines_above))
        shift = 0.26 * (i - (len(series) - 1) / 2)
        marks = _draw_marks(line, scale, style, mode, axis, shift)
        if marks:
            traces.append(marks)
    return traces


def has_marks(series: Sequence[Series], scale: Scale) -> tuple[bool, bool]:
    """Whether zeros are marked on the floor, and non-finite values at the ceiling."""
    zeros = scale.log and any((s.values == 0).any() for s in series)
    return zeros, any(s.broken.any() for s in series)


def explain_marks(series: Sequence[Series], scale: Scale) -> list[str]:
    """Explain the marks that occur on an axis, one text each."""
    zeros, nonfinite = has_marks(series, scale)
    gaps = any(s.gaps.any() for s in series)
    return [
        *[_("▽ exactly 0")] * zeros,
        *[_("✕ NaN or infinite")] * nonfinite,
        *[_("gap: nothing was recorded there")] * gaps,
    ]


def _draw_line(
    series: Series, scale: Scale, style: Style, mode: Mode, axis: str, lines_above: int
) -> dict[str, Any]:
    few = len(series.layers) <= MARKER_LIMIT
    return {
        "type": "scatter",
        "name": series.name,
        "legendgroup": series.name,
        "mode": "lines+markers" if few else "lines",
        "x": series.layers,
        "y": scale.to_axis(series.values),
        "yaxis": axis,
        "customdata": series.layers,
        "hovertext": _write_hover(series),
        "hovertemplate": "%{hovertext}<extra></extra>",
        "line": {"color": style.colour, "dash": style.dash, "width": 2.5 + 2 * lines_above},
        "marker": {
            "symbol": style.symbol,
            "size": (9 if len(series.layers) <= 24 else 6) + 4 * lines_above,
            "color": style.colour,
            "line": {"color": PALETTES[mode].page, "width": 1.5},
        },
    }


def _write_hover(series: Series) -> list[str]:
    format_value = format_share if series.is_share else format_number
    modules = [f" ({escape(m)})" for m in series.modules] or [""] * len(series.values)
    return [
        f"{series.name}{module} {_('not recorded') if is_absent else format_value(value)}"
        for value, module, is_absent in zip(
            series.values.tolist(), modules, series.gaps.tolist(), strict=True
        )
    ]


def _draw_marks(
    series: Series, scale: Scale, style: Style, mode: Mode, axis: str, shift: float
) -> dict[str, Any] | None:
    layers, x, y, symbols, colours, texts = [], [], [], [], [], []
    for layer, value, is_broken in zip(
        series.layers.tolist(), series.values.tolist(), series.broken.tolist(), strict=True
    ):
        if is_broken:
            why = _("not a finite number, drawn at the top")
            mark = (scale.ceiling, "x", PALETTES[mode].alarm)
        elif scale.log and value == 0:
            why = _("exactly 0, which no log axis reaches, drawn at the bottom")
            mark = (scale.floor, "triangle-down-open", style.colour)
        else:
            continue
        x.append(layer + shift)
        layers.append(layer)
        y.append(mark[0])
        symbols.append(mark[1])
        colours.append(mark[2])
        texts.append(f"{series.name} {format_number(value)}: {why}")
    if not x:
        return None
    return {
        "type": "scatter",
        "name": "marks",
        "legendgroup": series.name,
        "showlegend": False,
        "mode": "markers",
        "x": x,
        "y": y,
        "yaxis": axis,
        "customdata": layers,
        "hovertext": texts,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "symbol": symbols,
            "size": 13,
            "color": colours,
            "line": {"width": 2, "color": colours},
        },
    }
