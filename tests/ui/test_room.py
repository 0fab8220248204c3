"""Memory that computations hold together: what does not fit waits, or is refused in words."""

from __future__ import annotations

import threading

import pytest

from gradflow.core.errors import GradflowError
from gradflow.core.machine import MemoryLimit
from gradflow.core.text import Text
from gradflow.ui.room import KEPT_BYTES, SMALL_BYTES, Room
from gradflow.ui.turns import Turn

MB = 2**20


def refuse(needed: Text, allowed: Text) -> GradflowError:
    return GradflowError(Text("need {needed}, {allowed}", needed=needed, allowed=allowed))


def never() -> int:
    raise AssertionError("the bound fits")


@pytest.fixture
def room() -> Room:
    """A container of 1 GiB of which 500 MB can be given away."""
    room = Room(lambda: MemoryLimit(1024 * MB, KEPT_BYTES + 500 * MB, contained=True), Turn())
    room.spread = 1.0
    return room


def test_a_bound_that_fits_needs_no_count_and_gives_its_room_back(room: Room) -> None:
    with room.hold(400 * MB, never, refuse):
        assert room.count_free() == 100 * MB
    assert room.count_free() == 500 * MB


def test_what_cannot_fit_is_refused_with_what_is_needed_and_what_there_is(room: Room) -> None:
    with (
        pytest.raises(
            GradflowError,
            match=r"need 0\.586 GiB of memory, 0\.488 GiB are free of the 1 GiB that the container",
        ),
        room.hold(2000 * MB, lambda: 600 * MB, refuse),
    ):
        raise AssertionError("it was let in")
    assert room.count_free() == 500 * MB


def test_what_fits_alone_waits_for_those_who_hold_room_and_gives_its_turn_back() -> None:
    turn, entered = Turn(), threading.Event()
    room = Room(lambda: MemoryLimit(1024 * MB, KEPT_BYTES + 500 * MB, contained=True), turn)
    room.spread = 1.0

    def work() -> None:
        with turn, room.hold(900 * MB, lambda: 300 * MB, refuse):
            entered.set()

    with room.hold(300 * MB, never, refuse):
        thread = threading.Thread(target=work)
        thread.start()
        assert not entered.wait(0.3)
        assert turn.acquire(timeout=20)  # which a waiting thread does not keep
        turn.release()
        with room.hold(SMALL_BYTES, never, refuse):
            pass  # small work never waits
    assert entered.wait(20)
    thread.join(20)


def test_memory_is_given_back_before_anything_is_refused() -> None:
    left = [KEPT_BYTES + 100 * MB]

    def make_room() -> None:
        left[0] = KEPT_BYTES + 400 * MB

    room = Room(lambda: MemoryLimit(1024 * MB, left[0], contained=True), Turn(), make_room)
    room.spread = 1.0
    with room.hold(300 * MB, lambda: 300 * MB, refuse):
        assert room.count_free() == 100 * MB


def test_memory_that_the_system_refuses_after_all_is_an_error_and_no_crash(room: Room) -> None:
    with pytest.raises(GradflowError, match="need"), room.hold(100 * MB, never, refuse):
        raise MemoryError
    assert room.count_free() == 500 * MB
