"""Who comes to Explore sees what is meant for them: first visitors, returning ones, links."""

import urllib.parse

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import gradflow as gf
from gradflow.core import codec
from gradflow.core.presets import PRESET_GROUPS, PRESETS
from gradflow.ui.welcome.cards import CARDS
from gradflow.ui.welcome.state import COOKIE
from tests.pages.apptest import Cards, Toolbar, check_works, open_link, read_url, shows_cards

LEFT = gf.Experiment(network=gf.MLP(depth=5, width=16, activation="relu"), seed=3)
OPENING = codec.to_query(PRESETS["deep_sigmoid"].experiment)


def leave(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let the browser bring this cookie."""
    monkeypatch.setattr(type(st.context), "cookies", {COOKIE: text})


def test_a_first_visit_opens_on_a_broken_network_under_six_cards(app: AppTest) -> None:
    check_works(app.run())
    data = Cards(app).data
    assert data["line"] == "This 24-layer network cannot learn. See why, and cure it."
    assert [card["label"] for card in data["cards"]] == [
        "Vanishing",
        "Exploding",
        "Dead",
        "Overflow",
        "ResNet",
        "Transformer",
    ]
    assert data["chosen"] == "deep_sigmoid"
    assert len(data["tour"]["steps"]) == 5
    assert read_url(app) == OPENING


def test_parameters_that_are_no_settings_make_no_link(app: AppTest) -> None:
    app.query_params["utm_source"] = "mail"
    check_works(app.run())
    assert shows_cards(app)
    assert read_url(app) == OPENING


@pytest.mark.parametrize("code", CARDS)
def test_a_card_loads_its_network(app: AppTest, code: str) -> None:
    app.run()
    Cards(app).press(code)
    assert read_url(app) == codec.to_query(PRESETS[code].experiment)
    data = Cards(app).data
    assert data["chosen"] == code
    assert len(data["line"]) < 60  # three short lines beside the cards on a projector


def test_the_introduction_leads_to_the_lessons(app: AppTest) -> None:
    app.run()
    Cards(app).send("lessons", True)
    assert "A product of slopes" in [heading.value for heading in app.subheader]


@pytest.mark.parametrize("forged", ["nonsense", 3, None, ["deep_sigmoid"], {"a": 1}])
def test_what_is_no_preset_changes_nothing(app: AppTest, forged: object) -> None:
    app.run()
    Cards(app).press(forged)
    assert read_url(app) == OPENING


def test_another_network_is_not_said_to_be_one_of_the_cards(app: AppTest) -> None:
    app.run()
    Toolbar(app).set(depth=7)
    assert Cards(app).data["chosen"] is None
    assert "24" not in Cards(app).data["line"]


def test_closed_it_stays_closed(app: AppTest) -> None:
    app.run()
    Cards(app).close()
    assert not shows_cards(app)
    check_works(app.run())
    assert not shows_cards(app)
    assert read_url(app) == OPENING


def test_a_link_goes_straight_to_its_setting(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(monkeypatch, urllib.parse.urlencode(codec.to_query(LEFT)))
    app.query_params["depth"] = "7"
    check_works(app.run())
    assert not shows_cards(app)
    assert read_url(app) == codec.to_query(gf.Experiment(network=gf.MLP(depth=7)))


def test_who_returns_finds_what_they_left(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(monkeypatch, urllib.parse.urlencode(codec.to_query(LEFT)))
    check_works(app.run())
    assert not shows_cards(app)
    assert not app.error
    assert read_url(app) == codec.to_query(LEFT)
    app.query_params.clear()  # a link without settings: the session keeps what is set
    Toolbar(app).set(depth=6)
    assert read_url(check_works(app))["depth"] == "6"


def test_a_forged_cookie_is_named_like_a_forged_link(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(monkeypatch, "depth=-3&seed=4&activation=<script>&other=1&width=16")
    check_works(app.run())
    message = app.error[0].value.replace("\\", "")
    assert "depth" in message
    assert "activation" in message
    assert "other" not in message
    assert (read_url(app)["seed"], read_url(app)["width"]) == ("4", "16")


@pytest.mark.parametrize("text", ["", "%", "=", "&&&", "a=%ff%fe", "depth=" + 3000 * "9"])
def test_a_cookie_without_settings_is_none(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    leave(monkeypatch, text)
    check_works(app.run())
    assert not app.error
    assert shows_cards(app)
    assert read_url(app) == OPENING


def test_another_pages_network_comes_before_what_was_left(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(monkeypatch, urllib.parse.urlencode(codec.to_query(LEFT)))
    app.session_state["setting"] = codec.to_fields(gf.Experiment(network=gf.MLP(depth=9)))
    check_works(app.run())
    assert read_url(app)["depth"] == "9"
    assert not shows_cards(app)


def test_start_from_names_every_preset(app: AppTest) -> None:
    app.session_state["start_from"] = True
    open_link(app, "explore", {"depth": "3", "width": "8"})
    groups = Cards(app, "start").data["groups"]
    assert [g["title"] for g in groups] == list(PRESET_GROUPS)
    labels = [preset["label"] for group in groups for preset in group["presets"]]
    assert sorted(labels) == sorted(preset.label for preset in PRESETS.values())
