"""Results of all users: computed once, bounded in bytes."""

from __future__ import annotations

import pickle
import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.ui import compute
from gradflow.ui.memo import Memo, measure_bytes, remember
from gradflow.ui.turns import ADMISSION, Turn

MB = 2**20


def test_a_result_is_computed_once_for_all_threads_and_is_the_same_object() -> None:
    results, computed, start = Memo(MB), [], threading.Barrier(8)
    got: list[object] = []

    def work() -> object:
        computed.append(threading.get_ident())
        time.sleep(0.05)
        return object()

    def ask() -> None:
        start.wait(20)
        got.append(results.get("key", work))

    threads = [threading.Thread(target=ask) for _i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(got) == 8
    assert len(computed) == 1
    assert len(set(map(id, got))) == 1


def test_none_is_a_result_too() -> None:
    results, computed = Memo(MB), []
    assert results.get("key", lambda: computed.append(1)) is None
    assert results.get("key", lambda: computed.append(1)) is None
    assert computed == [1]


def test_the_least_recently_used_leave_when_there_is_no_room() -> None:
    results, computed = Memo(3 * 80_000 + 5000), []

    def get(key: int) -> int:
        def work() -> np.ndarray[Any, Any]:
            computed.append(key)
            return np.full(10_000, float(key))

        return int(results.get(key, work)[0])

    assert [get(key) for key in (1, 2, 3, 1, 4, 1, 3, 2)] == [1, 2, 3, 1, 4, 1, 3, 2]
    assert computed == [1, 2, 3, 4, 2]  # 4 pushed out 2
    assert len(results) == 3
    assert 3 * 80_000 <= results.bytes <= 3 * 80_000 + 5000


def test_one_result_larger_than_all_room_is_kept_alone() -> None:
    results = Memo(1000)
    results.get("small", lambda: "small")
    large = results.get("large", lambda: np.zeros(10_000))
    assert results.get("large", lambda: None) is large
    assert len(results) == 1


def test_a_failure_is_not_kept_and_one_of_those_who_wait_tries_again() -> None:
    results, started, finish = Memo(MB), threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def fail() -> int:
        started.set()
        finish.wait(20)
        raise ValueError("first")

    def first() -> None:
        try:
            results.get("a", fail)
        except ValueError as error:
            failures.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert started.wait(20)
    waited: list[bool] = []

    def waiting() -> None:
        waited.append(True)
        finish.set()

    assert results.get("a", lambda: 5, waiting) == 5
    thread.join(20)
    assert waited
    assert len(failures) == 1
    assert results.get("a", lambda: 6) == 5


def test_who_waits_gives_its_turn_back_so_that_the_other_can_compute() -> None:
    turn = Turn()
    results, asked = Memo(MB, turn), threading.Event()

    def work() -> int:
        asked.set()
        with turn:
            return 7

    with turn:
        other = threading.Thread(target=lambda: results.get("key", work))
        other.start()
        assert asked.wait(20)
        assert results.get("key", lambda: 8) == 7  # a deadlock, if it kept the turn
        assert turn.is_busy
    other.join(20)
    assert not turn.is_busy


def test_bytes_are_those_of_arrays_frames_and_texts() -> None:
    array = np.zeros(50_000)
    assert measure_bytes(array) == pytest.approx(400_000, rel=0.01)
    assert measure_bytes([array, array, {"again": array[:3]}]) == pytest.approx(400_000, rel=0.01)
    assert measure_bytes(np.zeros(50_000)[:2]) == pytest.approx(400_000, rel=0.01)  # keeps it all
    frame = pd.DataFrame({"x": np.zeros(10_000), "t": ["a" * 90] * 10_000})
    assert 1e6 < measure_bytes(frame) < 2e6
    assert measure_bytes("a" * 10_000) == pytest.approx(10_000, rel=0.01)
    assert measure_bytes(b"a" * 10_000) == pytest.approx(10_000, rel=0.01)


def test_bytes_of_a_report_are_about_those_of_its_pickle() -> None:
    report = compute.run(Experiment(network=MLP(depth=12, width=32)))
    assert 0.8 < measure_bytes(report) / len(pickle.dumps(report)) < 2.5


def test_remembered_functions_compute_in_turn_and_know_their_arguments_however_given() -> None:
    calls: list[tuple[int, int]] = []

    @remember
    def add(a: int, b: int = 1) -> str:
        assert ADMISSION.is_busy
        calls.append((a, b))
        return f"{a + b}"

    assert [add(1), add(1, 1), add(b=1, a=1), add(a=1), add(2)] == ["2", "2", "2", "2", "3"]
    assert calls == [(1, 1), (2, 1)]
    assert not ADMISSION.is_busy


def test_clearing_streamlits_caches_leaves_results() -> None:
    experiment = Experiment(network=MLP(depth=3, width=4), data=Data(batch_size=8), seed=3)
    report = compute.run(experiment)
    st.cache_data.clear()
    st.cache_resource.clear()
    assert compute.run(experiment) is report
