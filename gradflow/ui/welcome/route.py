"""The small figures as pictures with an address."""

from __future__ import annotations

from typing import get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gradflow.charts.theme import Mode
from gradflow.core.errors import GradflowError
from gradflow.core.experiment import Experiment
from gradflow.core.presets import PRESETS
from gradflow.ui.answers import Abandoned, TooBusy, compute_answer
from gradflow.ui.welcome.compute import draw_thumbnail

ROUTE = "thumbnail"
"""The route's name below ``gf/``."""
_HEADERS = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}


def make_route() -> Route:
    """Make the route below ``gf/`` that answers with a picture."""
    return Route(f"/{ROUTE}", answer, methods=["GET"])


async def answer(request: Request) -> Response:
    """Answer with the picture of a preset; 404 if there is none, 503 if there is too much to do."""
    preset = PRESETS.get(request.query_params.get("preset", ""))
    return await answer_picture(request, None if preset is None else preset.experiment)


async def answer_picture(request: Request, experiment: Experiment | None) -> Response:
    """Answer with the small Flow figure of an experiment, in the mode that the request names.

    404 if there is none, or it cannot be run; 503 if there is too much to do.
    """
    wanted = request.query_params.get("mode")
    mode: Mode | None = next((mode for mode in get_args(Mode) if mode == wanted), None)
    if experiment is None or mode is None:
        return Response(status_code=404)
    try:
        picture = await compute_answer(request, lambda: draw_thumbnail(experiment, mode))
    except GradflowError:
        return Response(status_code=404)
    except (TooBusy, Abandoned):
        return Response(status_code=503)
    return Response(picture, headers=_HEADERS, media_type="image/svg+xml")
