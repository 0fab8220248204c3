"""The scripts of the figures, asked for as a browser and as a cache in between ask."""

import asyncio
import gzip
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from gradflow.ui.assets import FIGURE, PLOTLY, SCRIPTS, Script
from gradflow.ui.routes import list_routes

# Streamlit compresses what its routes answer; what is compressed already must pass through.
APP = Starlette(routes=list_routes(), middleware=[Middleware(GZipMiddleware, minimum_size=500)])


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(path: str, method: str = "GET", **headers: str) -> Answer:
    """Ask for ``path``; a header's name has ``_`` for ``-``."""
    path, _mark, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }
    messages = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        messages.append(message)

    asyncio.run(APP(scope, receive, send))
    start = messages[0]
    assert start["type"] == "http.response.start"
    return Answer(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in messages[1:]),
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_compressed_and_kept_for_good(script: Script) -> None:
    answer = ask(f"/{script.address}", accept_encoding="gzip, deflate, br, zstd")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"].lower() == "accept-encoding"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert gzip.decompress(answer.body) == ask(f"/{script.address}").body


def test_plotly_takes_less_than_1_5_megabytes() -> None:
    assert len(ask(f"/{PLOTLY.address}", accept_encoding="gzip").body) < 1_500_000


@pytest.mark.parametrize("accepted", ["", "br", "identity"])
def test_plain_for_who_cannot_unpack(accepted: str) -> None:
    answer = ask(f"/{FIGURE.address}", accept_encoding=accepted)
    assert "content-encoding" not in answer.headers
    assert b"export default function mount" in answer.body


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123456789abcdef"])
def test_another_version_is_not_kept(query: str) -> None:
    answer = ask(f"/gf/figure.js{query}")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-cache"


def test_known_content_is_not_sent_again() -> None:
    first = ask(f"/{PLOTLY.address}", accept_encoding="gzip")
    tag = first.headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = ask(f"/{PLOTLY.address}", accept_encoding="gzip", if_none_match=known)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == tag
    assert ask(f"/{PLOTLY.address}", accept_encoding="gzip", if_none_match='"other"').status == 200
    # The plain file is another representation with a tag of its own.
    assert ask(f"/{PLOTLY.address}", if_none_match=tag).status == 200


def test_head_has_the_headers_alone() -> None:
    whole = ask(f"/{PLOTLY.address}", accept_encoding="gzip")
    head = ask(f"/{PLOTLY.address}", "HEAD", accept_encoding="gzip")
    assert (head.status, head.body, head.headers) == (200, b"", whole.headers)


@pytest.mark.parametrize("path", ["/gf/", "/gf/other.js", "/gf/plotly.js/x", "/gf/../app.py"])
def test_unknown_paths_are_unknown(path: str) -> None:
    assert ask(path).status == 404


def test_nothing_can_be_sent_there() -> None:
    assert ask(f"/{PLOTLY.address}", "POST").status == 405


def test_a_base_path_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.get_option", lambda _name: "/school/gradflow/")
    assert [route.path for route in list_routes()] == ["/school/gradflow/gf"]
