"""What all charts share: making a figure from plain data, empty figures, columns of layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go

from gradflow.charts.theme import PALETTES, TEXT_SIZE, TITLE_SIZE, Mode, make_template
from gradflow.core.report import Rows
from gradflow.core.text import _

FloatArray = npt.NDArray[np.float64]


def build_figure(data: list[dict[str, Any]], layout: dict[str, Any], mode: Mode) -> go.Figure:
    """A figure from plain dicts.

    Plotly's validation takes longer than everything else together, and the tests validate every
    figure; so it is left out here. Short arrays go as lists: Plotly's conversion of an array to
    base64 takes 0.1 ms, however short it is.
    """
    traces = [{name: _short_as_list(value) for name, value in trace.items()} for trace in data]
    figure = go.Figure(
        {"data": traces, "layout": {"template": make_template(mode), **layout}}, _validate=False
    )
    figure._validate = True  # for whoever edits the figure later
    return figure


_SHORT = 256


def _short_as_list(value: Any) -> Any:
    if not isinstance(value, np.ndarray) or value.ndim != 1 or len(value) > _SHORT:
        return value
    entries = value.tolist()
    if value.dtype.kind == "f" and not np.isfinite(value).all():
        return [entry if math.isfinite(entry) else None for entry in entries]
    return entries


def empty_figure(title: str, *, mode: Mode = "light", height: int = 240) -> go.Figure:
    """A figure with nothing but ``title`` in its middle: what charts without data return."""
    palette = PALETTES[mode]
    hidden = {"visible": False, "range": [0, 1], "fixedrange": True}
    note = {
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
        "annotations": [note],
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
    }
    return build_figure([], layout, mode)


def make_note(text: str, x: float, y: float, **options: Any) -> dict[str, Any]:
    """An annotation without an arrow, placed in the figure (0 … 1) unless ``xref`` says else."""
    where = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return {"text": text, "x": x, "y": y, "showarrow": False, **where, **options}


def make_footnote(
    texts: Sequence[str], mode: Mode, below: int = 62
) -> tuple[int, list[dict[str, Any]]]:
    """What marks mean, in a line ``below`` the plot in pixels: the room it takes, annotations."""
    if not texts:
        return 0, []
    look = {"size": TEXT_SIZE - 1, "color": PALETTES[mode].muted}
    return 26, [make_note("   ".join(texts), 0, 0, yanchor="top", yshift=-below, font=look)]


def name_rows(rows: Rows, first: int = 1) -> tuple[str, str]:
    """What the rows of ``report.layers`` are called: on an axis, and with a number behind it.

    Row ``first`` 0 is what enters the first block.
    """
    if first == 0:
        return _("branch (the residual stream behind it; start: what enters the first)"), (
            _("branch")
        )
    return {
        "layer": (_("layer (1 is next to the input, the last next to the loss)"), _("layer")),
        "block": (_("branch (the residual stream behind it; the loss is on the right)"),
                  _("branch")),
        "step": (_("time step (the loss is on the right)"), _("step")),
    }[rows]  # fmt: skip


def read_column(table: pd.DataFrame, name: str) -> FloatArray:
    """A column as float64; NaN throughout where the table lacks it."""
    if name not in table:
        return np.full(len(table), math.nan)
    return table[name].to_numpy(np.float64)


def choose_layer_ticks(count: int, every: int = 20, wanted: int = 12) -> list[int]:
    """Layer numbers to print: all up to ``every``, else 1, the last and about ``wanted`` round."""
    if count <= every:
        return list(range(1, count + 1))
    step = next(s for s in (5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if count / s <= wanted)
    inner = [i for i in range(step, count, step) if count - i >= 0.7 * step]
    return [1, *inner, count]


def make_layer_axis(count: int, *, first: int = 1, **options: Any) -> dict[str, Any]:
    """The x axis of charts over layers: layer 1 at the input side, the readout at the right.

    ``count`` is the last number; ``first`` 0 makes room for the start of a residual stream.
    """
    ticks: dict[str, Any] = {"tickvals": choose_layer_ticks(count)}
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


def find_layer_range(layers: pd.DataFrame) -> tuple[int, int]:
    """First and last number of the rows of ``report.layers``."""
    numbers = layers["layer"]
    return (int(numbers.iloc[0]), int(numbers.iloc[-1])) if len(numbers) else (1, 0)


def make_legend() -> dict[str, Any]:
    """A legend in one row above the plot, where it covers nothing."""
    return {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
