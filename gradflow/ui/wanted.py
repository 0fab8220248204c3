"""Whether anybody still wants what is being computed, and for whom it is."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextvars import ContextVar

from streamlit.runtime.scriptrunner_utils.exceptions import RerunException
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType
from streamlit.runtime.scriptrunner_utils.script_run_context import (
    ScriptRunContext,
    get_script_run_ctx,
)


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
