"""Parts that all charts share: figures from plain data, notes, axes over layers, the legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, make_template
from gradflow.core.frozen import Table
from gradflow.core.report import Quantity, Report, Rows
from gradflow.core.text import _

FloatArray = npt.NDArray[np.float64]


_PARTS = ("data", "layout", "frames")


class PlainFigure(go.Figure):  # type: ignore[misc]
    """A figure that stays plain data until somebody looks at or changes anything of it.

    Plotly's objects for the traces of the Flow figure take 4 ms to make, and who only sends the
    figure to a browser does not need them.

    Args:
        spec: ``data``, ``layout`` and ``frames``, which are not validated; a copy of a figure is
            given more than that.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec: dict[str, Any] = {n: spec[n] for n in _PARTS if n in spec}

    def __getattr__(self, name: str) -> Any:
        """Make Plotly's objects when the first of their attributes is asked for."""
        spec = self.__dict__.pop("_spec", None)
        if spec is None:
            raise AttributeError(name)
        super().__init__(spec, _validate=False)
        self._validate = True  # for whoever edits the figure later
        return getattr(self, name)


def get_spec(figure: go.Figure) -> dict[str, Any]:
    """Return ``data``, ``layout`` and, of an animation, ``frames``, which must not be changed."""
    if isinstance(figure, PlainFigure) and "_spec" in vars(figure):
        return figure._spec
    spec: dict[str, Any] = {"data": figure._data, "layout": figure._layout}
    if figure.frames:
        spec["frames"] = [frame._props for frame in figure.frames]
    return spec


def build_figure(
    data: list[dict[str, Any]],
    layout: dict[str, Any],
    mode: Mode,
    frames: Sequence[dict[str, Any]] = (),
) -> go.Figure:
    """Make a figure from plain dicts; ``frames`` are those of an animation.

    Plotly's validation takes longer than everything else together, and the tests validate every
    figure; so it is left out here. Short arrays go as lists: Plotly's conversion of an array to
    base64 takes 0.1 ms, however short it is.
    """
    traces = [
        {name: _list_if_short(value) for name, value in trace.items() if value is not None}
        for trace in data
    ]
    spec = {"data": traces, "layout": {"template": make_template(mode), **layout}}
    return PlainFigure(spec | ({"frames": list(frames)} if frames else {}))


_LONGEST_LIST = 256


def _list_if_short(value: Any) -> Any:
    if not isinstance(value, np.ndarray) or value.ndim != 1 or len(value) > _LONGEST_LIST:
        return value
    entries = value.tolist()
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        return [entry if math.isfinite(entry) else None for entry in entries]
    return entries


def empty_figure(title: str, *, mode: Mode = "light", height: int = 240) -> go.Figure:
    """Make a figure with nothing but ``title`` in its middle, for charts that have no data."""
    palette = PALETTES[mode]
    hidden = {"visible": False, "range": [0, 1], "fixedrange": True}
    message = {
        "text": title,
        "x": 0.5,
        "y": 0.5,
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": {"size": TITLE_SIZE, "color": palette.muted},
    }
    layout = {
        "height": height,
        "xaxis": hidden,
        "yaxis": hidden,
        "annotations": [message],
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
    }
    return build_figure([], layout, mode)


def make_note(text: str, x: float, y: float, **options: Any) -> dict[str, Any]:
    """Make an annotation without an arrow; x and y are shares of the plot, or see ``options``."""
    position = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return {"text": text, "x": x, "y": y, "showarrow": False, **position, **options}


def make_footnote(
    texts: Sequence[str], mode: Mode, below: int = 62
) -> tuple[int, list[dict[str, Any]]]:
    """Explain marks in one line, ``below`` pixels under the plot.

    Returns:
        The height that the line takes, in pixels, and its annotation; 0 and none without texts.
    """
    if not texts:
        return 0, []
    look = {"size": TEXT_SIZE - 1, "color": PALETTES[mode].muted}
    return 26, [make_note("   ".join(texts), 0, 0, yanchor="top", yshift=-below, font=look)]


def name_rows(rows: Rows, first: int = 1) -> tuple[str, str]:
    """Name the rows of ``report.layers``: a title for their axis, and a word before a number.

    With ``first`` 0 there is a row for the signal that enters the first block.
    """
    if first == 0:
        title = _("branch (the signal behind it; start: what enters the first)")
        return title, _("branch")
    if rows == "layer":
        return _("layer (1 is next to the input, the last next to the loss)"), _("layer")
    if rows == "block":
        title = _("branch (the signal behind it; the loss is on the right)")
        return title, _("branch")
    return _("time step (the loss is on the right)"), _("step")


def read_column(table: Table | pd.DataFrame, name: str) -> FloatArray:
    """Read a column as float64; NaN throughout where the table lacks it."""
    if name not in table:
        return np.full(len(table), math.nan)
    return np.asarray(table[name], np.float64)


def find_absent(report: Report, what: Quantity) -> npt.NDArray[np.bool_]:
    """Find the layers of which nothing was recorded of a quantity; tables have NaN there.

    A histogram counts NaN as well: a layer without entries has none that could be NaN. Where a
    report has no histograms, nothing is taken for absent.
    """
    layers = read_column(report.get_table("layers"), "layer").tolist()
    if not report.histograms:
        return np.zeros(len(layers), bool)
    known = {layer for (name, layer), h in report.histograms.items() if name == what and h.total}
    return np.array([layer not in known for layer in layers], bool)


def choose_layer_ticks(count: int, every: int = 12, wanted: int = 12) -> list[int]:
    """Choose the layer numbers to print: up to ``every`` layers all of them.

    Of more layers the first, the last, and about ``wanted`` multiples of 5, 10, 20, 50 …
    """
    if count <= every:
        return list(range(1, count + 1))
    step = next(s for s in (5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if count / s <= wanted)
    inner = [i for i in range(step, count, step) if count - i >= 0.7 * step]
    return [1, *inner, count]


def make_layer_axis(
    count: int, *, first: int = 1, every: int = 12, wanted: int = 12, **options: Any
) -> dict[str, Any]:
    """Make the x axis of charts over layers: layer 1 at the input side, the readout at the right.

    ``count`` is the last number; ``first`` 0 makes room for the start of a residual stream. See
    ``choose_layer_ticks`` for ``every`` and ``wanted``.
    """
    ticks: dict[str, Any] = {"tickvals": choose_layer_ticks(count, every, wanted)}
    if first == 0:
        ticks["ticktext"] = [_("start"), *map(str, ticks["tickvals"])]
        ticks["tickvals"] = [0, *ticks["tickvals"]]
    return {
        "range": [first - 0.5, count + 0.5],
        **ticks,
        "tickangle": 0,
        "showgrid": False,
        **options,
    }


def find_layer_range(layers: Table) -> tuple[int, int]:
    """Find the first and the last number of the rows of ``report.layers``; (1, 0) if empty."""
    if "layer" not in layers or not len(layers):
        return 1, 0
    numbers = layers["layer"]
    return int(numbers[0]), int(numbers[-1])


def make_legend() -> dict[str, Any]:
    """Make a legend in one row above the plot, where it covers nothing."""
    return {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
