"""Runs of a fragment that is to run again anyway."""

from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner_utils.exceptions import RerunException
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequests,
    ScriptRequestType,
)

from gradflow.ui import wanted


@pytest.fixture
def requests() -> ScriptRequests:
    return ScriptRequests()


def run_as(
    monkeypatch: pytest.MonkeyPatch, requests: ScriptRequests, running: list[str] | None
) -> None:
    """Let this thread be a run of these fragments, or of a whole page."""
    context = SimpleNamespace(
        fragment_ids_this_run=running, script_requests=requests, yield_check=lambda: None
    )
    monkeypatch.setattr(wanted, "get_script_run_ctx", lambda **_options: context)


def test_the_same_fragment_overtakes(
    monkeypatch: pytest.MonkeyPatch, requests: ScriptRequests
) -> None:
    run_as(monkeypatch, requests, ["view"])
    wanted.check_wanted()
    requests.request_rerun(RerunData(fragment_id="view", query_string="newest"))
    with pytest.raises(RerunException) as overtaken:
        wanted.check_wanted()
    assert overtaken.value.rerun_data.fragment_id_queue == ["view"]
    assert overtaken.value.rerun_data.query_string == "newest"
    wanted.check_wanted()  # it was taken, and asks no second time


@pytest.mark.parametrize(
    ("running", "waiting"),
    [(None, "view"), (["view"], "tabs"), (["view", "tabs"], "view")],
    ids=["a page", "another fragment", "one of two"],
)
def test_what_would_be_lost_goes_on(
    monkeypatch: pytest.MonkeyPatch,
    requests: ScriptRequests,
    running: list[str] | None,
    waiting: str,
) -> None:
    run_as(monkeypatch, requests, running)
    requests.request_rerun(RerunData(fragment_id=waiting))
    wanted.check_wanted()
    assert requests.on_scriptrunner_ready().type is ScriptRequestType.RERUN


def test_outside_of_a_page_nothing_happens() -> None:
    wanted.check_wanted()
