"""The plain routes of a class: a light page for phones, their votes, and the counts."""

from __future__ import annotations

import html
import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from functools import cache, wraps
from pathlib import Path
from string import Template
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from gradflow.core.errors import GradflowError
from gradflow.core.text import LANGUAGE, _, find_language, read_in
from gradflow.ui.assets import SCRIPTS
from gradflow.ui.classroom.ballots import BALLOTS, NoSuchClass, Refused

PAGE, VOTE, BALLOT, VOTES, CLASS = "phone", "vote", "ballot", "votes", "class"
"""The routes' names below ``gf/``."""
HOST_COOKIE, PHONE_COOKIE = "gradflow_class", "gradflow_phone"
_LONGEST_BODY = 500
_DAY = 24 * 60 * 60
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_PAGE = Path(__file__).with_name("phone.html")
Answer = Callable[[Request], Awaitable[Response]]


def make_routes() -> list[Route]:
    """Make the routes below ``gf/``."""
    return [
        Route(f"/{CLASS}", _guard(open_class), methods=["POST"]),
        Route(f"/{VOTES}", _guard(answer_votes), methods=["GET"]),
        Route(f"/{PAGE}", _guard(answer_page), methods=["GET"]),
        Route(f"/{BALLOT}", _guard(answer_ballot), methods=["GET"]),
        Route(f"/{VOTE}", _guard(take_vote), methods=["POST"]),
    ]


def _guard(answer: Answer) -> Answer:
    """Answer 404 where there is no such class, 409 where a vote is refused, 503 without a file."""

    @wraps(answer)
    async def answer_guarded(request: Request) -> Response:
        try:
            return await answer(request)
        except NoSuchClass:
            return Response(status_code=404, headers=_HEADERS)
        except Refused:
            return Response(status_code=409, headers=_HEADERS)
        except GradflowError as error:
            return Response(str(error), 503, _HEADERS, "text/plain")
        except sqlite3.Error:  # locked for long, or no room on the disk
            return Response(status_code=503, headers=_HEADERS)

    return answer_guarded


def read_code(text: str) -> str:
    """Read the code of a class as somebody typed it."""
    return text.strip().upper()[:20]


async def open_class(request: Request) -> Response:
    """Open a class for whoever asks; a cookie makes their browser its presenter's."""
    code, host = await run_in_threadpool(BALLOTS.open_class)
    response = JSONResponse({"code": code}, headers=_HEADERS)
    _set_cookie(request, response, HOST_COOKIE, host)
    return response


async def answer_votes(request: Request) -> Response:
    """Answer the presenter's page with the number of votes for each choice."""
    code = read_code(request.query_params.get("class", ""))
    host = request.cookies.get(HOST_COOKIE, "")

    def count() -> dict[str, Any]:
        if not BALLOTS.is_host(code, host):
            raise NoSuchClass  # whoever sees the votes before their own is no voter any more
        question, votes = BALLOTS.count_votes(code)
        return {"question": question, "votes": votes}

    return JSONResponse(await run_in_threadpool(count), headers=_HEADERS)


async def answer_page(request: Request) -> Response:
    """Answer a phone with a page of a few kB, and a random number as a cookie."""
    code = read_code(request.query_params.get("class", ""))
    phone = request.cookies.get(PHONE_COOKIE, "")
    is_known = await run_in_threadpool(BALLOTS.is_phone, phone)
    locale = request.headers.get("accept-language", "").partition(",")[0].partition(";")[0]
    with read_in(find_language(locale[:20])):
        page = write_page(code)
    response = HTMLResponse(page, headers=_HEADERS)
    if not is_known:
        number = await run_in_threadpool(BALLOTS.make_phone)
        _set_cookie(request, response, PHONE_COOKIE, number)
    return response


async def answer_ballot(request: Request) -> Response:
    """Answer a phone with what is asked; 204 if that is what it has seen."""
    code = read_code(request.query_params.get("class", ""))
    phone = request.cookies.get(PHONE_COOKIE, "")
    ballot = await run_in_threadpool(BALLOTS.show, code, phone)
    if request.query_params.get("seen") == str(ballot.version):
        return Response(status_code=204, headers=_HEADERS)
    head = {"version": ballot.version, "open": ballot.is_open, "mine": ballot.mine}
    content = f'{{"head": {json.dumps(head)}, "ballot": {ballot.content or "null"}}}'
    return Response(content, headers=_HEADERS, media_type="application/json")


async def take_vote(request: Request) -> Response:
    """Take the vote of a phone; 400 if it is none, 403 if the phone was given no number here."""
    values = await _read_body(request)
    names = ("class", "question", "choice")
    if values is None or not all(isinstance(values.get(name), str) for name in names):
        return Response(status_code=400, headers=_HEADERS)
    phone = request.cookies.get(PHONE_COOKIE, "")

    def vote() -> bool:
        if not BALLOTS.is_phone(phone):
            return False
        BALLOTS.vote(read_code(values["class"]), phone, values["question"], values["choice"])
        return True

    taken = await run_in_threadpool(vote)
    return Response(status_code=204 if taken else 403, headers=_HEADERS)


async def _read_body(request: Request) -> Mapping[str, Any] | None:
    """Read a small JSON object; nothing of what is larger, or is none."""
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > _LONGEST_BODY:
                return None
        values = json.loads(body)
        json.dumps(values).encode()  # half of a pair of surrogates is no text
    except (ClientDisconnect, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _set_cookie(request: Request, response: Response, name: str, value: str) -> None:
    path = request.url.path.partition("/gf/")[0] + "/"
    secure = request.url.scheme == "https"
    response.set_cookie(
        name, value, max_age=_DAY, path=path, secure=secure, httponly=True, samesite="lax"
    )


def write_page(code: str) -> str:
    """Write the page for phones, in the language of now."""
    words = {
        "code": code,
        "wait": _("The next question comes in a moment."),
        "sent": _("Sent. You may change it until the run is shown."),
        "choose": _("What do you expect? Tap it."),
        "closed": _("The run is shown in front."),
        "right": _("You were right."),
        "wrong": _("The run gave {right}."),
        "over": _("There is no class with this code, or it is over."),
        "failed": _("Not sent. Tap again."),
        "lost": _("No connection. Trying again …"),
    }
    values = {
        "title": _("Predict with your class"),
        "label": _("Code of the class"),
        "join": _("Join"),
        "page": PAGE,
        "words": json.dumps(words),
        "script": SCRIPTS["ballot.js"].address.removeprefix("gf/"),
        "code": code,
        "language": LANGUAGE.get().replace("_", "-"),
    }
    return _load_page().substitute({name: html.escape(text) for name, text in values.items()})


@cache
def _load_page() -> Template:
    return Template(_PAGE.read_text(encoding="utf-8"))
