"""The app without a browser."""

from pathlib import Path

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

MAIN = Path(__file__).parents[2] / "gradflow" / "ui" / "main.py"


@pytest.fixture
def app() -> AppTest:
    # AppTest keeps an object of its own in the session; the browser tests run with the check on.
    config.set_option("runner.enforceSerializableSessionState", False)
    return AppTest.from_file(MAIN, default_timeout=60)
