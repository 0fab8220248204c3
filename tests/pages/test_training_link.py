"""The page on training: runs found again by its address, presses at the same moment, long runs."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from gradflow.core.training import RunState
from gradflow.ui.training.runs import SESSIONS
from tests.pages.apptest import chart, sentences, url, working
from tests.pages.conftest import MAIN
from tests.pages.training import (
    TINY,
    control,
    opened,
    press,
)

pytestmark = pytest.mark.usefixtures("runs_stopped")


def another_tab(**query: str) -> AppTest:
    return opened(AppTest.from_file(MAIN, default_timeout=60), **query)


def test_a_page_loaded_anew_shows_its_run_with_its_settings(app: AppTest) -> None:
    opened(app, **TINY | {"steps": "20000", "record_every": "100"})
    assert "run" not in url(app)
    press(app, "step")
    address = url(app)
    group = SESSIONS._sessions[address["run"]].group
    assert group is not None
    group.lanes[0].wait(60)
    found = another_tab(**address)
    assert not sentences(found)
    assert SESSIONS._sessions[found.session_state["training_token"]].group is group
    assert url(found) == address
    press(found, "play")
    assert group.lanes[0].state is RunState.RUNNING
    press(found, "stop")
    press(found, "reset")
    assert url(found)["run"] == address["run"]  # the earlier run is found again, too


def test_a_link_to_the_run_of_an_open_page_shows_its_settings_only(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(app, **TINY)
    press(app, "step")
    address = url(app)
    group = SESSIONS._sessions[address["run"]].group
    monkeypatch.setattr(SESSIONS, "_connected", lambda _streamlit_id: True)
    SESSIONS._sessions[address["run"]].streamlit_id = "its own page"
    found = another_tab(**address)
    assert "open elsewhere" in sentences(found)
    settings = {name: text for name, text in address.items() if name != "run"}
    assert url(found) == settings
    press(found, "step")
    assert url(found)["run"] != address["run"]
    assert SESSIONS._sessions[address["run"]].group is group
    assert "open elsewhere" not in sentences(found)


def test_a_link_to_a_run_that_is_gone_keeps_the_settings_and_says_so(app: AppTest) -> None:
    opened(app, **TINY | {"run": "guessed"})
    assert "no longer kept" in sentences(app)
    assert url(app)["width"] == "8"
    assert "run" not in url(app)
    assert "guessed" not in SESSIONS._sessions
    assert not app.error


def test_a_late_choice_does_not_undo_what_a_press_has_set(app: AppTest) -> None:
    opened(app, **TINY)
    # As when the browser answers with the value of a widget that the page has just replaced.
    press_of = next(g for g in app.get("button_group") if "Experiments" in g.label)
    press_of.set_value("zero_initialization")
    control(app, "selectbox", "Optimizer").set_value("adam")
    control(app, "number_input", "Steps").set_value(9)
    working(app.run())
    assert url(app)["preset"] == "zero_initialization"
    assert control(app, "selectbox", "Optimizer").value == "sgd"


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
    opened(app, **TINY)
    # A number that was typed is sent by the press on Play itself, which takes the focus away.
    control(app, kind, label).set_value(value)
    press(app, "step")
    group = SESSIONS._sessions[url(app)["run"]].group
    assert group is not None
    group.lanes[0].wait(60)
    run = group.lanes[0].run
    trained = dict(run.settings or {}) | {"optimizer": str(run.plan.optimizer)}
    assert trained[name] == url(app)[name] == str(value)


def test_more_steps_are_recorded_less_often(app: AppTest) -> None:
    opened(app, **TINY)
    control(app, "number_input", "Steps").set_value(20_000)
    working(app.run())
    assert not app.error
    assert url(app)["steps"] == "20000"
    assert control(app, "number_input", "Record every").value == 11
    control(app, "number_input", "Steps").set_value(100)
    working(app.run())
    assert url(app)["record_every"] == "11"


def test_a_long_run_is_announced_and_one_without_end_refused(app: AppTest) -> None:
    def said() -> str:
        return "\n".join(caption.value for caption in app.get("caption"))

    opened(app, **TINY | {"device": "cpu"})
    assert "of one processor core" not in said()
    wide = {"depth": "20", "width": "512", "batch_size": "256", "device": "cpu"}
    opened(app, **wide | {"steps": "2000", "record_every": "20"})
    assert "roughly 3 min of one processor core" in said()
    opened(app, **wide | {"width": "1024", "steps": "20000", "record_every": "20"})
    assert "TFLOP of arithmetic, allowed are at most 200" in app.error[0].value
    assert app.button("training_play").disabled


def test_settings_of_an_experiment_that_have_no_effect_here_are_named(app: AppTest) -> None:
    opened(app, **TINY | {"loss_scale": "8", "clip_norm": "1"})
    assert r"clip\_norm, loss\_scale: no effect on this page" in app.error[0].value
    assert url(app)["width"] == "8"


def test_runs_of_ones_own_are_told_apart_when_they_stand_side_by_side(app: AppTest) -> None:
    opened(app, **TINY)
    for optimizer in ("sgd", "adam"):
        control(app, "selectbox", "Optimizer").set_value(optimizer)
        press(app, "play")
        group = SESSIONS._sessions[url(app)["run"]].group
        assert group is not None
        group.lanes[0].wait(60)
        working(app.run())
    (kept,) = SESSIONS._sessions[url(app)["run"]].earlier
    app.session_state["training_details"] = "Compare"
    working(app.run())
    control(app, "multiselect", "Show beside").set_value([kept])
    working(app.run())
    names = {trace["name"] for trace in chart(app)["data"]}
    assert {"<b>A</b> Adam", "<b>B</b> SGD"} <= names
