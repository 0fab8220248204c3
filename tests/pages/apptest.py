"""Opening and reading the app in tests."""

from __future__ import annotations

import json
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


def read_chart(app: AppTest, index: int = 0) -> dict[str, Any]:
    """Read a figure as the browser gets it."""
    data: dict[str, Any] = json.loads(app.get("plotly_chart")[index].proto.spec)
    return data


def read_boxes(app: AppTest) -> str:
    """Read all coloured boxes but errors."""
    return " ".join(box.value for kind in ("success", "info", "warning") for box in app.get(kind))


def read_markdown(app: AppTest) -> str:
    return "\n".join(text.value for text in app.markdown)
