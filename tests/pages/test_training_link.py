"""The page on training: runs found again by its address, presses at the same moment, long runs."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core.training import RunState
from gradflow.ui.training.sessions import SESSIONS
from tests.pages.apptest import check_works, read_boxes, read_chart, read_url
from tests.pages.conftest import MAIN
from tests.pages.training import (
    TINY,
    find_control,
    find_presets,
    open_page,
    press,
)

pytestmark = pytest.mark.usefixtures("stop_runs")


def open_tab(**query: str) -> AppTest:
    return open_page(AppTest.from_file(MAIN, default_timeout=60), **query)


def test_a_page_loaded_anew_shows_its_run_with_its_settings(app: AppTest) -> None:
    open_page(app, **TINY | {"steps": "20000", "record_every": "100"})
    assert "run" not in read_url(app)
    press(app, "step")
    address = read_url(app)
    group = SESSIONS._sessions[address["run"]].group
    assert group is not None
    group.lanes[0].wait(60)
    tab = open_tab(**address)
    assert not read_boxes(tab)
    assert SESSIONS._sessions[tab.session_state["training_token"]].group is group
    assert read_url(tab) == address
    press(tab, "play")
    assert group.lanes[0].state is RunState.RUNNING
    press(tab, "stop")
    press(tab, "reset")
    assert read_url(tab)["run"] == address["run"]  # the earlier run is found again, too


def test_a_link_to_the_run_of_an_open_page_shows_its_settings_only(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_page(app, **TINY)
    press(app, "step")
    address = read_url(app)
    group = SESSIONS._sessions[address["run"]].group
    monkeypatch.setattr(SESSIONS, "_connected", lambda _streamlit_id: True)
    SESSIONS._sessions[address["run"]].streamlit_id = "its own page"
    tab = open_tab(**address)
    assert "open elsewhere" in read_boxes(tab)
    settings = {name: text for name, text in address.items() if name != "run"}
    assert read_url(tab) == settings
    press(tab, "step")
    assert read_url(tab)["run"] != address["run"]
    assert SESSIONS._sessions[address["run"]].group is group
    assert "open elsewhere" not in read_boxes(tab)


def test_a_link_to_a_run_that_is_gone_keeps_the_settings_and_says_so(app: AppTest) -> None:
    open_page(app, **TINY | {"run": "guessed"})
    assert "no longer stored" in read_boxes(app)
    assert read_url(app)["width"] == "8"
    assert "run" not in read_url(app)
    assert "guessed" not in SESSIONS._sessions
    assert not app.error


def test_a_late_choice_does_not_undo_what_a_press_has_set(app: AppTest) -> None:
    open_page(app, **TINY)
    # As when the browser answers with the value of a widget that the page has just replaced.
    find_presets(app).set_value("zero_initialization")
    find_control(app, "selectbox", "Optimizer").set_value("adam")
    find_control(app, "number_input", "Steps").set_value(9)
    check_works(app.run())
    assert read_url(app)["preset"] == "zero_initialization"
    assert find_control(app, "selectbox", "Optimizer").value == "sgd"


@pytest.mark.parametrize(
    ("kind", "label", "value", "name"),
    [
        ("number_input", "Width", 9, "width"),
        ("selectbox", "Optimizer", "adam", "optimizer"),
        ("selectbox", "Architecture", "transformer", "architecture"),
    ],
)
def test_what_is_changed_at_the_moment_of_a_press_is_what_is_trained(
    app: AppTest, kind: str, label: str, value: Any, name: str
) -> None:
    open_page(app, **TINY)
    # A number that was typed is sent by the press on Play itself, which takes the focus away.
    find_control(app, kind, label).set_value(value)
    press(app, "step")
    group = SESSIONS._sessions[read_url(app)["run"]].group
    assert group is not None
    group.lanes[0].wait(60)
    run = group.lanes[0].run
    trained = dict(run.settings or {}) | {"optimizer": str(run.plan.optimizer)}
    assert trained[name] == read_url(app)[name] == str(value)


def test_more_steps_are_recorded_less_often(app: AppTest) -> None:
    open_page(app, **TINY)
    find_control(app, "number_input", "Steps").set_value(20_000)
    check_works(app.run())
    assert not app.error
    assert read_url(app)["steps"] == "20000"
    assert find_control(app, "number_input", "Record every").value == 11
    find_control(app, "number_input", "Steps").set_value(100)
    check_works(app.run())
    assert read_url(app)["record_every"] == "11"


def test_a_long_run_is_announced_and_one_without_end_refused(app: AppTest) -> None:
    def read_captions() -> str:
        return "\n".join(caption.value for caption in app.get("caption"))

    open_page(app, **TINY | {"device": "cpu"})
    assert "on one processor core" not in read_captions()
    wide = {"depth": "20", "width": "512", "batch_size": "256", "device": "cpu"}
    open_page(app, **wide | {"steps": "2000", "record_every": "20"})
    assert "roughly 3 min on one processor core" in read_captions()
    open_page(app, **wide | {"width": "1024", "steps": "20000", "record_every": "20"})
    assert "TFLOP of arithmetic, allowed are at most 200" in app.error[0].value
    assert app.button("training_play").disabled


def test_settings_of_an_experiment_that_have_no_effect_here_are_named(app: AppTest) -> None:
    open_page(app, **TINY | {"loss_scale": "8", "clip_norm": "1"})
    assert "clip_norm, loss_scale: no effect on this page" in app.error[0].value
    assert read_url(app)["width"] == "8"


def test_runs_of_ones_own_are_told_apart_when_they_stand_side_by_side(app: AppTest) -> None:
    open_page(app, **TINY)
    for optimizer in ("sgd", "adam"):
        find_control(app, "selectbox", "Optimizer").set_value(optimizer)
        press(app, "play")
        group = SESSIONS._sessions[read_url(app)["run"]].group
        assert group is not None
        group.lanes[0].wait(60)
        check_works(app.run())
    (kept,) = SESSIONS._sessions[read_url(app)["run"]].earlier
    app.session_state["training_details"] = "Compare"
    check_works(app.run())
    find_control(app, "multiselect", "Show beside").set_value([kept])
    check_works(app.run())
    names = {trace["name"] for trace in read_chart(app)["data"]}
    assert {"<b>A</b> Adam", "<b>B</b> SGD"} <= names
