"""Who opens a lesson with the code of a class: its presenter, or a phone that votes."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gradflow.core.errors import GradflowError
from gradflow.ui.classroom.ballots import BALLOTS
from gradflow.ui.classroom.route import HOST_COOKIE, PAGE, read_code

PATH = "/learn"
"""The end of the path of the page of lessons."""


class ClassDoor:
    """ASGI middleware: sends phones from ``/learn?class=…`` to the light page that is for them.

    The presenter's browser, which a cookie makes known, gets the page of lessons itself.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the app answer it."""
        if scope["type"] != "http" or not scope["path"].endswith(PATH):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        code = read_code(request.query_params.get("class", ""))
        if not code or await _is_host(code, request.cookies.get(HOST_COOKIE, "")):
            await self._app(scope, receive, send)
            return
        root = scope["path"].removesuffix(PATH)
        answer = RedirectResponse(f"{root}/gf/{PAGE}?{urlencode({'class': code})}", 303)
        await answer(scope, receive, send)


async def _is_host(code: str, host: str) -> bool:
    try:
        return await run_in_threadpool(BALLOTS.is_host, code, host)
    except GradflowError:  # the page of phones says so
        return False
