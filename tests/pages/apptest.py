"""Opening and reading the app in tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from streamlit.testing.v1 import AppTest


def check_works(app: AppTest) -> AppTest:
    assert not app.exception
    return app


def open_link(app: AppTest, page: str, query: dict[str, str]) -> AppTest:
    """Open a page by a link with this query."""
    app.run()
    app.switch_page(f"../../pages/{page}.py")
    app.query_params.clear()
    for name, text in query.items():
        app.query_params[name] = text
    return check_works(app.run())


def read_url(app: AppTest) -> dict[str, str]:
    """Read the query parameters, sorted by name."""
    texts = {n: t if isinstance(t, str) else t[0] for n, t in app.query_params.items()}
    return {name: texts[name] for name in sorted(texts)}


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


def list_charts(app: AppTest) -> list[Chart]:
    """List all figures, in the order of the page."""
    graphs = [c for c in app.get("bidi_component") if c.proto.component_name == "gradflow_figure"]
    return [_unpack_chart(graph) for graph in graphs]


def _unpack_chart(graph: Any) -> Chart:
    head, spec = graph.proto.bytes.split(b"\n", 1)
    return Chart(graph.key, json.loads(head), json.loads(spec))


def read_chart(app: AppTest, index: int = 0) -> dict[str, Any]:
    """Read the spec of a figure."""
    return list_charts(app)[index].spec


def read_boxes(app: AppTest) -> str:
    """Read all coloured boxes but errors."""
    return " ".join(box.value for kind in ("success", "info", "warning") for box in app.get(kind))


def read_markdown(app: AppTest) -> str:
    return "\n".join(text.value for text in app.markdown)
