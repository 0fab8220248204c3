"""The route at which a browser fetches the frames of a run."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gradflow.charts.flow.data import GRADIENTS
from gradflow.core.training import BackgroundRun, Run
from gradflow.ui.answers import answer_packed
from gradflow.ui.training.films import FILMS, pack_frames

ROUTE = "film"
"""The route's name below ``gf/``."""


def make_route() -> Route:
    """Make the route below ``gf/``."""
    return Route(f"/{ROUTE}", answer_frames, methods=["GET"])


def write_address(run: Run | BackgroundRun) -> str:
    """Write where the frames of a run are; ``gradient`` and a number, ``first``, are added."""
    return f"gf/{ROUTE}?{urlencode({'key': FILMS.find_key(run)})}"


async def answer_frames(request: Request) -> Response:
    """Answer with the frames of a run from ``first`` on; 404 if nobody keeps the run any more."""
    texts = request.query_params
    run, gradient, first = (
        FILMS.find_run(texts.get("key", "")),
        texts.get("gradient"),
        texts.get("first", ""),
    )
    known = next((name for name in GRADIENTS if name == gradient), GRADIENTS[0])
    if run is None:
        return Response(status_code=404)
    start = int(first) if first.isascii() and first.isdecimal() and len(first) < 6 else 0
    return await answer_packed(
        request, lambda: pack_frames(run, known, start), "application/octet-stream"
    )
