"""The scripts of our components."""

import gzip

import pytest

from gradflow.ui.assets import FIGURE, PLOTLY, SCRIPTS, Script
from gradflow.ui.routes import list_routes
from tests.ui.ask import ask


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
