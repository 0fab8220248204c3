"""A class in a real browser: a presenter and two phones; and strangers who speak raw HTTP."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.access import list_barriers
from tests.browser.tools import keep_own_errors, read_query, wait_for_chart

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def speak(
    url: str, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[HTTPResponse, str]:
    """Speak raw HTTP; return the answer and its text."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=20)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()


def test_a_class_of_two_phones(
    page: Page, chromium: Browser, app_url: str, page_errors: list[str]
) -> None:
    page.goto(f"{app_url}/learn?lesson=weights&answers=slopes.2")
    page.get_by_role("button", name="Predict together in class").click()
    letters = page.locator(".gf-class-letters")
    expect(letters).to_be_visible()
    code = letters.inner_text()
    assert read_query(page)["class"] == code
    assert read_query(page)["answers"] == "slopes.2"
    expect(page.locator(".gf-class-code svg")).to_be_visible()
    expect(page.locator(".gf-predict-run")).to_be_hidden()

    contexts = [chromium.new_context(**PHONE) for _phone in range(2)]
    phones = [context.new_page() for context in contexts]
    requests: list[str] = []
    for phone, choice in zip(phones, (0, 2), strict=True):
        phone.on("request", lambda request: requests.append(request.url))
        phone.goto(f"{app_url}/learn?class={code}")
        phone.wait_for_url(f"**/gf/phone?class={code}")
        button = phone.locator("#choices button").nth(choice)
        button.tap()
        expect(phone.get_by_text("Sent. You may change it")).to_be_visible()
        expect(button).to_have_attribute("aria-pressed", "true")
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert not [url for url in requests if "static" in url]  # none of Streamlit
    assert not list_barriers(phones[0])
    expect(page.locator(".gf-class-count")).to_have_text("Predictions: 2")
    expect(page.locator(".gf-class-number")).to_have_text(["1", "0", "1", "0"])
    phones[0].reload()
    expect(phones[0].locator("#choices button").nth(0)).to_have_attribute("aria-pressed", "true")

    page.get_by_role("button", name="Show the run").click()
    wait_for_chart(page, "learn_run", 5)
    expect(page.locator(".gf-class-name").nth(2)).to_have_text("C ✓")
    expect(phones[1].get_by_text("You were right.")).to_be_visible()
    expect(phones[0].get_by_text("The run gave C.")).to_be_visible()
    expect(phones[0].locator("#choices button").nth(1)).to_be_disabled()

    page.reload()  # the cookie makes the presenter known
    expect(letters).to_have_text(code)
    page.locator(".st-key-learn_next button").click()
    expect(phones[0].locator("#choices button").first).to_have_text("×0.1")
    page.get_by_role("button", name="End the class").click()
    expect(page.get_by_role("button", name="Predict together in class")).to_be_visible()
    expect(phones[0].get_by_text("There is no class with this code")).to_be_visible()
    for context in contexts:
        context.close()
    assert not keep_own_errors(page_errors)


@pytest.mark.parametrize(
    ("method", "path", "body", "origin", "status"),
    [
        ("POST", "/gf/vote", b"{}", None, 400),
        ("POST", "/gf/vote", b"[" * 100_000, None, 400),
        ("POST", "/gf/vote", b"\xff\x00", None, 400),
        ("POST", "/gf/vote", b'{"class": "A", "question": "q", "choice": "c"}', None, 403),
        ("POST", "/gf/vote", b"{}", "http://evil.example", 403),
        ("POST", "/gf/class", b"", "http://evil.example", 403),
        ("GET", "/gf/vote", b"", None, 405),
        ("GET", "/gf/votes?class=ABCDEF", b"", None, 404),
        ("GET", "/gf/ballot?class=ABCDEF", b"", None, 404),
    ],
)
def test_strangers_are_refused(
    app_url: str, method: str, path: str, body: bytes, origin: str | None, status: int
) -> None:
    answer, _text = speak(app_url, method, path, body, {"Origin": origin} if origin else {})
    assert answer.status == status
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_phones_page_is_light_and_allows_no_foreign_script(app_url: str) -> None:
    answer, text = speak(app_url, "GET", "/gf/phone?class=%22%3E%3Cscript%3E", b"", {})
    assert len(text) < 8000
    assert "<script>" not in text
    assert answer.headers["Cache-Control"] == "no-store"
    assert json.dumps(text).count("<script") == 1  # our own
