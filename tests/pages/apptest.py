"""Reading an app in tests."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def working(app: AppTest) -> AppTest:
    assert not app.exception
    return app


def url(app: AppTest) -> dict[str, str]:
    """The query parameters."""
    found = {n: t if isinstance(t, str) else t[0] for n, t in app.query_params.items()}
    return {name: found[name] for name in sorted(found)}


def chart(app: AppTest, index: int = 0) -> dict[str, Any]:
    """A figure as the browser gets it."""
    data: dict[str, Any] = json.loads(app.get("plotly_chart")[index].proto.spec)
    return data


def sentences(app: AppTest) -> str:
    """All coloured boxes but errors."""
    return " ".join(box.value for kind in ("success", "info", "warning") for box in app.get(kind))
