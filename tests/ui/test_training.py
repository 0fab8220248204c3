"""Runs behind the page on training: turns, threads, limits, what is kept."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import numpy as np
import pytest

from gradflow.charts.training.data import Lane
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.machine import MemoryLimit
from gradflow.core.training import Run, RunState, TrainingPlan, cost
from gradflow.core.training.memory import estimate_training
from gradflow.core.training.presets import PresetRun
from gradflow.ui.memo import measure_bytes
from gradflow.ui.room import KEPT_BYTES, ROOM
from gradflow.ui.training import live, words
from gradflow.ui.training.groups import NoRoom, RunGroup, Setup
from gradflow.ui.training.kept import EarlierRun, measure_run, measure_setup
from gradflow.ui.training.sessions import (
    ABSENT_SECONDS,
    FORGOTTEN_SECONDS,
    MAX_EARLIER,
    Sessions,
    TokenClaim,
    TooManyRuns,
)
from gradflow.ui.turns import ADMISSION

TINY = Experiment(network=MLP(depth=2, width=4), data=Data(batch_size=8))
LONG = TrainingPlan(steps=20_000, record_every=1000, reports=0, evaluate_every=0)
SHORT = TrainingPlan(steps=6, reports=0, evaluate_every=0)


def make_setup(plan: TrainingPlan = SHORT, count: int = 1) -> Setup:
    return Setup(None, tuple(PresetRun("", TINY, plan) for _i in range(count)))


def wait(group: RunGroup) -> None:
    for lane in group.lanes:
        lane.wait(60)


def count_threads() -> int:
    return sum(thread.name == "gradflow-run" for thread in threading.enumerate())


@pytest.fixture
def sessions():
    """Sessions under a clock that the test sets, of browsers that the test closes."""
    now, open_tabs = [0.0], set()
    kept = Sessions(clock=lambda: now[0], connected=lambda name: name in open_tabs)
    kept.now, kept.open_tabs = now, open_tabs
    yield kept
    for session in kept._sessions.values():
        if session.group is not None:
            session.group.stop()


# --- groups


def test_the_runs_of_a_group_play_to_the_end_with_the_numbers_of_a_run_alone():
    before = count_threads()
    group = RunGroup(make_setup(count=2))
    assert not group.running
    assert group.steps == (0, 12)
    group.play()
    wait(group)
    assert group.over
    assert not group.running
    assert count_threads() == before
    alone = [record.loss for record in Run.collect(TINY, SHORT).records]
    for lane in group.lanes:
        assert [record.loss for record in lane.run.records] == alone


def test_runs_of_a_group_take_turns_and_leave_the_core_to_others_between_steps():
    held, most, entered, lock = [0], [0], [0], threading.Lock()

    @contextmanager
    def admit():
        with lock:  # one core
            held[0] += 1
            entered[0] += 1
            most[0] = max(most[0], held[0])
            yield
            held[0] -= 1

    class Gate:
        def __enter__(self):
            self._open = admit()
            self._open.__enter__()

        def __exit__(self, *error):
            self._open.__exit__(None, None, None)

    group = RunGroup(make_setup(count=3), admission=Gate())
    group.play()
    wait(group)
    assert most[0] == 1
    assert entered[0] == 1 + 3 * SHORT.steps  # once to build them, then for every step
    assert lock.acquire(timeout=1)


def test_others_are_admitted_while_a_long_run_goes_on():
    group = RunGroup(make_setup(LONG))
    group.play()
    for _i in range(20):
        assert ADMISSION.acquire(timeout=10)
        ADMISSION.release()
    assert group.running
    group.stop()


def test_step_pause_and_stop():
    before = count_threads()
    group = RunGroup(make_setup(count=2))
    group.step()
    wait(group)
    assert [len(lane.run.records) for lane in group.lanes] == [1, 1]
    assert group.steps == (2, 12)
    assert not group.over
    assert count_threads() == before
    group.stop()
    assert group.over
    assert {lane.state for lane in group.lanes} == {RunState.STOPPED}
    assert group.steps == (2, 2)  # nothing is left to do
    group.play()
    assert count_threads() == before


def test_a_stopped_run_frees_its_thread():
    before = count_threads()
    group = RunGroup(make_setup(LONG, count=2))
    group.play()
    assert count_threads() == before + 2
    group.stop()
    assert count_threads() == before
    assert all(lane._trainer is None for lane in group.lanes)


def test_time_left_is_that_of_the_pace_since_it_was_started():
    group = RunGroup(make_setup(LONG))
    assert group.estimate_seconds_left() is None
    group.play()
    while group.steps[0] < 10:
        threading.Event().wait(0.01)
    start, _steps = group._since
    done = group.steps[0]
    left = group.estimate_seconds_left(start + 5.0)
    group.stop()
    pace = 5.0 / done
    assert left is not None
    # Steps go on while it is asked; there are never more than 20,000 − done left.
    assert 0 < left <= (20_000 - done) * pace * (1 + 1e-9)
    assert group.estimate_seconds_left() is None


# --- sessions


def test_a_run_pauses_when_its_page_is_gone_and_goes_on_while_it_is_open(sessions):
    sessions.open_tabs.add("tab")
    token = sessions.open("tab")
    group = sessions.start(sessions.look(token, "tab"), make_setup(LONG))
    group.play()
    sessions.now[0] += 10 * ABSENT_SECONDS  # on another page of the app, but open
    done = group.steps[0]
    while group.steps[0] < done + 5:
        threading.Event().wait(0.01)
    assert group.running
    sessions.open_tabs.clear()
    sessions.now[0] += ABSENT_SECONDS + 1
    wait(group)
    assert [lane.state for lane in group.lanes] == [RunState.PAUSED]
    assert count_threads() == 0 or not group.running
    assert words.describe_progress(group).endswith("paused, its page was closed")
    assert "press Play to continue" in words.describe_claim(TokenClaim.GIVEN, group)
    sessions.look(token, "tab")
    group.play()
    assert group.running
    assert words.describe_claim(TokenClaim.GIVEN, group) == ""
    group.pause()
    assert words.describe_progress(group).endswith("paused")


def test_a_session_that_is_long_gone_is_forgotten_with_its_runs(sessions):
    token = sessions.open("tab")
    session = sessions.look(token, "tab")
    group = sessions.start(session, make_setup(LONG))
    group.step()
    sessions.now[0] += FORGOTTEN_SECONDS + 1
    other = sessions.open("other")
    assert group.over
    assert set(sessions._sessions) == {other}
    assert sessions.look(token, "tab").group is None  # an empty one instead


def test_a_page_that_is_loaded_anew_gets_its_runs_back(sessions):
    sessions.open_tabs.add("before")
    token = sessions.open("before")
    group = sessions.start(sessions.look(token, "before"), make_setup(LONG))
    sessions.open_tabs.clear()
    sessions.open_tabs.add("after")
    assert sessions.claim(token, "after") is TokenClaim.GIVEN
    session = sessions.look(token, "after")
    assert session.group is group
    assert session.streamlit_id == "after"


def test_runs_of_an_open_page_and_of_none_are_not_handed_over(sessions):
    sessions.open_tabs.add("owner")
    token = sessions.open("owner")
    sessions.start(sessions.look(token, "owner"), make_setup(LONG))
    assert sessions.claim(token, "stranger") is TokenClaim.OPEN_ELSEWHERE
    assert sessions.look(token, "owner").streamlit_id == "owner"
    assert sessions.claim("guessed", "stranger") is TokenClaim.FORGOTTEN
    assert "guessed" not in sessions._sessions
    sessions.open_tabs.clear()
    sessions.now[0] += FORGOTTEN_SECONDS + 1
    assert sessions.claim(token, "owner") is TokenClaim.FORGOTTEN


def test_tokens_cannot_be_guessed(sessions):
    tokens = {sessions.open("tab") for _i in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 22  # 128 bits in 64 letters


def test_a_new_group_ends_the_one_before_but_an_impossible_one_does_not(sessions):
    session = sessions.look(sessions.open("tab"), "tab")
    first = sessions.start(session, make_setup(LONG))
    half = TINY.model_copy(update={"dtype": "float16"})
    with pytest.raises(InvalidExperiment, match="float16"):
        sessions.start(session, Setup(None, (PresetRun("", half, SHORT),)))
    assert session.group is first
    assert not first.over
    second = sessions.start(session, make_setup())
    assert first.over
    assert session.group is second


def test_only_so_many_sessions_train_at_a_time(sessions, monkeypatch):
    monkeypatch.setattr("gradflow.ui.training.sessions.MAX_RUNNING", 1)
    first, second = (sessions.look(sessions.open(name), name) for name in "ab")
    sessions.admit(first)
    group = sessions.start(first, make_setup(LONG))
    group.play()
    sessions.admit(first)  # its own runs do not count
    with pytest.raises(TooManyRuns, match="This server allows 1 trainings"):
        sessions.admit(second)
    group.stop()
    sessions.admit(second)


def test_running_sessions_are_counted_and_many_of_them_look_less_often(sessions):
    opened_sessions = [sessions.look(sessions.open(name), name) for name in ("a", "b", "c")]
    for session in opened_sessions[:2]:
        sessions.start(session, make_setup(LONG)).play()
    sessions.start(opened_sessions[2], make_setup(LONG))
    assert sessions.count_running() == 2
    assert sessions.count_running(but=opened_sessions[0]) == 1
    assert live.compute_slowdown(1) == live.compute_slowdown(4) == 1
    assert live.compute_slowdown(30) * live.CURVES_EVERY == pytest.approx(3)


def test_the_oldest_earlier_run_makes_room(sessions):
    session = sessions.look(sessions.open("tab"), "tab")
    run = Run.collect(TINY, SHORT)
    keys = [session.keep(EarlierRun(str(i), run))[0] for i in range(MAX_EARLIER + 2)]
    assert len(set(keys)) == len(keys)
    assert list(session.earlier) == keys[2:]
    assert [earlier.name for earlier in session.earlier.values()] == [
        str(i) for i in range(2, MAX_EARLIER + 2)
    ]


def test_records_of_all_sessions_fit_into_one_memory(sessions):
    """Closed pages lose theirs first, then whoever holds most; each is told how many."""
    run = Run.collect(TINY, SHORT)
    size = measure_run(run)
    sessions._most_bytes = 5 * size
    names = ("closed", "much", "little")
    closed, much, little = opened = [sessions.look(sessions.open(n), n) for n in names]
    sessions.open_tabs.update(names[1:])
    for session in (closed, much, much, much, little):
        assert sessions.keep(session, EarlierRun("kept", run))
    assert [len(session.earlier) for session in opened] == [1, 3, 1]
    sessions.keep(little, EarlierRun("new", run))
    assert [len(session.earlier) for session in opened] == [0, 3, 2]
    first = next(iter(much.earlier))
    sessions.keep(little, EarlierRun("new", run))
    assert [len(session.earlier) for session in opened] == [0, 2, 3]
    assert first not in much.earlier
    assert [session.ended for session in opened] == [1, 1, 0]
    assert sum(session.size for session in opened) <= 5 * size
    sessions._most_bytes *= 10
    sessions.start(much, make_setup())
    assert much.ended == 0  # whoever starts anew has seen it


def test_runs_that_go_on_keep_the_room_of_all_records_that_they_will_have(sessions):
    sessions._most_bytes = measure_setup(make_setup(LONG))
    sessions.open_tabs.update(("a", "b", "c"))
    a, b, c = (sessions.look(sessions.open(n), n) for n in "abc")
    group = sessions.start(a, make_setup(LONG))
    with pytest.raises(TooManyRuns, match="records of this training would take"):
        sessions.start(b, make_setup(LONG))
    group.step()
    wait(group)
    group.stop()  # the records that it has are few, and on a page
    ended = sessions.start(b, make_setup(LONG))
    assert (a.group, a.ended) == (None, 1)
    ended.pause()
    sessions.open_tabs.remove("b")
    assert sessions.start(c, make_setup(LONG))
    assert (ended.over, b.group) == (True, None)


def test_records_are_measured_from_above(sessions):
    plan = TrainingPlan(steps=12, record_every=3)
    experiment = Experiment(network=MLP(depth=6, width=8), data=Data(batch_size=8))
    run = Run.collect(experiment, plan, frames=cost.choose_frames(experiment))
    planned = measure_setup(Setup(None, (PresetRun("", experiment, plan),)))
    assert measure_bytes(run) < measure_run(run) == planned < 1.5 * measure_bytes(run)


def test_regression_has_no_curve_of_accuracy():
    lanes = {
        known: Lane("A", "run", 3, np.arange(3.0), {"accuracy": np.full(3, known)}, (), {})
        for known in (0.5, np.nan)
    }
    assert list(live.list_curves([lanes[np.nan]])) == ["log_loss", "loss"]
    assert "accuracy" in live.list_curves(list(lanes.values()))
    assert "accuracy" in live.list_curves([])  # nothing is recorded yet


def test_runs_that_nobody_advances_make_room_for_others_the_oldest_first(sessions, monkeypatch):
    """There is memory for two of three large runs, and the one that advances stays."""
    large = TINY.model_copy(update={"network": MLP(depth=3, width=3000)})
    setup = Setup(None, (PresetRun("", large, LONG),))
    size = estimate_training(large, LONG)
    started: list[RunGroup] = []

    def read() -> MemoryLimit:
        alive = sum(not group.over for group in started)
        left = KEPT_BYTES + int((2.5 - alive) * ROOM.spread * size)
        return MemoryLimit(16 * 2**30, max(left, 0), contained=True)

    monkeypatch.setattr(ROOM, "_read", read)
    opened = [sessions.look(sessions.open(name), name) for name in ("a", "b", "c")]
    for session in opened[:2]:
        started.append(sessions.start(session, setup))
        started[-1].settle()  # as after its first steps
    started[0].play()
    third = sessions.start(opened[2], setup)
    third.settle()
    started.append(third)
    assert [group.put_away for group in started] == [False, True, False]
    started[0].pause()
    third.play()
    with pytest.raises(NoRoom, match="container of this server may use; lower one or more of"):
        sessions.start(opened[1], Setup(None, setup.runs * 4))
    assert started[0].put_away
    for group in started:
        group.stop()
