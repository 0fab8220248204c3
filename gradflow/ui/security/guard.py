"""The door of the app: who is answered at all, before Streamlit sees a request."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gradflow.core.environment import read_switch
from gradflow.ui.security.headers import make_headers
from gradflow.ui.security.hosts import SETTING, Hosts

METRICS_SETTING = "GRADFLOW_METRICS"
_METRICS = "/_stcore/metrics"
_READING = ("GET", "HEAD", "OPTIONS")
_REFUSED = {"Cache-Control": "no-store"}
_POLICY_VIOLATION = 1008
_MOST_LOGGED = 20
"""Sentences about refused handshakes in the log, so that nobody can fill it."""
_LOGGER = logging.getLogger(__name__)


class Guard:
    """ASGI middleware, the outermost: refuses strangers, and marks every answer.

    - A ``Host`` that is no name of this server is refused, whatever is asked for.
    - A session (websocket), or a request that changes something, from a page with a foreign
      ``Origin`` is refused here. Streamlit would ask a public service for this machine's address
      first, inside its event loop: 2 s for everybody where the outside cannot be reached.
    - Streamlit's metrics are refused unless they are switched on.
    """

    def __init__(
        self, app: ASGIApp, hosts: Hosts, headers: Mapping[str, str], *, shows_metrics: bool
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._headers = headers
        self._shows_metrics = shows_metrics
        self._logged: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the app answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        sentence = self._refuse(scope)
        if sentence is None:
            await self._app(_tell_own_origin(scope), receive, mark)
        elif scope["type"] == "http":
            refusal = PlainTextResponse(f"GradFlow: {sentence}\n", 403, _REFUSED)
            await refusal(scope, receive, mark)
        else:  # no browser shows what a handshake is answered with, so the log says it
            self._log(sentence)
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})

    def _log(self, sentence: str) -> None:
        if sentence not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add(sentence)
            _LOGGER.warning("Refused a session. %s", sentence)

    def _refuse(self, scope: Scope) -> str | None:
        """Say why a request is refused, and what to do if it should not be."""
        headers = Headers(scope=scope)
        for host in headers.getlist("host"):
            if not self._hosts.is_host_allowed(host):
                return (
                    f"{host[:100]!r} is not a name of this server. If it should be, start the "
                    f"server with it in {SETTING}, such as {SETTING}=gradflow.example."
                )
        changes = scope["type"] == "websocket" or scope["method"] not in _READING
        for origin in headers.getlist("origin") if changes else ():
            if not self._hosts.is_origin_allowed(origin, headers.get("host")):
                return (
                    f"The page of {origin[:100]!r} is not one of this server "
                    f"({headers.get('host', '')[:100]!r}). If it is, behind a proxy, have the "
                    f"proxy pass Host on, or start the server with the page's name in {SETTING}."
                )
        if scope["path"].rstrip("/").endswith(_METRICS) and not self._shows_metrics:
            return (
                f"Metrics are not public. To switch them on, start the server with "
                f"{METRICS_SETTING}=1, and have a proxy keep strangers from them."
            )
        return None


def _tell_own_origin(scope: Scope) -> Scope:
    """Tell Streamlit that an allowed page is this server's own, which it compares with the port.

    Where they differ, it would ask for this machine's public address.
    """
    if scope["type"] != "websocket" or "origin" not in Headers(scope=scope):
        return scope
    scheme = b"https" if scope.get("scheme") == "wss" else b"http"
    headers = [(name, value) for name, value in scope["headers"] if name != b"origin"]
    own = [(b"origin", scheme + b"://" + value) for name, value in headers if name == b"host"]
    return {**scope, "headers": headers + own}


def make_guard(environment: Mapping[str, str] = os.environ) -> Middleware:
    """Make the middleware as the settings want it.

    Raises:
        GradflowError: a setting is impossible.
    """
    return Middleware(
        Guard,
        hosts=Hosts.read(environment),
        headers=make_headers(environment),
        shows_metrics=read_metrics_switch(environment),
    )


def read_metrics_switch(environment: Mapping[str, str] = os.environ) -> bool:
    """Read whether metrics are shown.

    Raises:
        GradflowError: the setting is neither on nor off.
    """
    return read_switch(METRICS_SETTING, environment.get(METRICS_SETTING, ""))


async def answer_failure(_request: Request, _error: Exception) -> Response:
    """Answer where the app failed; Starlette does that outside of all middleware."""
    return PlainTextResponse("Internal Server Error", 500, make_headers())
