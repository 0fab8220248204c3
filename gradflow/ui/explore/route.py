"""The Flow figure without a run of the page: what a slider fetches while it moves."""

from __future__ import annotations

import gzip

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gradflow.core.errors import GradflowError
from gradflow.core.text import find_language, read_in
from gradflow.ui.answers import Abandoned, TooBusy, compute_answer, is_idle
from gradflow.ui.compression import accepts_gzip
from gradflow.ui.explore.compute import pack_flow
from gradflow.ui.explore.flow import ROUTE, read_address

PREFETCH = "prefetch"
"""A parameter: the figure is not asked for yet; a server that has work refuses."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


def make_route() -> Route:
    """Make the route below ``gf/`` that answers with a Flow figure."""
    return Route(f"/{ROUTE}", answer, methods=["GET"])


async def answer(request: Request) -> Response:
    """Answer with the content of a figure, as ``PackedFigure`` has it.

    422 with a sentence if the settings are impossible, the one that the page shows; 503 if the
    server has too much to do, and for a prefetch if it has anything to do.
    """
    texts = dict(request.query_params)
    if texts.pop(PREFETCH, "") and not is_idle():
        return Response(status_code=503, headers=_HEADERS)

    def compute() -> bytes:
        content = pack_flow(*read_address(texts)).content
        return gzip.compress(content, compresslevel=1) if packs else content

    packs = accepts_gzip(request.headers)
    with read_in(find_language(texts.get("language", ""))):  # for the sentences of errors
        try:
            content = await compute_answer(request, compute)
        except GradflowError as error:
            return Response(str(error), 422, _HEADERS, "text/plain")
        except (TooBusy, Abandoned):
            return Response(status_code=503, headers=_HEADERS)
    encoding = {"Content-Encoding": "gzip"} if packs else {}
    return Response(content, headers=_HEADERS | encoding, media_type="application/x-ndjson")
