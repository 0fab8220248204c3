"""The page on training as its tests use it."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.ui.training.groups import RunGroup
from gradflow.ui.training.sessions import SESSIONS, Session
from tests.pages.apptest import check_works, open_link

TINY = {"depth": "3", "width": "8", "batch_size": "16", "steps": "6", "activation": "tanh"}
EXPERIMENT = Experiment(network=MLP(depth=3, width=8), data=Data(batch_size=16))


def open_page(app: AppTest, **query: str) -> AppTest:
    """Open the page, with all settings unfolded."""
    open_link(app, "training", query)
    app.session_state["training_more"] = True
    return check_works(app.run())


def press(app: AppTest, name: str) -> AppTest:
    app.button(f"training_{name}").click()
    return check_works(app.run())


def find_session(app: AppTest) -> Session:
    return SESSIONS._sessions[app.session_state["training_token"]]


def find_group(app: AppTest) -> RunGroup:
    group = find_session(app).group
    assert group is not None
    return group


def wait_for_end(app: AppTest) -> AppTest:
    """Wait until none of its runs advances."""
    for lane in find_group(app).lanes:
        lane.wait(60)
    return check_works(app.run())


def read_prose(app: AppTest) -> str:
    texts = [text.value for kind in ("markdown", "caption") for text in app.get(kind)]
    return "\n".join([*texts, *(box.label for box in app.get("expander"))])


def find_control(app: AppTest, kind: str, label: str) -> Any:
    return next(widget for widget in app.get(kind) if widget.label == label)


def find_presets(app: AppTest) -> Any:
    return next(box for box in app.get("selectbox") if box.label.startswith("Experiment"))


def list_buttons(app: AppTest) -> list[str]:
    """The buttons of a run that can be pressed."""
    keys = [str(b.key) for b in app.button if not b.disabled]
    names = ("play", "pause", "step", "stop", "reset")
    return [name for name in names if f"training_{name}" in keys]


def read_errors(app: AppTest) -> str:
    return "\n".join(error.value for error in app.error)
