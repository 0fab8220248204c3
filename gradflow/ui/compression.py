"""Compression: how a browser wants it, and scripts, each compressed once per process.

Streamlit sends its own as they are, 3 MB of text on a first visit, and leaves compression to a
proxy, because compressing anew for every visitor costs more than it saves. Here the first visitor
gets them compressed quickly, and later ones as small as they can be.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
import threading
from collections.abc import Callable, Hashable, MutableMapping
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
    Packing("br", partial(brotli.compress, quality=9)),  # 16 % less of plotly.js, in 0.4 s
    Packing("gzip", partial(gzip.compress, mtime=0)),
)
"""For what is sent again and again; the best comes first.

Browsers take Brotli from this machine and over https alone.
"""
_TIGHT_QUALITY = 11
_PIECE_BYTES = 2**18
"""What is compressed tightly at a time, in half a second."""


class PackedBodies:
    """What is sent again and again, by what it is and how it is compressed."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._packed: dict[tuple[str, Hashable], bytes] = {}
        self._tight: set[tuple[str, Hashable]] = set()

    def pack(self, packing: Packing, what: Hashable, read: Callable[[], bytes]) -> bytes:
        """Compress what ``read`` reads, the first time; ``what`` names it."""
        key = packing.name, what
        if key not in self._packed:
            with self._guard:
                if key not in self._packed:
                    self._packed[key] = packing.pack(read())
        return self._packed[key]

    def tighten(self, advance: Callable[[], None]) -> None:
        """Compress anew what Brotli has compressed quickly: 9 % less of plotly.js, in 8 s.

        Args:
            advance: called before each half second of that; what it raises ends the work.
        """
        for key in self._packed.keys() - self._tight:
            if key[0] == "br":
                self._packed[key] = _pack_tightly(brotli.decompress(self._packed[key]), advance)
            self._tight.add(key)


def _pack_tightly(body: bytes, advance: Callable[[], None]) -> bytes:
    compressor, parts = brotli.Compressor(quality=_TIGHT_QUALITY), []
    for start in range(0, len(body), _PIECE_BYTES):
        advance()
        parts += [compressor.process(body[start : start + _PIECE_BYTES]), compressor.flush()]
    return b"".join([*parts, compressor.finish()])


PACKED = PackedBodies()
"""Those of this process."""


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
            what = hashlib.blake2b(body).digest()
            packed = await asyncio.to_thread(PACKED.pack, packing, what, lambda: body)
            headers["Content-Encoding"] = packing.name
            headers["Content-Length"] = str(len(packed))
            headers.add_vary_header("Accept-Encoding")
            if tag := headers.get("etag"):
                headers["ETag"] = f"W/{tag}"  # the same content in another form
            body = packed
        await send(start)
        await send({"type": "http.response.body", "body": body})


def _find_packing(scope: Scope) -> Packing | None:
    """Find how to compress what is asked for; ``None`` for all that is no script."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    headers, path = Headers(scope=scope), scope["path"]
    is_script = _FOLDER in path and path.endswith(_KINDS) and "range" not in headers
    return choose_packing(headers) if is_script else None
