"""A figure in words: where its lines begin and end, for who cannot see them."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from gradflow.charts.figure import FloatArray, get_spec
from gradflow.core.numbers import format_number
from gradflow.core.text import _

SPOKEN = {"spoken": True}
"""``meta`` of a line that is said in words although no legend names it."""
SIGNED = "threshold"
"""In ``meta`` of a line on an axis that is logarithmic on either side of 0: where that begins."""
_MOST_LINES = 6
"""A list of more is no help to who hears it."""
_POWERS = "10<sup>"
"""Prefix of the labels of an axis over logarithms."""


def describe_lines(figure: go.Figure) -> str:
    """Say where each line of the legend begins and ends, and each that is ``SPOKEN``."""
    spec = get_spec(figure)
    layout = spec["layout"]
    has_legend = layout.get("showlegend", True)
    sentences = [
        _describe_line(trace, *ends, layout)
        for trace in spec["data"]
        if _is_spoken(trace) or (has_legend and trace.get("showlegend", True))
        for ends in _find_ends(trace)
    ]
    return " ".join(sentences[:_MOST_LINES])


def _is_spoken(trace: Mapping[str, Any]) -> bool:
    meta = trace.get("meta")
    return isinstance(meta, Mapping) and bool(meta.get("spoken"))


def _take_back(place: float, threshold: float) -> float:
    """Take back what an axis that is logarithmic on either side of 0 does to a value."""
    return math.copysign(threshold * math.expm1(abs(place) * math.log(10)), place)


def _find_ends(trace: Mapping[str, Any]) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Find x and y of the first and the last point; nothing for what is no line with a name."""
    is_line = trace.get("type") == "scatter" and "lines" in trace.get("mode", "lines")
    if not is_line or not trace.get("name"):
        return
    try:
        x, y = (np.asarray(trace[axis], np.float64) for axis in ("x", "y"))
        drawn = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    except (KeyError, TypeError, ValueError):  # dates, words, or x left out
        return
    if drawn.size:
        yield x[drawn[[0, -1]]], y[drawn[[0, -1]]]


def _describe_line(
    trace: Mapping[str, Any], x: FloatArray, y: FloatArray, layout: Mapping[str, Any]
) -> str:
    name = html.unescape(re.sub(r"<[^<>]*>", "", trace["name"]))
    start, end = (_write(value, _find_axis(trace, "x", layout)) for value in x)
    signed = trace["meta"].get(SIGNED, 0.0) if _is_spoken(trace) else 0.0
    values = [_take_back(value, signed) if signed else value for value in y.tolist()]
    first, last = (_write(value, _find_axis(trace, "y", layout)) for value in values)
    if start == end:
        return _("{name}: {value} at {x}.").format(name=name, value=first, x=start)
    return _("{name}: {first} at {start}, {last} at {end}.").format(
        name=name, first=first, start=start, last=last, end=end
    )


def _find_axis(trace: Mapping[str, Any], kind: str, layout: Mapping[str, Any]) -> Any:
    number = trace.get(f"{kind}axis", kind)[1:]
    return layout.get(f"{kind}axis{number}", {})


def _write(value: float, axis: Mapping[str, Any]) -> str:
    is_logarithm = axis.get("tickprefix") == _POWERS
    return format_number(10.0**value if is_logarithm else value)
