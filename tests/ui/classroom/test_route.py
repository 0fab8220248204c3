"""The routes of a class as strangers, phones and the presenter ask them."""

from __future__ import annotations

import json
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware

from gradflow.ui.classroom import door, route
from gradflow.ui.classroom.ballots import Ballots
from gradflow.ui.routes import list_routes
from tests.ui.ask import Answer, ask

APP = Starlette(routes=list_routes(), middleware=[Middleware(door.ClassDoor)])


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Any:
    box = Ballots(tmp_path_factory.mktemp("votes") / "votes.sqlite3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(route, "BALLOTS", box)
        patch.setattr(door, "BALLOTS", box)
        yield box


def call(path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    return ask(path, method, app=APP, body=body, **headers)


def read_cookie(answer: Answer) -> tuple[str, dict[str, str]]:
    """Read a cookie as ``name=value``, and its attributes."""
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    return f"{cookie.key}={cookie.value}", {n: str(v) for n, v in cookie.items()}


def open_class(box: Ballots) -> tuple[str, str]:
    """Open a class and ask it something; return its code and the presenter's cookie."""
    answer = call("/gf/class", "POST")
    code = json.loads(answer.body)["code"]
    box.ask(code, "q:1", ("a", "b"), '{"title": "T"}', is_open=True)
    return code, read_cookie(answer)[0]


def make_phone(code: str) -> str:
    return read_cookie(call(f"/gf/phone?class={code}"))[0]


def vote(cookie: str, **values: object) -> int:
    return call("/gf/vote", "POST", json.dumps(values).encode(), cookie=cookie).status


def test_two_phones_vote_and_only_the_presenter_sees_the_counts(box: Ballots) -> None:
    code, host = open_class(box)
    first, second = make_phone(code), make_phone(code)
    assert first != second
    assert vote(first, **{"class": code.lower()}, question="q:1", choice="a") == 204
    assert vote(second, **{"class": code}, question="q:1", choice="b") == 204
    assert vote(first, **{"class": code}, question="q:1", choice="b") == 204
    counts = call(f"/gf/votes?class={code}", cookie=host)
    assert json.loads(counts.body) == {"question": "q:1", "votes": {"b": 2}}
    assert call(f"/gf/votes?class={code}", cookie=first).status == 404
    assert call(f"/gf/votes?class={code}").status == 404
    shown = json.loads(call(f"/gf/ballot?class={code}", cookie=first).body)
    assert shown["head"]["mine"] == "b"
    assert shown["ballot"] == {"title": "T"}
    seen = shown["head"]["version"]
    again = call(f"/gf/ballot?class={code}&seen={seen}", cookie=first)
    assert (again.status, again.body) == (204, b"")
    box.ask(code, "q:1", ("a", "b"), '{"title": "T", "right": ["a"]}', is_open=False)
    assert call(f"/gf/ballot?class={code}&seen={seen}", cookie=first).status == 200
    assert vote(first, **{"class": code}, question="q:1", choice="a") == 409


def test_cookies_are_for_this_server_alone(box: Ballots) -> None:
    code, _host = open_class(box)
    for answer in (call("/gf/class", "POST"), call(f"/gf/phone?class={code}")):
        _cookie, attributes = read_cookie(answer)
        assert attributes["httponly"] == "True"
        assert attributes["samesite"] == "lax"
        assert attributes["path"] == "/"
        assert int(attributes["max-age"]) <= 24 * 60 * 60
    again = call(f"/gf/phone?class={code}", cookie=make_phone(code))
    assert "set-cookie" not in again.headers  # a phone keeps its number


def test_who_has_no_number_of_ours_has_no_vote(box: Ballots) -> None:
    code, host = open_class(box)
    for cookie in ("", "gradflow_phone=", "gradflow_phone=0123456789abcdef.0", host):
        assert vote(cookie, **{"class": code}, question="q:1", choice="a") == 403


@pytest.mark.parametrize("code", ["", "ZZZZZZ", "A", "x" * 5000, "%00", "'--", "<script>"])
def test_a_strangers_code_is_refused(box: Ballots, code: str) -> None:
    phone = make_phone("ZZZZZZ")
    assert call(f"/gf/ballot?class={code}", cookie=phone).status == 404
    assert vote(phone, **{"class": code}, question="q:1", choice="a") in (400, 404)
    page = call(f"/gf/phone?class={code}").body.decode()
    assert "<script>" not in page


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
VALUES = st.fixed_dictionaries({}, optional=dict.fromkeys(("class", "question", "choice"), JSON))


@settings(max_examples=50)
@given(
    body=st.binary(max_size=600)
    | VALUES.map(json.dumps).map(str.encode)
    | JSON.map(json.dumps).map(str.encode)
)
def test_forged_votes_are_none(box: Ballots, body: bytes) -> None:
    if not hasattr(box, "cookie"):
        box.cookie = make_phone("ZZZZZZ")  # type: ignore[attr-defined]
    answer = call("/gf/vote", "POST", body, cookie=box.cookie)  # type: ignore[attr-defined]
    assert answer.status in (400, 404)
    assert answer.body == b""


@settings(max_examples=50)
@given(choice=st.text(max_size=30), question=st.text(max_size=30))
def test_what_is_not_to_be_chosen_is_refused(box: Ballots, choice: str, question: str) -> None:
    if not hasattr(box, "asked"):
        box.asked = open_class(box)[0]  # type: ignore[attr-defined]
    code: str = box.asked  # type: ignore[attr-defined]
    status = vote(make_phone(code), **{"class": code}, question=question, choice=choice)
    right = choice in ("a", "b") and question == "q:1"
    assert status == (204 if right else 409) or (status == 400 and len(choice + question) > 10)


def test_a_large_body_is_not_read(box: Ballots) -> None:
    code, _host = open_class(box)
    body = json.dumps({"class": code, "question": "q:1", "choice": "a", "x": " " * 500}).encode()
    assert call("/gf/vote", "POST", body, cookie=make_phone(code)).status == 400


def test_the_door_sends_phones_to_their_page_and_lets_the_presenter_in(box: Ballots) -> None:
    code, host = open_class(box)
    answer = call(f"/learn?class={code}&lesson=relu")
    assert answer.status == 303
    assert answer.headers["location"] == f"/gf/phone?class={code}"
    assert call(f"/learn?class={code}", cookie=host).status == 404  # there are no pages here
    assert call("/learn?lesson=relu").status == 404
    assert call("/learn?class=").status == 404
    stranger = call("/base/learn?class=<b>//evil.example")
    assert stranger.headers["location"] == "/base/gf/phone?class=%3CB%3E%2F%2FEVIL.EXAMPLE"


def test_it_says_where_votes_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(route, "BALLOTS", Ballots(tmp_path / "file" / "votes.sqlite3"))
    answer = call("/gf/class", "POST")
    assert answer.status == 503
    assert b"GRADFLOW_VOTES" in answer.body
