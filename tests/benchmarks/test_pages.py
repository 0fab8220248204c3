"""The pure parts of the pages benchmark: views, rows, bytes of a first visit."""

import base64
from collections import Counter
from pathlib import Path

import pytest
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode

from benchmarks.controls import BUTTONS, Control
from benchmarks.harness import format_table
from benchmarks.pages import (
    SETTINGS,
    Answer,
    FrameCounter,
    Press,
    View,
    format_answer,
    format_first_visit,
    list_views,
    main,
    name_file,
)

ROOT = Path(__file__).parents[2]


def make_control(kind: str) -> Control:
    return Control(kind, "Depth", lambda: "Enter")


def make_presses(*milliseconds: float) -> tuple[Press, ...]:
    return tuple(Press(time, cpu=time / 2) for time in milliseconds)


def test_every_page_has_a_view() -> None:
    pages = {path.stem for path in (ROOT / "pages").glob("*.py")}
    assert {view.page for view in list_views()} == pages


def test_views_are_listed_by_page_and_by_name() -> None:
    normalization = list_views(["normalization"])
    assert len(normalization) > 1
    assert {view.page for view in normalization} == {"normalization"}
    assert list_views([f"normalization/{normalization[1].code}"]) == [normalization[1]]


def test_buttons_and_settings_belong_to_views_that_exist() -> None:
    assert set(BUTTONS) | set(SETTINGS) <= {(view.page, view.code) for view in list_views()}


@pytest.mark.parametrize(
    ("view", "address"),
    [
        (View("explore"), ""),
        (View("compare"), "compare"),
        (View("your_model", "report", "lstm"), "your-model?report=lstm"),
        (View("backprop", "part", "chain"), "backprop?part=chain"),
        (View("recurrent", "view", "gates"), "recurrent?view=gates&cell=lstm"),
    ],
)
def test_addresses(view: View, address: str) -> None:
    assert view.address == address


def test_a_row_says_what_was_pressed() -> None:
    answer = Answer(View("explore"), make_control("slider"), make_presses(120, 90, 2400))
    row = "| explore | – | slider “Depth” | 120 ms | 2,400 ms | 60 ms |"
    assert format_answer(answer) == row


def test_a_row_says_that_there_is_no_number() -> None:
    row = format_answer(
        Answer(View("backprop", "part", "network"), make_control("button"), make_presses(9))
    )
    assert "| network | button “Depth” (no number redraws a figure) | 9 ms" in row
    assert "none" in format_answer(Answer(View("compare"), None))


def test_a_number_field_is_a_number() -> None:
    answer = Answer(View("compare"), make_control("number"), make_presses(90))
    assert format_answer(answer) == "| compare | – | number “Depth” | 90 ms | 90 ms | 45 ms |"


def test_a_row_says_what_was_not_answered() -> None:
    row = format_answer(Answer(View("compare"), make_control("slider"), (), missing=2))
    assert "| – | 2 unanswered in" in row


def test_bytes_of_a_first_visit_add_up() -> None:
    table = format_first_visit(Counter({"/a.js": 4_700_000, "/b.js": 2_000, "/c": 1_000}), 1)
    assert "| /a.js | 4,700 |" in table
    assert "| 2 others | 3 |" in table
    assert "| **in all** | 4,703 |" in table


def test_binary_frames_are_counted_unpacked() -> None:
    data = bytes(range(100))
    frame = {"opcode": 2, "payloadData": base64.b64encode(data).decode()}
    assert FrameCounter().count(frame) == 100
    assert FrameCounter().count({"opcode": 1, "payloadData": "é"}) == 2


def test_frames_are_counted_as_they_are_compressed() -> None:
    """Against what the library of the server makes of them, one frame after the other."""
    factory = ServerPerMessageDeflateFactory()
    _accepted, deflate = factory.process_request_params([("client_max_window_bits", None)], [])
    counter = FrameCounter()
    counter.read_handshake({"Sec-WebSocket-Extensions": "permessage-deflate; other"})
    for content in (b"a page, " * 200, b"a page, " * 300, bytes(range(256))):
        frame = {"opcode": 2, "payloadData": base64.b64encode(content).decode()}
        sent = deflate.encode(Frame(Opcode.BINARY, content))
        assert counter.count(frame) == len(sent.data)


def test_files_are_named_without_host_and_version() -> None:
    assert name_file("http://127.0.0.1:1/gf/plotly.js?v=3") == "/gf/plotly.js"
    assert name_file("data:image/png;base64,AAAA") == "(data)"


def test_text_columns_of_a_table() -> None:
    assert format_table("abc", [], texts=2).splitlines()[1] == "| --- | --- | --: |"


@pytest.mark.parametrize("arguments", [["--presses", "0"], ["--only", "nonsense"]])
def test_what_is_not_there_is_refused(arguments: list[str], capsys) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert arguments[0] in capsys.readouterr().err
