"""Compression: how a browser wants it, and Streamlit's own scripts, each compressed once.

Streamlit sends them as they are, 3 MB of text on a first visit, and leaves compression to a proxy,
because compressing anew for every visitor costs more than it saves. Here each is compressed once
per process.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any, NamedTuple

import brotli
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FOLDER = "/static/"
_KINDS = (".js", ".css")
_REFUSED = re.compile(r";q=0(\.0*)?$")


class Packing(NamedTuple):
    """A way to compress: its name in HTTP, and what does it."""

    name: str
    pack: Callable[[bytes], bytes]


PACKINGS = (
    Packing("br", partial(brotli.compress, quality=9)),  # 16 % less of plotly.js, in 2 s
    Packing("gzip", partial(gzip.compress, mtime=0)),
)
"""For what is sent again and again; the best comes first.

Browsers take Brotli from this machine and over https alone.
"""


def choose_packing(headers: Headers) -> Packing | None:
    """Choose how to compress for a browser; ``None`` if it cannot unpack anything."""
    accepted = _list_accepted(headers)
    return next((packing for packing in PACKINGS if packing.name in accepted), None)


def accepts_gzip(headers: Headers) -> bool:
    """Whether a browser can unpack what is compressed with gzip."""
    return "gzip" in _list_accepted(headers)


def _list_accepted(headers: Headers) -> set[str]:
    words = headers.get("accept-encoding", "").replace(" ", "").split(",")
    return {word.partition(";")[0] for word in words if not _REFUSED.search(word)}


class CompressScripts:
    """ASGI middleware that compresses what Streamlit answers below ``/static/``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._packed: dict[tuple[str, bytes], bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; what is no script, or not wanted compressed, passes as it is."""
        packing = _find_packing(scope)
        if packing is None:
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
            body = await self._pack(body, packing)
            headers["Content-Encoding"] = packing.name
            headers["Content-Length"] = str(len(body))
            headers.add_vary_header("Accept-Encoding")
            if tag := headers.get("etag"):
                headers["ETag"] = f"W/{tag}"  # the same content in another form
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _pack(self, body: bytes, packing: Packing) -> bytes:
        key = packing.name, hashlib.blake2b(body).digest()
        if key not in self._packed:
            self._packed[key] = await asyncio.to_thread(packing.pack, body)
        return self._packed[key]


def _find_packing(scope: Scope) -> Packing | None:
    """Find how to compress what is asked for; ``None`` for all that is no script."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    headers, path = Headers(scope=scope), scope["path"]
    is_script = _FOLDER in path and path.endswith(_KINDS) and "range" not in headers
    return choose_packing(headers) if is_script else None
