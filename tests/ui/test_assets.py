"""The scripts of our components."""

import gzip
from collections.abc import Callable

import brotli
import pytest

from gradflow.ui.assets import SCRIPTS, Script, find_address
from gradflow.ui.routes import list_routes
from tests.ui.ask import ask

_PLOTLY = find_address("plotly.min.js")


@pytest.mark.parametrize(
    ("accepted", "name", "unpack"),
    [
        ("gzip, deflate, br, zstd", "br", brotli.decompress),
        ("gzip, deflate", "gzip", gzip.decompress),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.decompress),
    ],
)
@pytest.mark.parametrize("script", SCRIPTS.values(), ids=lambda script: script.name)
def test_compressed_and_kept_for_good(
    script: Script, accepted: str, name: str, unpack: Callable[[bytes], bytes]
) -> None:
    answer = ask(f"/{script.address}", accept_encoding=accepted)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == name
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"].lower() == "accept-encoding"
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert unpack(answer.body) == ask(f"/{script.address}").body


@pytest.mark.parametrize(("accepted", "most"), [("gzip", 1_500_000), ("gzip, br", 1_250_000)])
def test_plotly_takes_about_a_quarter_of_its_size(accepted: str, most: int) -> None:
    assert len(ask(f"/{_PLOTLY}", accept_encoding=accepted).body) < most


@pytest.mark.parametrize("accepted", ["", "zstd", "identity", "br; q=0"])
def test_plain_for_who_cannot_unpack(accepted: str) -> None:
    answer = ask(f"/{find_address('figure.js')}", accept_encoding=accepted)
    assert "content-encoding" not in answer.headers
    assert b"export default function mount" in answer.body


@pytest.mark.parametrize("version", ["x", "0123456789abcdef"])
def test_another_version_is_not_kept(version: str) -> None:
    answer = ask(f"/gf/{version}/figure.js")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-cache"


def test_known_content_is_not_sent_again() -> None:
    first = ask(f"/{_PLOTLY}", accept_encoding="gzip")
    tag = first.headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = ask(f"/{_PLOTLY}", accept_encoding="gzip", if_none_match=known)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == tag
    assert ask(f"/{_PLOTLY}", accept_encoding="gzip", if_none_match='"other"').status == 200
    # Each representation has a tag of its own.
    assert ask(f"/{_PLOTLY}", if_none_match=tag).status == 200
    assert ask(f"/{_PLOTLY}", accept_encoding="br", if_none_match=tag).status == 200


def test_head_has_the_headers_alone() -> None:
    whole = ask(f"/{_PLOTLY}", accept_encoding="gzip")
    head = ask(f"/{_PLOTLY}", "HEAD", accept_encoding="gzip")
    assert (head.status, head.body, head.headers) == (200, b"", whole.headers)


@pytest.mark.parametrize(
    "path", ["/gf/", "/gf/other.js", "/gf/figure.js", "/gf/x/plotly.js/x", "/gf/../app.py"]
)
def test_unknown_paths_are_unknown(path: str) -> None:
    assert ask(path).status == 404


def test_nothing_can_be_sent_there() -> None:
    assert ask(f"/{_PLOTLY}", "POST").status == 405


def test_a_base_path_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.get_option", lambda _name: "/school/gradflow/")
    assert [route.path for route in list_routes()] == ["/school/gradflow/gf"]
