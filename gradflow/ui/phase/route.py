"""The small Flow figure of a cell, as a picture with an address."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gradflow.core.errors import GradflowError
from gradflow.core.experiment import Experiment
from gradflow.ui.phase.state import PhaseCodec
from gradflow.ui.welcome.route import answer_picture

ROUTE = "cell"
"""The route's name below ``gf/``."""


def make_route() -> Route:
    """Make the route below ``gf/`` that answers with a picture."""
    return Route(f"/{ROUTE}", answer, methods=["GET"])


async def answer(request: Request) -> Response:
    """Answer with the picture of a cell of the map that the address describes; 404 if none."""
    texts = {n: text for n, text in request.query_params.items() if n != "mode"}
    return await answer_picture(request, _find_experiment(texts))


def _find_experiment(texts: dict[str, str]) -> Experiment | None:
    number = texts.pop("cell", "")
    if not (number.isascii() and number.isdecimal() and len(number) < 6):
        return None
    try:
        grid = PhaseCodec().from_query(texts).grid
        return grid.make_experiment(grid.find_point(int(number)))
    except (GradflowError, IndexError):
        return None
