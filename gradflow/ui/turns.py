"""The right to compute: one thread of the process at a time, whoever has had least first.

Every client has a clock that advances while the process computes for it. Next is whose clock, with
the seconds that the work is expected to take, is lowest: short work goes before long work, and
long work of a busy client gets its turn once the others have had as much. A client that comes anew
starts at the lowest clock of those who are there, so nobody saves up turns.

Long work holds up nobody for long. Its turn can be taken by who comes before it; it then goes on
only to its next stop (``give_way``). Other long work does not begin before that, unless there are
processors for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gradflow.core.machine import count_processors
from gradflow.ui.waiting import Patience
from gradflow.ui.wanted import SINCE, check_wanted, find_client

_CHECK_SECONDS = 0.2
"""How often a waiting thread asks whether anybody still wants what it is going to compute."""
_STOP_SECONDS = 0.02
"""How often a computing thread looks at a stop whether it is to go on."""
_USUAL_SECONDS = 0.1
"""What work takes of which nothing is known."""
_LONG_SECONDS = 0.5
"""Work whose turn can be taken: it is expected to take so long, or has done so."""
_MOST_SECONDS = 2.0
"""However long work is, it waits no longer than until the others have had this much more."""


@dataclass(eq=False)
class _Work:
    """The work of one thread that has the turn, or waits for it.

    Attributes:
        thread: which thread.
        client: for whom.
        expected: seconds that it will take.
        spent: seconds that it has taken.
        since: when ``spent`` was counted last.
        depth: how often the thread has taken the turn.
        checked: when it last looked whether it is still wanted.
        came: when it, or what it takes the place of, has come; of equals, the first is next.
        called: set once the turn is its own.
    """

    thread: int
    client: Hashable
    expected: float = _USUAL_SECONDS
    spent: float = 0.0
    since: float = 0.0
    depth: int = 1
    checked: float = 0.0
    came: float = 0.0
    called: threading.Event = field(default_factory=threading.Event)

    @property
    def left(self) -> float:
        """Seconds that it will still take, as far as they count."""
        return min(max(self.expected - self.spent, 0.0), _MOST_SECONDS)

    @property
    def is_long(self) -> bool:
        """Whether its turn can be taken."""
        return max(self.expected, self.spent) >= _LONG_SECONDS


class Turn:
    """A fair lock that long work gives away; a thread that holds it may take it again.

    With one computation at a time, each is done as quickly as the machine can.

    Args:
        check: called every ``_CHECK_SECONDS`` while a thread waits, and at the stops of long work;
            what it raises ends the waiting, and the thread leaves the queue.
        beside: how many works, whose turn was taken, may go on to their next stop while other long
            work begins.
        clock: seconds, rising.
    """

    def __init__(
        self,
        check: Callable[[], None] = lambda: None,
        beside: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._check = check
        self._beside = beside
        self._clock = clock
        self._guard = threading.Lock()
        self._owner: _Work | None = None
        self._passed: dict[int, _Work] = {}
        """Works whose turn was taken, and that have not come to a stop yet, by thread."""
        self._queue: list[_Work] = []
        self._clocks: dict[Hashable, float] = {}

    @property
    def is_busy(self) -> bool:
        """Whether any thread has the turn."""
        return self._owner is not None

    def count_before(self) -> int:
        """Count the works that come before this thread's own, which waits: one computes."""
        me = threading.get_ident()
        with self._guard:
            order = sorted(self._queue, key=self._order)
            places = (i for i, work in enumerate(order, start=1) if work.thread == me)
            return next(places, 0)

    def is_new(self, thread: int) -> bool:
        """Whether a thread waits for its first turn: nothing is lost if it leaves."""
        with self._guard:
            return any(work.thread == thread and not work.since for work in self._queue)

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait for the turn; return whether it came within ``timeout`` seconds."""
        with self._guard:
            mine = self._find_mine()
            if mine is not None:
                mine.depth += 1
                return True
            since = SINCE.get()
            came = self._clock() if since is None else since
            mine = _Work(threading.get_ident(), find_client(), came=came)
            self._welcome(mine.client)
            if self._owner is None or self._take(mine):
                self._begin(mine)
                return True
            self._queue.append(mine)
        return self._wait_in_queue(mine, timeout)

    def release(self) -> None:
        """Hand the turn to the thread that is next.

        Raises:
            RuntimeError: this thread does not have it.
        """
        with self._guard:
            mine = self._find_mine()
            if mine is None:
                raise RuntimeError("the turn is not this thread's")
            mine.depth -= 1
            if mine.depth == 0:
                self._leave_turn(mine)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        with self._guard:
            has_left = self._find_mine() is None  # by an exception while it waited
        if not has_left:
            self.release()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let others have their turn meanwhile, and then wait for it again.

        After an exception inside it is not taken back, so that work that is given up does not wait.
        A thread that does not have the turn goes on without it.
        """
        with self._guard:
            mine = self._find_mine()
            if mine is not None:
                self._leave_turn(mine)
        yield
        if mine is not None:
            self._come_back(mine)

    @contextmanager
    def expect(self, seconds: float) -> Iterator[None]:
        """Say how long the work inside will take; without the turn that says nothing."""
        with self._guard:
            mine = self._find_mine()
            if mine is not None:
                before = mine.expected, mine.spent
                self._charge(mine)
                mine.expected, mine.spent = seconds, 0.0
                if not self._may_begin(mine):  # it came in as if it were short
                    self._leave_turn(mine)
        if mine is not None:
            self._come_back(mine)
        try:
            yield
        finally:
            with self._guard:
                mine = self._find_mine()
                if mine is not None:
                    self._charge(mine)
                    mine.expected, mine.spent = before

    def give_way(self) -> None:
        """Stop between two parts of long work: whoever is next goes first.

        What ``check`` raises ends the work here; the thread then has no turn any more.
        """
        now, owner = self._clock(), self._owner
        if (
            owner is not None
            and owner.thread == threading.get_ident()
            and now - owner.checked < _STOP_SECONDS
        ):
            return  # without the guard: small layers stop every 0.1 ms
        with self._guard:
            mine = self._find_mine()
            if mine is None:
                return
            mine.checked = now
            has_lost = mine is not self._owner
            if not has_lost:
                self._charge(mine)
                has_lost = any(self._may_take(work, mine) for work in self._queue)
            if has_lost:
                self._leave_turn(mine)
        if not has_lost:
            self._check()
            return
        self._check()
        self._come_back(mine)

    def _come_back(self, mine: _Work) -> None:
        """Wait for the turn again, unless this thread has it still."""
        with self._guard:
            if self._find_mine() is not None:
                return
            self._welcome(mine.client)
            if self._owner is None or self._take(mine):
                self._begin(mine)
                return
            mine.called.clear()
            mine.came = self._clock()
            self._queue.append(mine)
        self._wait_in_queue(mine, None)

    # --- with the guard held ---

    def _find_mine(self) -> _Work | None:
        """Find this thread's work, if it computes."""
        me = threading.get_ident()
        if self._owner is not None and self._owner.thread == me:
            return self._owner
        return self._passed.get(me)

    def _list_present(self) -> list[_Work]:
        owner = [] if self._owner is None else [self._owner]
        return [*owner, *self._passed.values(), *self._queue]

    def _welcome(self, client: Hashable) -> None:
        """Start the clock of a client at the lowest of all who are there, or where it was."""
        present = {work.client for work in self._list_present()}
        if client not in present:
            clocks = self._clocks if present else {}
            lowest = min((clocks[other] for other in present), default=0.0)
            self._clocks = {c: t for c, t in clocks.items() if c in present or t > lowest}
            self._clocks.setdefault(client, lowest)

    def _rank(self, work: _Work) -> float:
        """Rank a work by its client's clock once it is over; the lowest is next.

        A change costs, so that for what waits twice its time counts.
        """
        is_computing = work is self._owner or work.thread in self._passed
        return self._clocks[work.client] + work.left * (1 if is_computing else 2)

    def _order(self, work: _Work) -> tuple[float, float]:
        """Order works that wait; of equals, the one that came first."""
        return self._rank(work), work.came

    def _charge(self, work: _Work) -> None:
        """Count the seconds that a work has had the turn."""
        now = self._clock()
        self._clocks[work.client] += now - work.since
        work.spent += now - work.since
        work.since = now

    def _may_take(self, work: _Work, owner: _Work) -> bool:
        """Whether the turn of long work is due to another one."""
        return owner.is_long and self._rank(work) <= self._rank(owner)

    def _may_begin(self, work: _Work) -> bool:
        """Whether a work may compute beside those whose turn was taken: short work always."""
        return not work.is_long or len(self._passed) < self._beside

    def _take(self, mine: _Work) -> bool:
        """Take the turn of long work, which goes on to its next stop; return whether it is so."""
        owner = self._owner
        assert owner is not None
        self._charge(owner)
        is_next = all(self._rank(mine) <= self._rank(work) for work in self._queue)
        if not (is_next and self._may_begin(mine) and self._may_take(mine, owner)):
            return False
        self._passed[owner.thread] = owner
        return True

    def _begin(self, work: _Work) -> None:
        self._owner = work
        work.since = self._clock()

    def _leave_turn(self, mine: _Work) -> None:
        self._charge(mine)
        if self._passed.pop(mine.thread, None) is not None:
            return
        waiting = [*self._passed.values(), *filter(self._may_begin, self._queue)]
        self._owner = None
        if waiting:
            following = min(waiting, key=self._order)
            if self._passed.pop(following.thread, None) is None:
                self._queue.remove(following)
                self._begin(following)
                following.called.set()
            else:
                self._owner = following

    # --- without it ---

    def _wait_in_queue(self, mine: _Work, timeout: float | None) -> bool:
        try:
            if self._wait(mine, timeout):
                return True
        except BaseException:
            if not self._leave_queue(mine):
                with self._guard:
                    self._leave_turn(mine)
            raise
        return not self._leave_queue(mine)

    def _wait(self, mine: _Work, timeout: float | None) -> bool:
        patience = Patience()
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _CHECK_SECONDS if end is None else end - time.monotonic()
            if mine.called.wait(max(0.0, min(left, _CHECK_SECONDS))):
                return True
            if left <= 0:
                return False
            with self._guard:
                if not mine.called.is_set() and self._take(mine):
                    self._queue.remove(mine)
                    self._begin(mine)
                    return True
            self._check()
            patience.see(self.count_before())

    def _leave_queue(self, mine: _Work) -> bool:
        """Leave the queue; return False if the turn came at the last moment."""
        with self._guard:
            if mine.called.is_set():
                return False
            self._queue.remove(mine)
            return True


ADMISSION = Turn(check_wanted, beside=max(1, int(count_processors()) - 1))
"""The turn of this process; every computation holds it from its start to its end."""
