"""The door with other settings than the default ones; those are asked in tests/browser."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from gradflow.core.errors import GradflowError
from gradflow.ui.security.guard import METRICS_SETTING, answer_failure, make_guard
from gradflow.ui.security.headers import FRAMES_SETTING
from gradflow.ui.security.hosts import SETTING
from tests.ui.ask import Answer, ask


def _fail(_request: Request) -> PlainTextResponse:
    raise RuntimeError


def _make_app(environment: Mapping[str, str]) -> Starlette:
    own = PlainTextResponse("x", headers={"Referrer-Policy": "no-referrer"})
    return Starlette(
        routes=[
            Route("/base/_stcore/metrics", PlainTextResponse("numbers")),
            Route("/own", own),
            Route("/fails", _fail),
        ],
        middleware=[make_guard(environment)],
        exception_handlers={Exception: answer_failure},
    )


def _ask(path: str, environment: Mapping[str, str] = {}, **headers: str) -> Answer:
    return ask(path, app=_make_app(environment), **{"host": "localhost", **headers})


def test_metrics_are_switched_on_by_a_setting() -> None:
    refused = _ask("/base/_stcore/metrics")
    assert (refused.status, METRICS_SETTING in refused.body.decode()) == (403, True)
    assert _ask("/base/_stcore/metrics", {METRICS_SETTING: "1"}).body == b"numbers"
    assert _ask("/base/_stcore/metrics", {METRICS_SETTING: "0"}).status == 403


def test_frames_are_allowed_by_a_setting() -> None:
    wanted = "'self' https://*.school.example:8443"
    policy = _ask("/own", {FRAMES_SETTING: wanted}).headers["content-security-policy"]
    assert policy.endswith(f"frame-ancestors {wanted}")
    for given in ("x; script-src *", "https://a.example/path", "'unsafe-inline'"):
        with pytest.raises(GradflowError, match=FRAMES_SETTING):
            _make_app({FRAMES_SETTING: given})


def test_an_answer_may_say_more_of_itself() -> None:
    assert _ask("/own").headers["referrer-policy"] == "no-referrer"


def test_a_failure_is_marked_too() -> None:
    with pytest.raises(RuntimeError):  # Starlette answers, and passes it on to the log
        _ask("/fails")
    answer = asyncio.run(answer_failure(None, RuntimeError("secret")))  # type: ignore[arg-type]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"secret" not in answer.body


def _shake_hands(environment: Mapping[str, str], *headers: tuple[bytes, bytes]) -> list[Any]:
    """Open a session; return what the app was told, or what was sent instead."""
    seen: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["headers"])

    async def send(message: Any) -> None:
        seen.append(message)

    guard = make_guard(environment)
    scope = {"type": "websocket", "scheme": "wss", "path": "/_stcore/stream", "headers": headers}
    asyncio.run(guard.cls(app, *guard.args, **guard.kwargs)(scope, None, send))  # type: ignore[arg-type]
    return seen


def test_streamlit_never_asks_for_this_machines_address(caplog: pytest.LogCaptureFixture) -> None:
    """It does where an origin is not the host, port included."""
    host = (b"host", b"gradflow.example")
    named = {SETTING: "gradflow.example"}
    (told,) = _shake_hands(named, host, (b"origin", b"https://gradflow.example:8443"))
    assert told == [host, (b"origin", b"https://gradflow.example")]
    (told,) = _shake_hands(named, (b"origin", b"https://gradflow.example"))
    assert told == []
    (told,) = _shake_hands(named, host)
    assert told == [*(host,)]
    for origin in (b"https://evil.example", b"null", b"https://evil.example"):
        (answer,) = _shake_hands(named, host, (b"origin", origin))
        assert answer == {"type": "websocket.close", "code": 1008}
    assert SETTING in caplog.messages[0]


def test_nobody_fills_the_log(caplog: pytest.LogCaptureFixture) -> None:
    guard = make_guard({})
    door = guard.cls(None, *guard.args, **guard.kwargs)  # type: ignore[arg-type]

    async def send(_message: Any) -> None:
        pass

    for number in range(100):
        headers = [(b"host", b"x\n%d.example" % number)]
        scope = {"type": "websocket", "path": "/", "headers": headers}
        asyncio.run(door(scope, None, send))  # type: ignore[arg-type]
    assert 1 <= len(caplog.messages) < 50
    assert not any("\n" in message for message in caplog.messages)
