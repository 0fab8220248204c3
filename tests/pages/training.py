"""The page on training as its tests use it."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.ui.training.runs import SESSIONS, Group, Session
from tests.pages.apptest import working

TINY = {"depth": "3", "width": "8", "batch_size": "16", "steps": "6", "activation": "tanh"}
EXPERIMENT = Experiment(network=MLP(depth=3, width=8), data=Data(batch_size=16))


def opened(app: AppTest, **query: str) -> AppTest:
    app.run()
    app.switch_page("../../pages/training.py")
    app.query_params.clear()
    for name, text in query.items():
        app.query_params[name] = text
    return working(app.run())


def press(app: AppTest, name: str) -> AppTest:
    app.button(f"training_{name}").click()
    return working(app.run())


def session(app: AppTest) -> Session:
    return SESSIONS._sessions[app.session_state["training_token"]]


def group(app: AppTest) -> Group:
    found = session(app).group
    assert found is not None
    return found


def ended(app: AppTest) -> AppTest:
    """Once none of its runs advances."""
    for lane in group(app).lanes:
        lane.wait(60)
    return working(app.run())


def said(app: AppTest) -> str:
    return "\n".join(text.value for kind in ("markdown", "caption") for text in app.get(kind))


def control(app: AppTest, kind: str, label: str) -> Any:
    return next(widget for widget in app.get(kind) if widget.label == label)


def pill(app: AppTest) -> Any:
    return next(g for g in app.get("button_group") if "Experiments" in g.label)


def errors(app: AppTest) -> str:
    return "\n".join(error.value for error in app.error)
