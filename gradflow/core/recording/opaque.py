"""Functions with a backward pass of their own (``torch.autograd.Function``), as they return.

No mode is told of them. Inside, gradients are off, so that what they compute seems to have none;
what they return has one. While somebody listens, a function stands in the place of
``Function.apply`` that tells the watchers of this thread.
"""

from __future__ import annotations

import threading
from typing import Any

from torch.autograd import Function
from torch.overrides import _get_current_function_mode_stack

from gradflow.core.recording.calls import CallWatcher

_LOCK = threading.Lock()
_function: Any = Function
_apply: Any = vars(Function)["apply"]
_users = 0


@classmethod  # type: ignore[misc]
def _apply_and_tell(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
    out = _apply.__func__(cls, *args, **kwargs)
    for mode in _get_current_function_mode_stack():  # type: ignore[no-untyped-call]
        if isinstance(mode, CallWatcher):
            mode.note_returned(out)
    return out


def listen() -> None:
    """Tell watchers from now on."""
    global _users  # noqa: PLW0603 - of all threads the first replaces and the last restores
    with _LOCK:
        _users += 1
        _function.apply = _apply_and_tell


def ignore() -> None:
    """Tell them nothing more, if nobody else listens."""
    global _users  # noqa: PLW0603
    with _LOCK:
        _users -= 1
        # What somebody else has put there meanwhile stays.
        if not _users and vars(Function)["apply"] is _apply_and_tell:
            _function.apply = _apply
