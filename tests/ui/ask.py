"""Asking the app's own routes, as a browser and as a cache in between ask."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from gradflow.ui.routes import list_routes

# Streamlit compresses what its routes answer; what is compressed already must pass through.
APP = Starlette(routes=list_routes(), middleware=[Middleware(GZipMiddleware, minimum_size=500)])


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    path: str, method: str = "GET", *, app: Starlette = APP, body: bytes = b"", **headers: str
) -> Answer:
    """Ask for ``path``; a header's name has ``_`` for ``-``."""
    path, _mark, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    messages = []
    requests = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, object]:
        if not requests:
            await asyncio.Event().wait()  # the client stays
        return requests.pop()

    async def send(message: dict[str, object]) -> None:
        messages.append(message)

    asyncio.run(app(scope, receive, send))
    start = messages[0]
    assert start["type"] == "http.response.start"
    return Answer(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in messages[1:]),
    )
