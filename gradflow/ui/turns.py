"""The right to compute: one thread of the process at a time, in order of arrival."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from streamlit.runtime.scriptrunner_utils.exceptions import RerunException
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import (
    ScriptRunContext,
    get_script_run_ctx,
)

_CHECK_SECONDS = 0.2
"""How often a waiting thread asks whether anybody still wants what it is going to compute."""


def check_page_run() -> None:
    """End this run of a page if its browser asked for a newer one, or is gone.

    Any ``st`` command does that too, but draws something, and lets the run of a fragment go on
    although the same fragment is to run again. Outside of a page nothing happens.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None:
        context.yield_check()
        _end_overtaken_fragment(context)


def _end_overtaken_fragment(context: ScriptRunContext) -> None:
    running, requests = set(context.fragment_ids_this_run or ()), context.script_requests
    if running and requests is not None and _list_waiting(requests) >= running:
        request = requests.on_scriptrunner_ready()
        if request.type is ScriptRequestType.RERUN:
            raise RerunException(request.rerun_data)


def _list_waiting(requests: ScriptRequests) -> set[str]:
    """List the fragments that are to run next, and that nothing but them is to run."""
    with requests._lock:
        is_waiting = requests._state is ScriptRequestType.RERUN
        return set(requests._rerun_data.fragment_id_queue) if is_waiting else set()


WANTED: ContextVar[Callable[[], None]] = ContextVar("WANTED", default=check_page_run)
"""Called while a computation waits; raises if nobody wants its result any more.

Whoever computes for something else than a page sets it: a route's raises once its client is gone.
"""


def check_wanted() -> None:
    """End what waits here by an exception if nobody wants it any more, as ``WANTED`` says."""
    WANTED.get()()


@dataclass(eq=False)
class _Waiter:
    """A thread in the queue; ``called`` is set once the turn is its own."""

    thread: int
    called: threading.Event = field(default_factory=threading.Event)


class Turn:
    """A fair lock: whoever came first is next, and a thread that holds it may take it again.

    With one computation at a time, each is done as quickly as the machine can, and nobody who
    came later is served earlier. ``threading.Lock`` is not fair: a thread that releases it and
    takes it again mostly gets it, however many wait.

    Args:
        check: called every ``_CHECK_SECONDS`` while a thread waits; what it raises ends the
            waiting, and the thread leaves the queue.
    """

    def __init__(self, check: Callable[[], None] = lambda: None) -> None:
        self._check = check
        self._guard = threading.Lock()
        self._owner: int | None = None
        self._depth = 0
        self._queue: deque[_Waiter] = deque()

    @property
    def is_busy(self) -> bool:
        """Whether any thread has the turn."""
        return self._owner is not None

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait for the turn; return whether it came within ``timeout`` seconds."""
        me = threading.get_ident()
        with self._guard:
            if self._owner in (None, me):
                self._owner = me
                self._depth += 1
                return True
            waiter = _Waiter(me)
            self._queue.append(waiter)
        try:
            if self._wait(waiter, timeout):
                return True
        except BaseException:
            if not self._leave(waiter):
                self.release()
            raise
        return not self._leave(waiter)

    def release(self) -> None:
        """Hand the turn to the thread that has waited longest.

        Raises:
            RuntimeError: this thread does not have it.
        """
        with self._guard:
            if self._owner != threading.get_ident():
                raise RuntimeError("the turn is not this thread's")
            self._depth -= 1
            if self._depth == 0:
                self._call_next()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        if self._owner == threading.get_ident():  # not given up by an exception within a pause
            self.release()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let others have their turn meanwhile, and then wait for it again.

        After an exception inside it is not taken back, so that work that is given up does not wait.
        A thread that does not have the turn goes on without it.
        """
        with self._guard:
            mine = self._owner == threading.get_ident()
            depth = self._depth
            if mine:
                self._depth = 0
                self._call_next()
        yield
        if mine:
            self.acquire()
            self._depth = depth

    def _call_next(self) -> None:
        """Give the turn to the next thread; the guard is held."""
        if not self._queue:
            self._owner = None
            return
        waiter = self._queue.popleft()
        self._owner, self._depth = waiter.thread, 1
        waiter.called.set()

    def _wait(self, waiter: _Waiter, timeout: float | None) -> bool:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _CHECK_SECONDS if end is None else end - time.monotonic()
            if waiter.called.wait(max(0.0, min(left, _CHECK_SECONDS))):
                return True
            if left <= 0:
                return False
            self._check()

    def _leave(self, waiter: _Waiter) -> bool:
        """Leave the queue; return False if the turn came at the last moment."""
        with self._guard:
            if waiter.called.is_set():
                return False
            self._queue.remove(waiter)
            return True


ADMISSION = Turn(check_wanted)
"""The turn of this process; every computation holds it from its start to its end."""
