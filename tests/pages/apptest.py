"""Reading an app in tests."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from typing import Any

from streamlit.testing.v1 import AppTest


def working(app: AppTest) -> AppTest:
    """The app, after a run without an exception; all it keeps in the session can be pickled."""
    assert not app.exception
    for value in app.session_state.values():
        if type(value).__module__ != _COMPONENT_VALUES:
            pickle.dumps(value)
    return app


_COMPONENT_VALUES = "streamlit.components.v2.presentation"
"""Made anew by Streamlit whenever they are read; a local class that pickle refuses."""


def url(app: AppTest) -> dict[str, str]:
    """The query parameters."""
    found = {n: t if isinstance(t, str) else t[0] for n, t in app.query_params.items()}
    return {name: found[name] for name in sorted(found)}


@dataclass(frozen=True)
class Chart:
    """A figure as the browser gets it.

    Attributes:
        key: its place on the page.
        head: the line about it: name, alt, version, height and what its buttons say.
        spec: ``data``, ``layout`` and, of an animation, ``frames``.
    """

    key: str
    head: dict[str, Any]
    spec: dict[str, Any]

    @property
    def alt(self) -> str:
        return str(self.head["alt"])


def charts(app: AppTest) -> list[Chart]:
    """All figures, in the order of the page."""
    graphs = [c for c in app.get("bidi_component") if c.proto.component_name == "gradflow_figure"]
    return [_unpack(graph) for graph in graphs]


def _unpack(graph: Any) -> Chart:
    head, spec = graph.proto.bytes.split(b"\n", 1)
    return Chart(graph.key, json.loads(head), json.loads(spec))


def chart(app: AppTest, index: int = 0) -> dict[str, Any]:
    """The spec of a figure."""
    return charts(app)[index].spec


def sentences(app: AppTest) -> str:
    """All coloured boxes but errors."""
    return " ".join(box.value for kind in ("success", "info", "warning") for box in app.get(kind))
