"""Results that all users of the process share: each is computed once and kept while there is room.

Streamlit's data cache hands every reader a pickled copy, which costs more than many of our results.
Here all get the same object; its arrays are made read-only, and what else it holds must be
immutable.
Streamlit's "Clear cache" does not empty a memo.
"""

from __future__ import annotations

import inspect
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cache, partial, wraps
from types import NoneType
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import pandas as pd

from gradflow.ui.turns import ADMISSION, Turn
from gradflow.ui.wanted import WANTED, check_wanted

_WAIT_SECONDS = 0.3
"""How often a thread that waits for another's result is told so."""
P = ParamSpec("P")
R = TypeVar("R")


class Memo:
    """The latest results by key, within a number of bytes; each is computed by one thread.

    Args:
        max_bytes: the least recently used results leave when all together take more, as counted by
            ``measure_bytes``; the newest stays in any case.
        turn: given back by a thread while it waits for the result of another one.
    """

    def __init__(self, max_bytes: int, turn: Turn = ADMISSION) -> None:
        self._max_bytes = max_bytes
        self._turn = turn
        self._guard = threading.Lock()
        self._results: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._pending: dict[Hashable, _Pending] = {}
        self.bytes = 0
        self.last_used = time.monotonic()

    def __len__(self) -> int:
        return len(self._results)

    def clear(self) -> None:
        """Forget all results, where their memory is needed."""
        with self._guard:
            self._results.clear()
            self.bytes = 0

    def get(
        self,
        key: Hashable,
        compute: Callable[[], R],
        waiting: Callable[[], None] = check_wanted,
    ) -> R:
        """Take the result of ``key``, or compute it.

        Args:
            key: what the result depends on.
            compute: makes the result; if it raises, nothing is kept, and if others wait for the
                same, one of them tries again.
            waiting: called again and again while another thread computes the same; may raise.
        """
        while True:
            with self._guard:
                self.last_used = time.monotonic()
                if key in self._results:
                    self._results.move_to_end(key)
                    return cast(R, self._results[key][0])
                pending = self._pending.get(key)
                if pending is None:
                    pending = self._pending[key] = _Pending()
                    break
                pending.waiting += 1
            try:
                with self._turn.pause():
                    while not pending.done.wait(_WAIT_SECONDS):
                        waiting()
            finally:
                with self._guard:
                    pending.waiting -= 1
            if pending.results:
                return cast(R, pending.results[0])
        wanted = WANTED.get()
        # Somebody else may still wait for it when nobody wants it here any more.
        token = WANTED.set(lambda: None if pending.waiting else wanted())
        try:
            result = compute()
            parts = list_parts(result)
            _freeze_arrays(parts)
            pending.results.append(result)
            self._keep(key, result, _sum_bytes(parts))
        finally:
            WANTED.reset(token)
            with self._guard:
                del self._pending[key]
            pending.done.set()
        return result

    def _keep(self, key: Hashable, result: Any, size: int) -> None:
        with self._guard:
            self._results[key] = result, size
            self.bytes += size
            while self.bytes > self._max_bytes and len(self._results) > 1:
                _key, (_result, size) = self._results.popitem(last=False)
                self.bytes -= size


class _Pending:
    """A result in the making; ``results`` is empty if it failed.

    Attributes:
        waiting: how many other threads wait for it.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self.done = threading.Event()
        self.results: list[Any] = []


RESULTS = Memo(128 * 2**20)
"""What ``remember`` keeps; a report of 20 layers takes 0.4 MB, so it holds about 300 settings."""


def remember(compute: Callable[P, R]) -> Callable[P, R]:
    """Decorate a computation: it runs in turn, and once per arguments for all users.

    The arguments must be hashable, and the result must be immutable but for its arrays.
    """
    signature = inspect.signature(compute)

    @wraps(compute)
    def get_result(*args: P.args, **kwargs: P.kwargs) -> R:
        def compute_in_turn() -> R:
            with ADMISSION:
                return compute(*args, **kwargs)

        call = signature.bind(*args, **kwargs)
        call.apply_defaults()
        key = (compute.__module__, compute.__qualname__, *call.arguments.values())
        return RESULTS.get(key, compute_in_turn)

    return get_result


def measure_bytes(result: Any) -> int:
    """Estimate the memory that a result keeps alive; whatever is in it several times counts once.

    An array counts with the memory that it is a view of, a tensor with its numbers, a frame with
    its columns and their texts, any other object with its own size.
    """
    return _sum_bytes(list_parts(result))


def list_parts(result: Any) -> list[Any]:
    """List a result and all that it holds (items, keys, attributes), each object once."""
    parts: dict[int, Any] = {}
    stack = [result]
    while stack:
        part = stack.pop()
        list_items = _choose_lister(type(part))  # type: ignore[arg-type]
        if list_items is not None and id(part) not in parts:
            parts[id(part)] = part
            stack += list_items(part)
    return list(parts.values())


@cache  # the decision takes longer than most lists, and a report has a thousand parts
def _choose_lister(kind: type) -> Callable[[Any], Iterable[Any]] | None:
    """Choose how to list what objects of a type hold; ``None`` for what is not worth counting."""
    if issubclass(kind, (type, bool, int, float, NoneType)):
        return None
    if issubclass(kind, Mapping):
        return _list_entries
    if issubclass(kind, (tuple, list, set, frozenset)):
        return iter
    if kind.__module__.startswith("gradflow.") and not issubclass(kind, str):
        slots = [name for base in kind.__mro__ for name in getattr(base, "__slots__", ())]
        names = tuple(name for name in slots if not name.startswith("__"))
        return partial(_list_attributes, names)
    return _list_nothing


def _list_entries(part: Mapping[Any, Any]) -> Iterable[Any]:
    return (*part.keys(), *part.values())


def _list_attributes(slots: Sequence[str], part: Any) -> Iterable[Any]:
    own = [getattr(part, name) for name in slots if hasattr(part, name)]
    return [*own, *getattr(part, "__dict__", {}).values()]


def _list_nothing(_part: Any) -> Iterable[Any]:
    return ()


def _sum_bytes(parts: Iterable[Any]) -> int:
    owners = {id(owner): owner for owner in map(_find_owner, parts)}
    return sum(map(_measure_object, owners.values()))


def _find_owner(part: Any) -> Any:
    """Find the array whose memory an array shows; any other object is its own."""
    while isinstance(part, np.ndarray) and isinstance(part.base, np.ndarray):
        part = part.base
    return part


def _measure_object(part: Any) -> int:
    if isinstance(part, (pd.DataFrame, pd.Series)):
        return int(np.sum(part.memory_usage(deep=True)))
    own = sys.getsizeof(part)
    return max(own, int(part.nbytes)) if hasattr(part, "nbytes") else own


def _freeze_arrays(parts: Iterable[Any]) -> None:
    for part in parts:
        if isinstance(part, np.ndarray):
            part.setflags(write=False)
