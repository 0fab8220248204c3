"""Streamlit's scripts arrive compressed, and nothing else is touched."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from gradflow.ui import compression
from gradflow.ui.compression import PACKINGS, CompressScripts, PackedBodies, Packing
from tests.ui.ask import ask

SCRIPT = "const x = 1;\n" * 500


@pytest.fixture
def app(tmp_path: Path) -> Starlette:
    (tmp_path / "a.js").write_text(SCRIPT)
    (tmp_path / "b.png").write_bytes(bytes(range(256)) * 10)
    return Starlette(
        routes=[Mount("/static", StaticFiles(directory=tmp_path))],
        middleware=[Middleware(CompressScripts)],
    )


@pytest.mark.parametrize(
    ("accepted", "name", "unpack"),
    [("gzip, br", "br", brotli.decompress), ("gzip", "gzip", gzip.decompress)],
)
def test_a_script_is_compressed_once(
    app: Starlette,
    monkeypatch: pytest.MonkeyPatch,
    accepted: str,
    name: str,
    unpack: Callable[[bytes], bytes],
) -> None:
    calls = []
    counted = [
        Packing(way.name, lambda body, way=way: calls.append(way.name) or way.pack(body))
        for way in PACKINGS
    ]
    monkeypatch.setattr(compression, "PACKINGS", counted)
    monkeypatch.setattr(compression, "PACKED", PackedBodies())
    for _visit in range(3):
        answer = ask("/static/a.js", app=app, accept_encoding=accepted)
        assert unpack(answer.body).decode() == SCRIPT
        assert answer.headers["content-encoding"] == name
        assert int(answer.headers["content-length"]) == len(answer.body) < len(SCRIPT) / 10
        assert answer.headers["vary"] == "Accept-Encoding"
    assert calls == [name]


def test_two_browsers_get_what_each_can_unpack(app: Starlette) -> None:
    for name in ("br", "gzip", "br"):
        answer = ask("/static/a.js", app=app, accept_encoding=name)
        assert answer.headers["content-encoding"] == name


def test_what_is_known_is_not_sent_again(app: Starlette) -> None:
    tag = ask("/static/a.js", app=app, accept_encoding="gzip").headers["etag"]
    again = ask("/static/a.js", app=app, accept_encoding="gzip", if_none_match=tag)
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/static/a.js", {}),
        ("/static/a.js", {"accept_encoding": "zstd, gzip;q=0"}),
        ("/static/a.js", {"accept_encoding": "gzip", "range": "bytes=0-9"}),
        ("/static/b.png", {"accept_encoding": "gzip"}),
        ("/static/none.js", {"accept_encoding": "gzip"}),
    ],
)
def test_anything_else_passes(app: Starlette, path: str, headers: dict[str, str]) -> None:
    plain = Starlette(routes=app.routes)
    answer, expected = (ask(path, app=which, **headers) for which in (app, plain))
    assert "content-encoding" not in answer.headers
    assert (answer.status, answer.body) == (expected.status, expected.body)


def test_other_protocols_pass() -> None:
    scopes = []

    async def inner(scope, _receive, _send) -> None:  # type: ignore[no-untyped-def]
        scopes.append(scope["type"])

    asyncio.run(CompressScripts(inner)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert scopes == ["lifespan"]


def test_brotli_takes_its_time_later() -> None:
    sources = Path(compression.__file__).parent.rglob("*.py")
    body = b"".join(source.read_bytes() for source in sources)[:300_000]  # more than a piece
    packed, stops = PackedBodies(), []
    for packing in PACKINGS:
        packed.pack(packing, "script", lambda: body)
    quick, zipped = (packed.pack(packing, "script", bytes) for packing in PACKINGS)
    packed.tighten(lambda: stops.append(None))
    tight, same = (packed.pack(packing, "script", bytes) for packing in PACKINGS)
    assert brotli.decompress(tight) == body
    assert len(tight) < 0.97 * len(quick)
    assert same == zipped
    assert len(stops) > 1
    packed.tighten(lambda: pytest.fail("nothing is left to do"))


def test_tightening_ends_with_the_server() -> None:
    packed = PackedBodies()
    quick = packed.pack(PACKINGS[0], "script", SCRIPT.encode)
    with pytest.raises(KeyboardInterrupt):
        packed.tighten(_raise)
    assert packed.pack(PACKINGS[0], "script", bytes) == quick


def _raise() -> None:
    raise KeyboardInterrupt
