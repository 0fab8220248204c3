"""Figures as JSON for Plotly's JavaScript."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.utils import PlotlyJSONEncoder

from gradflow.charts.figure import get_spec

_TYPE_CODES = {
    "float64": "f8",
    "float32": "f4",
    "int32": "i4",
    "int16": "i2",
    "int8": "i1",
    "uint32": "u4",
    "uint16": "u2",
    "uint8": "u1",
}
"""Plotly's names of the array types that a browser has."""


def encode_figure(figure: go.Figure) -> bytes:
    """Encode a figure as UTF-8 JSON, its arrays in base64, as ``figure.to_json`` does.

    That copies the whole figure first and walks through it in Python: 9 ms for the Flow figure,
    this 1 ms.

    Args:
        figure: any figure; it is not changed.

    Returns:
        An object with ``data``, ``layout`` and, of an animation, ``frames``.
    """
    spec = get_spec(figure)
    try:
        text = json.dumps(
            spec, default=_encode_other, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        )
    except ValueError:  # a bare NaN or infinity, which JSON lacks: null
        text = figure.to_json(engine="json")
    return text.encode()


def _encode_other(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _encode_array(value)
    if isinstance(value, np.generic):
        return value.item()
    return PlotlyJSONEncoder().default(value)


def _encode_array(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.name in ("int64", "uint64"):
        array = _shrink_integers(array)
    code = _TYPE_CODES.get(array.dtype.name)
    if code is None or array.size == 0:
        return array.tolist()
    spec = {"dtype": code, "bdata": base64.b64encode(array.tobytes()).decode("ascii")}
    if array.ndim > 1:
        spec["shape"] = ", ".join(map(str, array.shape))
    return spec


def _shrink_integers(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    signed = array.dtype.kind == "i"
    for smaller in (np.int8, np.int16, np.int32) if signed else (np.uint8, np.uint16, np.uint32):
        if np.iinfo(smaller).min <= low and high <= np.iinfo(smaller).max:
            return array.astype(smaller)
    return array
