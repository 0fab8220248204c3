"""The right to compute: one at a time, in order of arrival."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from gradflow.ui.turns import Turn


def start(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_for_queue(turn: Turn, length: int) -> None:
    end = time.monotonic() + 20
    while len(turn._queue) < length:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_threads_compute_one_at_a_time_in_the_order_in_which_they_came() -> None:
    turn, order, inside, most = Turn(), [], [0], [0]

    def work(name: int) -> None:
        with turn:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            order.append(name)
            time.sleep(0.001)
            inside[0] -= 1

    with turn:
        threads = []
        for name in range(12):
            threads.append(start(lambda name=name: work(name)))
            wait_for_queue(turn, name + 1)
        assert order == []
    for thread in threads:
        thread.join(20)
    assert order == list(range(12))
    assert most == [1]
    assert not turn.is_busy


def test_a_thread_that_takes_the_turn_again_at_once_lets_the_waiting_one_go_first() -> None:
    turn, order = Turn(), []

    def other() -> None:
        with turn:
            order.append("other")

    with turn:
        thread = start(other)
        wait_for_queue(turn, 1)
    with turn:
        order.append("again")
    thread.join(20)
    assert order == ["other", "again"]


def test_a_thread_may_take_its_own_turn_again_and_keeps_it_until_the_last_release() -> None:
    turn = Turn()
    with turn:
        with turn:
            pass
        taken = []
        start(lambda: taken.append(turn.acquire(timeout=0.05))).join(20)
        assert taken == [False]
    assert turn.acquire(timeout=0)
    turn.release()
    with pytest.raises(RuntimeError):
        turn.release()


def test_who_waits_too_long_leaves_the_queue() -> None:
    turn, taken = Turn(), []
    with turn:
        start(lambda: taken.append(turn.acquire(timeout=0.02))).join(20)
        assert taken == [False]
        assert not turn._queue
    assert not turn.is_busy


def test_who_is_no_longer_wanted_leaves_the_queue_and_the_next_one_moves_up() -> None:
    class Overtaken(Exception):
        pass

    unwanted, served = set(), []

    def check() -> None:
        if threading.get_ident() in unwanted:
            raise Overtaken

    turn = Turn(check)

    def give_up() -> None:
        unwanted.add(threading.get_ident())
        with pytest.raises(Overtaken), turn:
            served.append("unwanted")

    with turn:
        first = start(give_up)
        first.join(20)
        second = start(lambda: turn.acquire() and (served.append("second"), turn.release()))
        wait_for_queue(turn, 1)
    second.join(20)
    assert served == ["second"]
    assert not turn.is_busy


def test_others_compute_during_a_pause_and_the_turn_comes_back_as_deep_as_it_was() -> None:
    turn, served = Turn(), []

    def other() -> None:
        with turn:
            served.append("other")

    with turn, turn:
        with turn.pause():
            start(other).join(20)
            assert served == ["other"]
        assert turn.is_busy
        turn.release()
        assert turn.is_busy
        turn.acquire()
    assert not turn.is_busy
    with turn.pause():  # without a turn nothing happens
        assert not turn.is_busy
    assert not turn.is_busy


def test_a_turn_is_not_taken_back_by_work_that_is_given_up_in_a_pause() -> None:
    turn, entered, finish = Turn(), threading.Event(), threading.Event()

    def other() -> None:
        with turn:
            entered.set()
            finish.wait(20)

    def work() -> None:
        with turn, turn, turn.pause():
            threads.append(start(other))
            assert entered.wait(20)
            raise KeyError

    threads: list[threading.Thread] = []
    with pytest.raises(KeyError):
        work()  # returns although the other one still computes
    assert turn.is_busy
    finish.set()
    threads[0].join(20)
    assert not turn.is_busy
