"""What strangers get who speak to the running app themselves: raw HTTP and handshakes."""

import json
import math
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from benchmarks.session import write_rerun
from gradflow.ui.assets import SCRIPTS
from gradflow.ui.security.guard import METRICS_SETTING
from gradflow.ui.security.hosts import SETTING
from tests.browser.tools import wait_for_server

FOREIGN = "http://evil.example"
HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
PATIENCE = 20.0  # seconds; a shared machine may be busy


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    text: str


@pytest.fixture
def place(app_url: str) -> tuple[str, int]:
    parts = urlsplit(app_url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def say(
    place: tuple[str, int], path: str, *lines: str, host: str | None = None, method: str = "GET"
) -> Reply:
    """Say a request, word by word, and read the reply; that of a handshake to its headers' end."""
    head = (f"{method} {path} HTTP/1.1", f"Host: {host or f'{place[0]}:{place[1]}'}", *lines)
    closing = () if lines[:4] == HANDSHAKE else ("Connection: close",)
    with socket.create_connection(place, PATIENCE) as line:
        line.sendall("\r\n".join([*head, *closing, "", ""]).encode("latin-1"))
        received = b""
        while chunk := line.recv(65536):
            received += chunk
            if received.startswith(b"HTTP/1.1 101") and b"\r\n\r\n" in received:
                break
    start, _empty, body = received.partition(b"\r\n\r\n")
    first, *rest = start.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in rest)
    return Reply(
        int(first.split()[1]), {n.lower(): v for n, v in headers.items()}, body.decode("latin-1")
    )


def shake_hands(place: tuple[str, int], *lines: str, host: str | None = None) -> int:
    return say(place, "/_stcore/stream", *HANDSHAKE, *lines, host=host).status


def test_foreign_pages_open_no_session_and_hold_up_nobody(place: tuple[str, int]) -> None:
    begun = time.monotonic()
    for origin in (*[FOREIGN] * 10, "null", "http://127.0.0.1.evil.example"):
        assert shake_hands(place, f"Origin: {origin}") == 403
    assert say(place, "/_stcore/health").text == "ok"
    assert time.monotonic() - begun < 2  # an unreachable public service costs 2 s for each

    assert shake_hands(place, f"Origin: http://{place[0]}:{place[1]}") == 101
    assert shake_hands(place) == 101  # no browser


def test_no_page_of_a_foreign_origin_sends_files(place: tuple[str, int]) -> None:
    refused = say(place, "/_stcore/upload_file/a/b", f"Origin: {FOREIGN}", method="PUT")
    assert (refused.status, SETTING in refused.text) == (403, True)


@pytest.mark.parametrize("path", ["/", "/compare", "/_stcore/health", "/gf/flow", "/static/x.js"])
def test_a_foreign_name_is_refused_with_the_setting(place: tuple[str, int], path: str) -> None:
    refused = say(place, path, host="evil.example:8501")
    assert refused.status == 403
    assert refused.text.count("\n") == 1
    assert "'evil.example:8501' is not a name of this server" in refused.text
    assert SETTING in refused.text


def test_a_foreign_name_opens_no_session(place: tuple[str, int]) -> None:
    host = "evil.example:8501"
    assert shake_hands(place, f"Origin: http://{host}", host=host) == 403
    for own in ("localhost", "192.168.1.20:8501", socket.gethostname()):
        assert say(place, "/_stcore/health", host=own).text == "ok"


def test_what_a_page_says_is_compressed(place: tuple[str, int]) -> None:
    """Three of four bytes of a page on its websocket repeat others."""
    wanted = "Sec-WebSocket-Extensions: permessage-deflate"
    origin = f"Origin: http://{place[0]}:{place[1]}"
    reply = say(place, "/_stcore/stream", *HANDSHAKE, wanted, origin)
    assert reply.status == 101
    assert "permessage-deflate" in reply.headers["sec-websocket-extensions"]


