"""Whether anybody still wants what is being computed, and for whom it is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

from streamlit.runtime.scriptrunner_utils.exceptions import RerunException, StopException
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import (
    ScriptRunContext,
    get_script_run_ctx,
)

ENDING = threading.Event()
"""Set once this process was asked to end: nobody wants anything any more."""


@contextmanager
def listen_for_end() -> Iterator[None]:
    """Set ``ENDING`` as soon as this process is asked to end, besides what happens then.

    The web server waits for the answers that are under way, which would take until the last of the
    computations that wait is done.
    """
    if threading.current_thread() is not threading.main_thread():  # who hears no signals
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(number: int, frame: FrameType | None) -> None:
        ENDING.set()
        handler = handlers[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    # Without a handler a signal ends the process at once, and there is nothing to add.
    heard = [number for number, handler in handlers.items() if callable(handler)]
    for number in heard:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, handlers[number])


def check_page_run() -> None:
    """End this run of a page if its browser asked for a newer one, or is gone, or the server ends.

    Any ``st`` command does that too, but draws something, and lets the run of a fragment go on
    although the same fragment is to run again. Outside of a page nothing happens.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None:
        if ENDING.is_set():
            raise StopException
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
"""Called while a computation waits, and between its parts; raises if nobody wants its result.

Whoever computes for something else than a page sets it: a route's raises once its client is gone.
"""

CLIENT: ContextVar[Hashable] = ContextVar("CLIENT", default=None)
"""For whom this thread computes; ``None``: for the session of the page that runs here."""

SINCE: ContextVar[float | None] = ContextVar("SINCE", default=None)
"""Since when that client has waited, in seconds of ``time.monotonic``; ``None``: from now on."""


def check_wanted() -> None:
    """End what waits here by an exception if nobody wants it any more, as ``WANTED`` says."""
    WANTED.get()()


def find_client() -> Hashable:
    """Find for whom this thread computes; all that is for nobody in particular shares."""
    client = CLIENT.get()
    if client is None:
        context = get_script_run_ctx(suppress_warning=True)
        return context.session_id if context else ""
    return client
