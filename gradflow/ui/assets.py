"""The scripts that our components need, as routes: compressed once, kept by browsers for good."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import threading
from functools import cached_property
from pathlib import Path

import plotly
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gradflow.ui.compression import accepts_gzip

_HERE = Path(__file__).parent
_YEAR = 365 * 24 * 60 * 60  # seconds


class Script:
    """A JavaScript file whose address changes with its content.

    Attributes:
        name: its name in the address.
        version: a hash of its content.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.name = name
        self.version = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()

    @property
    def address(self) -> str:
        """Where it is served, seen from the app's root."""
        return f"gf/{self.name}?v={self.version}"

    def compress(self) -> bytes:
        """Compress the file with gzip: 0.6 s for plotly.js the first time, nothing later."""
        with self._lock:
            return self._packed

    @cached_property
    def _packed(self) -> bytes:
        return gzip.compress(self._path.read_bytes(), mtime=0)

    def make_route(self) -> Route:
        """Make the route that serves the file below ``gf/``."""
        return Route(f"/{self.name}", self._answer, methods=["GET"])

    async def _answer(self, request: Request) -> Response:
        packs = accepts_gzip(request.headers)
        tag = f'"{self.version}-gzip"' if packs else f'"{self.version}"'
        # Another version may be asked for while a page from before an update is open.
        is_current = request.query_params.get("v") == self.version
        headers = {
            "Cache-Control": f"public, max-age={_YEAR}, immutable" if is_current else "no-cache",
            "ETag": tag,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if _knows(request, tag):
            return Response(status_code=304, headers=headers)
        if packs:
            body = await asyncio.to_thread(self.compress)
            headers["Content-Encoding"] = "gzip"
        else:
            body = await asyncio.to_thread(self._path.read_bytes)
        headers["Content-Length"] = str(len(body))
        if request.method == "HEAD":
            body = b""
        return Response(body, media_type="text/javascript", headers=headers)


def _knows(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or tag in [t.strip().removeprefix("W/") for t in known.split(",")]


PLOTLY = Script(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", "plotly.js")
"""Plotly's own library, from the installed package."""
FIGURE = Script(_HERE / "figures" / "figure.js", "figure.js")
"""Our script around one graph."""
NUMBER = Script(_HERE / "numbers" / "number.js", "number.js")
"""Our script of a slider that a figure follows."""
CARDS = Script(_HERE / "welcome" / "cards.js", "cards.js")
"""Our script of the networks to start from."""
TOUR = Script(_HERE / "welcome" / "tour.js", "tour.js")
"""Our script of the tour, which is fetched when it is taken."""
SCRIPTS = (PLOTLY, FIGURE, NUMBER, CARDS, TOUR)
