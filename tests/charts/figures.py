"""Reading figures in tests: as the browser gets them, and checked against Plotly's schema."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from gradflow.charts.encode import encode_figure


def to_browser(figure: go.Figure) -> dict[str, Any]:
    """The figure as the browser gets it, after checking every attribute against the schema."""
    data: dict[str, Any] = json.loads(encode_figure(figure))
    assert data == json.loads(figure.to_json())  # Plotly's own way, which is slower
    go.Figure(data)  # raises on an unknown attribute or an impossible value
    return data


def decode(value: Any) -> npt.NDArray[Any]:
    """Decode a typed array; plain lists too (``None`` becomes NaN)."""
    if not isinstance(value, dict):
        return np.array([np.nan if v is None else v for v in value])
    flat = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
    shape = value.get("shape")
    return flat.reshape([int(n) for n in shape.split(",")]) if shape else flat


def find_traces(data: dict[str, Any], **wanted: Any) -> list[dict[str, Any]]:
    """Traces whose attributes equal ``wanted``."""
    return [t for t in data["data"] if all(t.get(k) == v for k, v in wanted.items())]


def read_words(data: dict[str, Any]) -> str:
    """All annotations, joined."""
    return " | ".join(a["text"] for a in data["layout"].get("annotations", []))
