"""What training a cure of the way back through time comes to, as browsers ask for it."""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gradflow.core.text import find_language, read_in
from gradflow.ui.answers import answer_packed
from gradflow.ui.recurrent import compute
from gradflow.ui.recurrent.cures import ROUTE, describe_result
from gradflow.ui.recurrent.state import PASS
from gradflow.ui.settings.link import select_known


def make_route() -> Route:
    """Make the route below ``gf/``."""
    return Route(f"/{ROUTE}", answer_cure, methods=["GET"])


async def answer_cure(request: Request) -> Response:
    """Answer with what training a cure comes to, as JSON."""
    texts = dict(request.query_params)
    language = find_language(texts.get("language", ""))

    def write() -> bytes:
        spec = PASS.codec.from_query(select_known(texts, PASS.codec.list_names()))
        result = compute.train_cure(spec, texts.get("code", ""))
        return json.dumps(describe_result(result)).encode()

    with read_in(language):
        return await answer_packed(request, write, "application/json")
