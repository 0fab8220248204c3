"""The app without a browser."""

import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.state.session_state import SessionState
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.app_test import TESTING_KEY

from gradflow.core.teaching.degradation import training
from gradflow.core.teaching.normalization_effects import noise
from gradflow.ui.security.widgets import refuse_forged_values
from gradflow.ui.training.sessions import SESSIONS

MAIN = Path(__file__).parents[2] / "gradflow" / "ui" / "main.py"


@pytest.fixture
def app() -> AppTest:
    refuse_forged_values()  # as the server does when it starts
    return AppTest.from_file(MAIN, default_timeout=60)


@pytest.fixture
def stop_runs() -> Iterator[None]:
    """Stop every training of a test when it ends."""
    yield
    for session in list(SESSIONS._sessions.values()):
        if session.group is not None:
            session.group.stop()
    assert not [t for t in threading.enumerate() if t.name == "gradflow-run"]


@pytest.fixture(autouse=True)
def _refuse_what_cannot_be_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check after every run what the session keeps, as Streamlit's own option would.

    That option also refuses values of Streamlit itself: AppTest's, and those of components, a
    local class that is made anew when they are read.
    """

    def check(state: SessionState) -> None:
        for key in state:
            value = state[key]
            own = key == TESTING_KEY or type(value).__module__.startswith("streamlit.")
            if not own:
                pickle.dumps(value)

    monkeypatch.setattr(SessionState, "maybe_check_serializable", check)


@pytest.fixture(autouse=True)
def _train_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the training of views that compute for seconds."""
    for module in (training, noise):
        monkeypatch.setattr(module, "STEPS", 4)


@pytest.fixture(autouse=True)
def _rerun_pages_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a change be followed by all of the page: AppTest forgets what a fragment leaves alone."""
    rerun = st.rerun

    def rerun_all(scope: object = "app") -> None:
        if scope == "app":
            rerun()

    monkeypatch.setattr(st, "rerun", rerun_all)


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[ForwardMsg]:
    """All that the app has sent to its browser."""
    sent: list[ForwardMsg] = []
    enqueue = ForwardMsgQueue.enqueue

    def record(queue: ForwardMsgQueue, message: ForwardMsg) -> None:
        sent.append(message)
        enqueue(queue, message)

    monkeypatch.setattr(ForwardMsgQueue, "enqueue", record)
    return sent
