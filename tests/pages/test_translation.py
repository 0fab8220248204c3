"""Every text on every page is marked for translation: in a made-up language none stays English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.testing.v1 import AppTest

from gradflow.core.text import load_catalogue, read_in
from gradflow.core.verdict import Verdict
from gradflow.ui import blocks
from tests import pseudo_locale
from tests.pages.apptest import check_works, press_in_line, read_url
from tests.pages.training import press, wait_for_end
from tests.pages.visible import (
    Shown,
    list_english_words,
    list_mixed_up_numbers,
    walk_messages,
)
from tests.pseudo_locale import PSEUDO, translate

SMALL = {"depth": "4", "width": "16", "batch_size": "16"}
TIME = {"hidden_size": "6", "batch_size": "3", "length": "12"}
STACK = {"layers": "2", "width": "8"}
PAGES: dict[str, list[dict[str, str]]] = {
    "explore": [
        {},
        SMALL,
        {"architecture": "transformer", "depth": "2", "width": "16", "batch_size": "16"},
        {"architecture": "conv", "depth": "4", "channels": "4", "batch_size": "16"},
    ],
    "compare": [{"a": "depth=4&width=16", "b": "depth=6&activation=relu", "c": "depth=2"}],
    "training": [{"preset": "sigmoid_twin"}],
    "pretraining": [
        {**STACK, "epochs": "1", "batch_size": "200"},
        {
            **STACK,
            "view": "tuning",
            "epochs": "1",
            "batch_size": "200",
            "seeds": "1",
            "steps": "50",
        },
        {**STACK, "view": "transfer", "seeds": "1", "steps": "50", "reused": "2"},
    ],
    "backprop": [{"part": "chain"}, {"part": "network"}],
    "descent": [{"steps": "20"}],
    "activations": [
        {"view": "functions"},
        {"view": "layers"},
        {"view": "dying", "steps": "10"},
        {"view": "gaussian"},
        {"view": "hyperbolic"},
    ],
    "initialization": [
        {"view": "layers", "widths": "16-12-8", "batch_size": "16"},
        {"view": "variance", "fan_in": "20", "step": "6"},
        {"view": "copies", "step": "300"},
        {"view": "shapes"},
        {"view": "gains"},
    ],
    "normalization": [
        {"view": "sharing"},
        {"view": "batch"},
        {"view": "modes"},
        {"view": "small"},
        {"view": "flow", "depth": "5", "width": "16", "batch_size": "16"},
        {"view": "scales", "depth": "3", "width": "16"},
        {"view": "rates", "depth": "3", "width": "16", "steps": "5"},
        {"view": "shift"},
        {"view": "noise"},
    ],
    "degradation": [
        {"view": "deeper", "guess": "neither"},
        {"view": "depth", "width": "16"},
        {"view": "shattering", "width": "32", "layers": "10"},
        {"view": "identity", "width": "16", "depth": "8"},
    ],
    "recurrent": [
        {**TIME, "view": "time"},
        {**TIME, "view": "gates", "cell": "lstm"},
        {**TIME, "view": "cells"},
        {"view": "factors", "steps": "5", "hidden_size": "8", "batch_size": "4"},
        {**TIME, "view": "clipping"},
        {"view": "training", "length": "4", "hidden_size": "8", "batch_size": "4", "steps": "20"},
    ],
    "learn": [
        {"lesson": "slopes"},
        {"lesson": "relu", "answers": "relu.none"},
        {"lesson": "cure", "answers": "cure.selu"},
    ],
    "phase": [{"depth": "4", "width": "8", "points": "4"}],
    "your_model": [{"report": "resnet_plain"}, {"report": "lstm"}],
    "diagnoses": [{"about": verdict} for verdict in Verdict],
}
VIEWS = [(page, query) for page, queries in PAGES.items() for query in queries]
PROBLEMS = [
    ("explore", {"depth": "0", "negative_slope": "1"}),
    ("compare", {"a": "depth=0&foo=1", "b": "width=0"}),
    ("training", {"steps": "0"}),
    ("training", {"preset": "adaptive", "steps": "9"}),
]

EXTREMES = [
    ("explore", {**SMALL, "activation": "sigmoid", "depth": "40"}),
    ("explore", {**SMALL, "activation": "relu", "initialization": "normal", "init_std": "3"}),
    ("compare", {"a": "depth=40&width=16&activation=sigmoid", "b": "depth=6&activation=relu"}),
]
"""Settings with numbers far from 1."""
NAMES = {"BatchNorm", "GradFlow", "He", "LeCun", "Xavier"}
SYMBOLS = {"NaN", "Var", "cos", "cosh", "ct", "gi", "ht", "ms", "sin", "sinh", "tan", "tanh", "wi"}
CODES = {"cpu", "cuda", "embedding", "fc", "head", "lm", "positions", "readout", "relu"}
"""Devices, and modules of networks."""
LINK = {"activation", "depth", "foo", "preset", "steps", "width"}
"""Names in links, which a problem with a link names."""
COLUMNS = {"layer", "module", "saturated", "similarity"}
"""Columns of a report, which a table shows as they are."""


@pytest.fixture
def pseudo_app(app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app for a browser of the made-up language; nothing is read in another one."""
    pseudo_locale.install(monkeypatch)
    monkeypatch.setattr("gradflow.core.text.load_catalogue", refuse_other_languages)
    (tmp_path / PSEUDO).mkdir()
    for file in (blocks._TEXTS / "en").glob("*.md"):
        text = translate(file.read_text(encoding="utf-8"))
        (tmp_path / PSEUDO / file.name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(blocks, "_TEXTS", tmp_path)
    blocks._read_file.cache_clear()
    app.context["locale"] = f"{PSEUDO}-PLOC"
    with read_in(PSEUDO):  # AppTest formats options in the thread of the test
        yield app
    blocks._read_file.cache_clear()


def refuse_other_languages(language: str) -> pseudo_locale.PseudoTranslations:
    """Load the made-up catalogue: something ran without the language of its session otherwise."""
    assert language == PSEUDO
    return pseudo_locale.PseudoTranslations()


def open_page(app: AppTest, page: str, query: dict[str, str]) -> None:
    if page != "explore":
        app.run()
        app.switch_page(f"../../pages/{page}.py")
        app.query_params.clear()
    for name, text in query.items():
        app.query_params[name] = text
    check_works(app.run())


def unfold(app: AppTest, messages: list[ForwardMsg]) -> None:
    """Open all boxes, and all tabs one after the other."""
    opened: set[str] = set()
    while boxes := find_boxes(messages) - opened:
        open_boxes(app, boxes)
        opened |= boxes
    for tabs in list(app.get("tab_container")):
        for tab in tabs.children.values():
            app.session_state[find_key(tabs.proto.id)] = tab.label
            check_works(app.run())
            boxes = find_boxes(messages) - opened
            if boxes:
                open_boxes(app, boxes)
                opened |= boxes


def find_boxes(messages: list[ForwardMsg]) -> set[str]:
    """Find the keys of all boxes that open: in the page, and over it."""
    kinds = ("expandable", "popover")
    return {key for kind in kinds for key, _block in list_blocks(messages, kind)}


def open_boxes(app: AppTest, keys: set[str]) -> None:
    for key in keys:
        app.session_state[key] = True
    check_works(app.run())


def list_blocks(messages: list[ForwardMsg], kind: str) -> Iterator[tuple[str, Any]]:
    """List blocks of a kind that have a key, which those have that draw only what is open."""
    for message in messages:
        block = message.delta.add_block
        if block.WhichOneof("type") == kind and (key := find_key(getattr(block, kind).id)):
            yield key, block


def find_key(element_id: str) -> str:
    """Find the key in the id of an element, ``$$ID-HASH-KEY``; an element may have none."""
    key = element_id.partition("-")[2].partition("-")[2]
    return "" if key == "None" else key


def list_unmarked(messages: list[ForwardMsg]) -> set[tuple[str, str]]:
    """List texts with English words, and where each of them is shown."""
    known = NAMES | SYMBOLS | CODES
    return {
        (place, text)
        for place, text in walk_messages(messages)
        if list_english_words(text) - known - (COLUMNS if place == "column" else set())
    }


def list_mixed_up(messages: list[ForwardMsg]) -> dict[Shown, list[str]]:
    """List texts with numbers in another form than that of the app, and where they are shown."""
    shown = {
        (place, text): list_mixed_up_numbers(text)
        for place, text in walk_messages(messages)
        if place != "Metric.delta"  # Streamlit tells by the hyphen that it goes down
    }
    return {at: numbers for at, numbers in shown.items() if numbers}


@pytest.mark.parametrize(("page", "query"), VIEWS, ids=str)
def test_no_page_shows_english(
    pseudo_app: AppTest, messages: list[ForwardMsg], page: str, query: dict[str, str]
) -> None:
    pseudo_app.session_state["start_from"] = True
    open_page(pseudo_app, page, query)
    assert query.keys() <= read_url(pseudo_app).keys()
    unfold(pseudo_app, messages)
    assert list_unmarked(messages) == set()
    assert list_mixed_up(messages) == {}


@pytest.mark.parametrize(("page", "query"), PROBLEMS, ids=str)
def test_no_problem_of_a_link_is_english(
    pseudo_app: AppTest, messages: list[ForwardMsg], page: str, query: dict[str, str]
) -> None:
    open_page(pseudo_app, page, query)
    assert pseudo_app.error
    assert {
        text
        for _place, text in list_unmarked(messages)
        if list_english_words(text) - LINK - SYMBOLS
    } == set()


def test_no_cure_is_described_in_english(pseudo_app: AppTest, messages: list[ForwardMsg]) -> None:
    open_page(pseudo_app, "explore", {**SMALL, "activation": "sigmoid"})
    press_in_line(pseudo_app, kind="cures")
    unfold(pseudo_app, messages)
    assert list_unmarked(messages) == set()


@pytest.mark.usefixtures("stop_runs")
def test_no_run_is_described_in_english(pseudo_app: AppTest, messages: list[ForwardMsg]) -> None:
    query = {**SMALL, "steps": "6", "activation": "relu", "learning_rate": "100"}
    open_page(pseudo_app, "training", query)
    press(pseudo_app, "play")
    wait_for_end(pseudo_app)
    unfold(pseudo_app, messages)
    assert list_unmarked(messages) == set()


@pytest.mark.parametrize(("page", "query"), EXTREMES, ids=str)
def test_extreme_numbers_are_written_as_all_others(
    app: AppTest, messages: list[ForwardMsg], page: str, query: dict[str, str]
) -> None:
    open_page(app, page, query)
    unfold(app, messages)
    texts = [text for _place, text in walk_messages(messages)]
    assert any(re.search("10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]{2}", text) for text in texts)
    assert list_mixed_up(messages) == {}


def test_english_is_seen_wherever_it_is_shown(app: AppTest, messages: list[ForwardMsg]) -> None:
    """The rule above would otherwise hold for whatever is not looked at."""
    assert load_catalogue("en").gettext("Depth") == "Depth"
    app.session_state["start_from"] = True
    open_page(app, "explore", SMALL)
    unfold(app, messages)
    texts = set(walk_messages(messages))
    places = {place for place, text in texts if list_english_words(text) - NAMES}
    assert {
        "Button.label",
        "Expandable.label",
        "Markdown.help",
        "Navigation.sections",
        "Slider.label",
        "Tab.label",
        "column",
        "component.alt",
        "component.headline",
        "component.look",
        "figure.layout.annotations.text",
    } <= places
