"""What Explore shows without a run of the page: the Flow figure, a layer, and a pulled scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gradflow.core.remedies.training import SEEDS
from gradflow.core.text import find_language, read_in
from gradflow.ui.answers import HEADERS, answer_packed, is_idle
from gradflow.ui.explore.compute import pack_flow, pack_layer, pack_scale
from gradflow.ui.explore.cure_training import ROUTE as TRAINING_ROUTE
from gradflow.ui.explore.cure_training import write_training
from gradflow.ui.explore.flow import ROUTE, read_address, read_experiment

LAYER_ROUTE = "layer"
SCALE_ROUTE = "scale"
PREFETCH = "prefetch"
"""A parameter: the figure is not asked for yet; a server that has work refuses."""


def make_routes() -> list[Route]:
    """Make the routes below ``gf/``."""
    return [
        Route(f"/{ROUTE}", answer_flow, methods=["GET"]),
        Route(f"/{LAYER_ROUTE}", answer_layer, methods=["GET"]),
        Route(f"/{SCALE_ROUTE}", answer_scale, methods=["GET"]),
        Route(f"/{TRAINING_ROUTE}", answer_cure, methods=["GET"]),
    ]


async def answer_flow(request: Request) -> Response:
    """Answer with the content of a figure, as ``PackedFigure`` has it."""
    return await _answer(
        request, lambda texts: pack_flow(*read_address(texts)).content, "application/x-ndjson"
    )


async def answer_layer(request: Request) -> Response:
    """Answer with a layer of the network that a figure's address names, as JSON."""

    def write(texts: Mapping[str, str]) -> bytes:
        number = texts.get("layer", "")
        layer = int(number) if number.isascii() and number.isdecimal() and len(number) < 6 else 1
        return pack_layer(*read_address(texts), layer)

    return await _answer(request, write, "application/json")


async def answer_scale(request: Request) -> Response:
    """Answer with the settings for a factor per layer, as JSON; ``level`` is its log10."""

    def write(texts: Mapping[str, str]) -> bytes:
        try:
            level = float(texts.get("level", ""))
        except ValueError:
            level = 0.0
        return pack_scale(*read_experiment(texts), level if math.isfinite(level) else 0.0)

    return await _answer(request, write, "application/json")


async def answer_cure(request: Request) -> Response:
    """Answer with what training a cure comes to, as JSON, with one run or several."""

    def write(texts: Mapping[str, str]) -> bytes:
        seeds = SEEDS if texts.get("runs") == str(SEEDS) else 1
        return write_training(*read_experiment(texts), texts.get("code", ""), seeds)

    return await _answer(request, write, "application/json")


async def _answer(
    request: Request, write: Callable[[Mapping[str, str]], bytes], media_type: str
) -> Response:
    """Answer with what the settings in an address give, as ``answer_packed`` does.

    To a prefetch the answer is 503 if the server has anything to do.
    """
    texts = dict(request.query_params)
    if texts.pop(PREFETCH, "") and not is_idle():
        return Response(status_code=503, headers=HEADERS)
    with read_in(find_language(texts.get("language", ""))):  # for the sentences of errors
        return await answer_packed(request, lambda: write(texts), media_type)
