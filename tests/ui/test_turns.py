"""The right to compute: one at a time, in order of arrival."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from gradflow.ui import waiting
from gradflow.ui.memo import Memo
from gradflow.ui.turns import Turn
from gradflow.ui.wanted import CLIENT, WANTED, check_wanted


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


class Gone(Exception):
    """The client of a route does not wait any more."""


async def ask_as_route(work: Callable[[], object], gone: threading.Event) -> object:
    """Compute beside the event loop, as a route does, until ``gone`` is set."""

    def check() -> None:
        if gone.is_set():
            raise Gone

    WANTED.set(check)
    return await asyncio.to_thread(work)


async def ask_as_routes(work: Callable[[], object], gone: list[threading.Event]) -> list[Any]:
    return await asyncio.gather(
        *(ask_as_route(work, event) for event in gone), return_exceptions=True
    )


def test_a_request_whose_client_is_gone_leaves_the_queue_and_the_others_are_served() -> None:
    turn, gone = Turn(check_wanted), [threading.Event(), threading.Event()]

    def work() -> str:
        with turn:
            return "served"

    def let_one_client_go() -> None:
        with turn:
            queued.set()
            wait_for_queue(turn, 2)
            gone[0].set()
            end = time.monotonic() + 20
            while len(turn._queue) == 2:
                assert time.monotonic() < end
                time.sleep(0.001)

    queued = threading.Event()
    other = start(let_one_client_go)
    assert queued.wait(20)
    first, second = asyncio.run(ask_as_routes(work, gone))
    other.join(20)
    assert isinstance(first, Gone)
    assert second == "served"
    assert not turn.is_busy


def test_a_request_whose_client_is_gone_does_not_wait_for_what_another_computes() -> None:
    results, started, finish = Memo(1000), threading.Event(), threading.Event()
    gone = threading.Event()
    gone.set()

    def work() -> str:
        started.set()
        finish.wait(20)
        return "computed"

    other = start(lambda: results.get("key", work))
    assert started.wait(20)
    answer = asyncio.run(ask_as_routes(lambda: results.get("key", work), [gone]))
    finish.set()
    other.join(20)
    assert isinstance(answer[0], Gone)
    assert results.get("key", work) == "computed"


class Clock:
    """Seconds that pass only when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def start_for(client: str, work: Callable[[], object]) -> threading.Thread:
    def work_for_client() -> None:
        CLIENT.set(client)
        work()

    return start(work_for_client)


class Heavy:
    """Long work in parts; each part takes a second, and begins when it is told to."""

    def __init__(self, turn: Turn, clock: Clock, name: str, parts: int) -> None:
        self.turn, self.clock, self.name, self.parts = turn, clock, name, parts
        self.begun: list[int] = []
        self.go = threading.Semaphore(0)
        self.ended: BaseException | None = None
        self.thread = start_for(name, self.work)

    def work(self) -> None:
        try:
            with self.turn, self.turn.expect(float(self.parts)):
                for part in range(self.parts):
                    self.begun.append(part)
                    assert self.go.acquire(timeout=20)
                    self.clock.now += 1
                    self.turn.give_way()
        except Gone as error:
            self.ended = error

    def wait_for_part(self, part: int) -> None:
        end = time.monotonic() + 20
        while self.begun[-1:] != [part]:
            assert time.monotonic() < end, self.begun
            time.sleep(0.001)


def test_short_work_takes_the_turn_of_long_work_at_once_which_stops_at_its_next_part() -> None:
    clock = Clock()
    turn, entered, finish = Turn(clock=clock), threading.Event(), threading.Event()
    heavy = Heavy(turn, clock, "heavy", 3)
    heavy.wait_for_part(0)

    def light() -> None:
        with turn:
            entered.set()
            finish.wait(20)

    thread = start_for("light", light)
    assert entered.wait(20)  # although the part of the heavy one goes on
    heavy.go.release()
    wait_for_queue(turn, 1)
    assert heavy.begun == [0]
    finish.set()
    heavy.wait_for_part(1)
    heavy.go.release(2)
    heavy.thread.join(20)
    thread.join(20)
    assert not turn.is_busy


def test_long_works_take_turns_of_seconds_and_all_of_them_end() -> None:
    clock = Clock()
    turn = Turn(clock=clock)
    first = Heavy(turn, clock, "first", 6)
    first.wait_for_part(0)
    second = Heavy(turn, clock, "second", 6)
    wait_for_queue(turn, 1)
    first.go.release()
    first.wait_for_part(1)
    assert second.begun == []
    first.go.release()  # two seconds ahead of the other one
    second.wait_for_part(0)
    assert first.begun == [0, 1]
    first.go.release(10)
    second.go.release(10)
    for work in (first, second):
        work.thread.join(20)
        assert work.begun == list(range(6))
    assert not turn.is_busy


def test_a_client_that_has_had_much_comes_after_one_that_has_had_little() -> None:
    clock, order = Clock(), []
    turn = Turn(clock=clock)

    def work(name: str) -> None:
        with turn:
            order.append(name)
            clock.now += 0.3

    def busy() -> None:
        for _time in range(3):
            work("busy")

    with turn:
        thread = start_for("busy", busy)
        wait_for_queue(turn, 1)
        others = [start_for("other", lambda: work("other"))]
        wait_for_queue(turn, 2)
    for other in (thread, *others):
        other.join(20)
    assert order == ["busy", "other", "busy", "busy"]


def test_who_waits_is_told_how_many_are_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_TELL_SECONDS", 0.0)
    turn, told = Turn(), threading.Event()
    sentences: list[str] = []

    def wait() -> None:
        def tell(text: str) -> None:
            sentences.append(text)
            told.set()

        waiting.TELL.set(tell)
        with turn:
            assert turn.count_before() == 0

    with turn:
        first = start(lambda: turn.acquire() and turn.release())
        wait_for_queue(turn, 1)
        last = start(wait)
        assert told.wait(20)
    first.join(20)
    last.join(20)
    assert sentences == ["Waiting for a turn: 2 others before you."]


def test_long_work_that_nobody_wants_ends_at_its_next_part() -> None:
    clock, unwanted = Clock(), threading.Event()

    def check() -> None:
        if unwanted.is_set():
            raise Gone

    turn = Turn(check, clock=clock)
    heavy = Heavy(turn, clock, "heavy", 9)
    heavy.wait_for_part(0)
    unwanted.set()
    heavy.go.release()
    heavy.thread.join(20)
    assert heavy.begun == [0]
    assert isinstance(heavy.ended, Gone)
    assert not turn.is_busy