def test_metrics_and_who_may_steer_the_page_are_not_public(place: tuple[str, int]) -> None:
    for path in ("/_stcore/metrics", "/_stcore/metrics/", "/_stcore/metrics?families=x"):
        refused = say(place, path)
        assert (refused.status, METRICS_SETTING in refused.text) == (403, True)
    assert json.loads(say(place, "/_stcore/host-config").text)["allowedOrigins"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *((path, 200) for path in ("/", "/compare", "/no-such-page", "/_stcore/health")),
        *((f"/{script.address}", 200) for script in list(SCRIPTS.values())[1:2]),
        *(("/gf/flow", 200), ("/gf/flow?depth=0", 422), ("/gf/none", 404), ("/media/none", 404)),
        *(("/_stcore/metrics", 403), ("/component/none", 404), ("/static/../../x", 400)),
    ],
)
def test_every_answer_is_marked(place: tuple[str, int], path: str, status: int) -> None:
    reply = say(place, path)
    assert reply.status == status
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "same-origin"
    policy = dict(
        part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";")
    )
    assert policy["frame-ancestors"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert policy["default-src"] == "'self'"
    for directive, sources in policy.items():
        own = {"'self'", "'none'", "data:", "blob:", "'wasm-unsafe-eval'"}
        others = [s for s in sources.split() if s not in own and not s.startswith("'sha256-")]
        assert others == (["'unsafe-inline'"] if directive == "style-src" else [])


def run_page(line: ClientConnection, message: BackMsg) -> list[ForwardMsg]:
    """Ask for a run of the page; return all that the server sends of it."""
    line.send(message.SerializeToString())
    sent: list[ForwardMsg] = []
    while not sent or sent[-1].WhichOneof("type") != "script_finished":
        sent.append(ForwardMsg.FromString(line.recv(PATIENCE)))
    return sent


def list_elements(sent: list[ForwardMsg]) -> list[Any]:
    """List the elements among what was sent, as messages of their own kind."""
    elements = [m.delta.new_element for m in sent if m.WhichOneof("type") == "delta"]
    return [getattr(e, kind) for e in elements if (kind := e.WhichOneof("type"))]


def test_forged_values_of_widgets_reach_no_log(app_url: str, server_log: Path) -> None:
    begin = server_log.stat().st_size
    address = app_url.replace("http", "ws") + "/_stcore/stream"
    with connect(address, proxy=None, max_size=None, compression=None) as line:
        opened = list_elements(run_page(line, write_rerun("", "", page="compare")))
        widgets = [element.id for element in opened if getattr(element, "id", "")]
        assert len(widgets) > 10
        forged = write_rerun("", "", page="compare")
        for widget in widgets:
            states = forged.rerun_script.widget_states.widgets
            states.add(id=widget, string_value="x")
            states.add(id=widget, double_value=math.nan)
            states.add(id=widget, json_value="[" * 900 + "]" * 900)
            states.add(id=widget, json_trigger_value='{"event": []}')
            states.add(id=widget).double_array_value.data.extend([math.inf, 1e300])
            states.add(id=widget).string_array_value.data.extend(["x", "x"])
        answers = [list_elements(run_page(line, forged))]
    with connect(address, proxy=None, max_size=None, compression=None) as line:
        answers.append(list_elements(run_page(line, forged)))  # before any widget is known
    for answer in answers:
        kinds = [type(element).__name__ for element in answer]
        assert "Exception" not in kinds
        assert kinds.count("Selectbox") >= 4  # the page is all there
    assert "Traceback" not in server_log.read_text()[begin:]


TYPED = {
    "architecture": "https://evil.example/x",
    "activation": "\\[a](https://evil.example)",
    "initialization": "www.evil.example",
    "normalization": "![a](//evil.example/i.png)",
    "connection": "a@evil.example",
    "loss": "<a href=//evil.example>a</a>",
    "source": "$x^2$ :x: :material/home: :red[a]",
    "dtype": "`a` --> b",
}


@pytest.mark.parametrize("where", ["", "compare"])
def test_nothing_that_a_stranger_typed_is_a_link(page: Page, app_url: str, where: str) -> None:
    own = "&".join(f"{name}={text}" for name, text in TYPED.items() if "=" not in text)
    named = {"a": own, "a_name": "<a href=https://evil.example>www.evil.example</a> :x:"}
    page.goto(f"{app_url}/{where}?{urlencode(named if where else TYPED)}")
    alerts = page.get_by_test_id("stAlert")
    expect(alerts.first).to_contain_text("evil.example")  # Markdown is drawn after its icon
    wait_for_server(page)
    shown = alerts.all_text_contents()
    for text in TYPED.values():
        if not where:
            assert json.dumps(text) in "".join(shown).replace("\u2060", "")
    addresses = page.locator("a[href]").evaluate_all("links => links.map((link) => link.href)")
    addresses += page.locator("svg a").evaluate_all("links => links.map((l) => l.href.baseVal)")
    addresses += page.locator("img").evaluate_all("images => images.map((image) => image.src)")
    assert addresses
    assert [a for a in addresses if not a.startswith((app_url, "data:"))] == []
    font = "e => getComputedStyle(e).fontFamily"
    box = alerts.locator("code").first
    assert box.evaluate(font) == alerts.locator("p").first.evaluate(font)
