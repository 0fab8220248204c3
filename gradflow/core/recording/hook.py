"""A hook on a module of somebody's loop, which copies and saves the module while it is watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Hook:
    """A hook of ours; a copy of the module, and a file of it, get one that is idle."""

    __slots__ = ("_run",)

    def __init__(self, run: Callable[..., object]) -> None:
        self._run = run

    def __call__(self, *args: Any) -> None:
        self._run(*args)

    def __reduce__(self) -> tuple[Callable[[], Hook], tuple[()]]:
        return make_idle_hook, ()


def make_idle_hook() -> Hook:
    """Make a hook that does nothing."""
    return Hook(lambda *_: None)
