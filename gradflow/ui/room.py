"""The memory of all computations together: what does not fit waits, or is refused.

The turn (``turns.py``) says who computes; long work that was stopped keeps its tensors meanwhile.
So all work that takes much memory holds room for it, from before its first tensor to its end.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from gradflow.core.errors import GradflowError
from gradflow.core.limits import GIB
from gradflow.core.machine import MemoryLimit, read_memory, return_free_memory
from gradflow.core.text import Text
from gradflow.ui.memo import RESULTS
from gradflow.ui.turns import ADMISSION, Turn
from gradflow.ui.waiting import Patience
from gradflow.ui.wanted import check_wanted

SMALL_BYTES = 96 * 2**20
"""Work that takes no more is always let in; one at a time computes."""
SCARCE_BYTES = 4 * 2**30
"""Memory so small that holes in it cost more than the time in which they are avoided."""
KEPT_BYTES = 96 * 2**20
"""Memory that is never given away: small work, pages and results."""
_LOOK_SECONDS = 0.2
Refuse = Callable[[Text, Text], GradflowError]
"""Makes an error of what is needed and what there is."""


class Room:
    """Memory that is left, and who holds how much of it.

    Args:
        read: reads what the machine has left; asked while nobody holds anything.
        turn: given back by a thread that waits for room.
        make_room: called before work is refused, to give memory back.

    Attributes:
        spread: memory that is taken for each byte of tensors, holes between them included.
    """

    def __init__(
        self,
        read: Callable[[], MemoryLimit] = read_memory,
        turn: Turn = ADMISSION,
        make_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._read = read
        self._turn = turn
        self._make_room = make_room
        self.spread = 2.0
        self._changed = threading.Condition()
        self._held: dict[Hashable, int] = {}
        self._left = 0

    def count_free(self) -> int:
        """Count the bytes that are free now."""
        with self._changed:
            return self._count_free()

    @contextmanager
    def hold(
        self, bound: int, count: Callable[[], int], refuse: Refuse, small: int = SMALL_BYTES
    ) -> Iterator[None]:
        """Hold room for a computation.

        Args:
            bound: bytes that it is sure not to exceed.
            count: counts its bytes well, if the bound does not fit; may take a moment.
            refuse: makes the error for one that does not fit although nobody else holds room.
            small: bytes up to which it is let in without room, because it never stops for others.

        Raises:
            GradflowError: it does not fit, or the system has no memory for it after all.
        """
        if bound <= small:
            yield
            return
        me = threading.get_ident()
        if not self.keep(me, bound):
            self._wait(me, count(), refuse)
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, MemoryError) or _ALLOCATION in str(error):
                raise refuse(describe_size(bound), self.describe_left()) from error
            raise
        finally:
            self.drop(me)

    def keep(self, owner: Hashable, size: int) -> bool:
        """Hold room of so many bytes until ``drop``; return whether there is as much."""
        with self._changed:
            if self.spread * size > self._count_free():
                return False
            self._held[owner] = int(self.spread * size)
            return True

    def drop(self, owner: Hashable) -> None:
        """Give back the room of an owner, if it holds any."""
        with self._changed:
            if self._held.pop(owner, None) is not None:
                self._changed.notify_all()

    def _wait(self, me: int, size: int, refuse: Refuse) -> None:
        if self.keep(me, size):
            return
        if not self._held:
            self._make_room()
            if self.keep(me, size):
                return
        patience = Patience()
        with self._turn.pause():
            while not self.keep(me, size):
                with self._changed:
                    if self.spread * size > self._left:  # nor would it fit alone
                        raise refuse(describe_size(size), self.describe_left())
                    self._changed.wait(_LOOK_SECONDS)
                    before = len(self._held)
                check_wanted()
                patience.see(before)

    def _count_free(self) -> int:
        """Count what is free; read anew only if nobody holds room, whose use cannot be told."""
        if not self._held:
            self._left = self._read().left - KEPT_BYTES
        return self._left - sum(self._held.values())

    def describe_left(self) -> Text:
        """Say how much memory is left, and of what."""
        limit = self._read()
        left, total = max(self._left, 0) / GIB, limit.total / GIB
        if limit.contained:
            return Text(
                "{left} GiB are free of the {total} GiB that the container of this server may use",
                left=left,
                total=total,
            )
        return Text("{left} GiB are free of the {total} GiB of this server", left=left, total=total)


_ALLOCATION = "can't allocate memory"
"""What PyTorch says if the system refuses memory."""


def describe_size(size: int) -> Text:
    """Say how much memory so many bytes are."""
    return Text("{n} GiB of memory", n=size / GIB)


def make_room() -> None:
    """Give back all memory that can be given back: results that are remembered, garbage, holes."""
    RESULTS.clear()
    gc.collect()
    return_free_memory()


ROOM = Room(make_room=make_room)
"""The memory of this process."""
