"""QR codes as pictures with an address."""

from __future__ import annotations

from functools import lru_cache

import segno
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ROUTE = "code"
"""The route's name below ``gf/``."""
_LONGEST = 2000
"""Characters of a link; more would be too fine for a camera."""
_BORDER = 4
"""Modules of white around a code, as ISO/IEC 18004 asks for."""
_HEADERS = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}


def make_route() -> Route:
    """Make the route below ``gf/`` that answers with the code of a link."""
    return Route(f"/{ROUTE}", answer, methods=["GET"])


async def answer(request: Request) -> Response:
    """Answer with the QR code of the link that is asked for; 422 if it is none or too long."""
    link = request.query_params.get("link", "")
    if not link.startswith(("http://", "https://")) or len(link) > _LONGEST:
        return Response(status_code=422, headers=_HEADERS)
    picture = await run_in_threadpool(draw_code, link)
    return Response(picture, headers=_HEADERS, media_type="image/svg+xml")


@lru_cache(256)
def draw_code(link: str) -> str:
    """Draw the QR code of a link, black on white, with as few modules as there can be.

    Returns:
        An SVG that takes the size of its place.
    """
    code = segno.make_qr(link, error="l", boost_error=False)
    picture: str = code.svg_inline(border=_BORDER, light="#fff", omitsize=True)
    return picture
