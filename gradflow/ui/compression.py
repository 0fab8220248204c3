"""Streamlit's own scripts, compressed: each once, and kept for the next visitor.

Streamlit sends them as they are, 3 MB of text on a first visit, and leaves compression to a proxy,
because compressing anew for every visitor costs more than it saves. Here each is compressed once
per process.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FOLDER = "/static/"
_KINDS = (".js", ".css")


class CompressScripts:
    """ASGI middleware that compresses what Streamlit answers below ``/static/``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._packed: dict[bytes, bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what is no script, or not wanted compressed, passes as it is."""
        if not _asks_for_packed_script(scope):
            await self._app(scope, receive, send)
            return
        start: Message = {}
        parts: list[bytes] = []

        async def collect(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))

        await self._app(scope, receive, collect)
        body = b"".join(parts)
        headers = MutableHeaders(raw=start["headers"])
        if start["status"] == 200 and body and "content-encoding" not in headers:
            body = await self._pack(body)
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(body))
            headers.add_vary_header("Accept-Encoding")
            if tag := headers.get("etag"):
                headers["ETag"] = f"W/{tag}"  # the same content in another form
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _pack(self, body: bytes) -> bytes:
        content = hashlib.blake2b(body).digest()
        if content not in self._packed:
            self._packed[content] = await asyncio.to_thread(gzip.compress, body, mtime=0)
        return self._packed[content]


def _asks_for_packed_script(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    headers, path = Headers(scope=scope), scope["path"]
    return (
        _FOLDER in path
        and path.endswith(_KINDS)
        and accepts_gzip(headers)
        and "range" not in headers
    )


def accepts_gzip(headers: Headers) -> bool:
    """Whether a browser can unpack what is compressed with gzip."""
    return "gzip" in headers.get("accept-encoding", "")
