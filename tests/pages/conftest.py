"""The app without a browser."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from gradflow.ui.training.sessions import SESSIONS

MAIN = Path(__file__).parents[2] / "gradflow" / "ui" / "main.py"


@pytest.fixture
def app() -> AppTest:
    # AppTest keeps an object of its own in the session; the browser tests run with the check on.
    config.set_option("runner.enforceSerializableSessionState", False)
    return AppTest.from_file(MAIN, default_timeout=60)


@pytest.fixture
def stop_runs() -> Iterator[None]:
    """Stop every training of a test when it ends."""
    yield
    for session in list(SESSIONS._sessions.values()):
        if session.group is not None:
            session.group.stop()
    assert not [t for t in threading.enumerate() if t.name == "gradflow-run"]
