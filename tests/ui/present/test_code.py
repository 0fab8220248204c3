"""QR codes: they say the link that they are asked for, and only links get one."""

from urllib.parse import quote

import pytest

from tests.codes import read_code
from tests.ui.ask import ask

LINK = "http://192.168.0.5:8501/?activation=sigmoid&depth=24"


@pytest.mark.parametrize("link", [LINK, "https://gradflow.example/compare", f"{LINK}&seed=1234567"])
def test_the_picture_is_the_code_of_the_link(link: str) -> None:
    answer = ask(f"/gf/code?link={quote(link)}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert read_code(answer.body.decode()) == link


@pytest.mark.parametrize("link", ["", "javascript:alert(1)", "depth=24", f"http://{'x' * 2000}"])
def test_nothing_else_gets_one(link: str) -> None:
    assert ask(f"/gf/code?link={quote(link)}").status == 422
