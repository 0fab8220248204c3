"""Training runs of all sessions: who may run, whose page is still open, what is kept.

A session holds only a token (its state must be picklable); runs live here, in the process. When a
browser tab is closed, its runs pause by themselves and are forgotten later.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from streamlit import runtime

from gradflow.core.errors import GradflowError
from gradflow.core.text import Text
from gradflow.ui.training.groups import NoRoom, RunGroup, Setup
from gradflow.ui.training.kept import (
    EarlierRun,
    choose_most_bytes,
    measure_group,
    measure_setup,
)

MAX_RUNNING = 32
"""Groups that run at the same time in the whole process."""
MAX_EARLIER = 6
"""Earlier runs and files of a session; the oldest makes room."""
ABSENT_SECONDS = 120.0
"""A run whose page is gone for so long pauses."""
FORGOTTEN_SECONDS = 1800.0
"""A session that is gone for so long is forgotten, with its runs."""


class TooManyRuns(GradflowError):
    """The process runs as many trainings as it may, or keeps as many records."""


@dataclass
class Session:
    """The runs of one browser tab.

    Attributes:
        streamlit_id: Streamlit's name for it.
        seen: when its page last asked, or was last known to be open.
        group: what it trains now, or trained last.
        earlier: earlier runs by key, the oldest first.
        ended: runs whose records have ended for others since the last start.
    """

    streamlit_id: str
    seen: float
    group: RunGroup | None = None
    earlier: dict[str, EarlierRun] = field(default_factory=dict)
    ended: int = 0
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def keep(self, *new: EarlierRun) -> list[str]:
        """Keep runs, and return their keys. The oldest ones make room."""
        keys = [str(next(self._numbers)) for _run in new]
        kept = self.earlier | dict(zip(keys, new, strict=True))
        self.earlier = dict(list(kept.items())[-MAX_EARLIER:])
        return keys

    @property
    def size(self) -> int:
        """Bytes that all its records take, or will take if its runs go on."""
        group = self.group
        own = 0 if group is None else measure_group(group)
        return own + sum(kept.size for kept in self.earlier.values())

    def end_oldest(self) -> None:
        """End the oldest of its records, while its page may be drawn; those that it shows last."""
        if self.earlier:
            self.ended += 1
            self.earlier = dict(list(self.earlier.items())[1:])
        elif self.group is not None:
            self.ended += len(self.group.lanes)
            self.group.stop()
            self.group = None


class TokenClaim(StrEnum):
    """The answer to a page that asks for the runs of a token."""

    GIVEN = "given"
    OPEN_ELSEWHERE = "open_elsewhere"
    FORGOTTEN = "forgotten"


class Sessions:
    """All sessions of the process by token; a token cannot be guessed.

    Args:
        clock: seconds, rising.
        connected: whether the browser of a session is still there.
        most_bytes: that records of all sessions may take together; chosen by the machine's memory
            when they are first kept, if it is not given.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        connected: Callable[[str], bool] | None = None,
        most_bytes: int | None = None,
    ) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._connected = connected or _is_connected
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def open(self, streamlit_id: str) -> str:
        """Make a token for a new session, and forget those that are long gone."""
        self.sweep()
        token = secrets.token_urlsafe()
        with self._lock:
            self._sessions[token] = Session(streamlit_id, self._clock())
        return token

    def look(self, token: str, streamlit_id: str) -> Session:
        """Find the session of a token, which thereby counts as seen; an empty one if forgotten."""
        with self._lock:
            session = self._sessions.setdefault(token, Session(streamlit_id, 0))
        session.streamlit_id, session.seen = streamlit_id, self._clock()
        return session

    def claim(self, token: str, streamlit_id: str) -> TokenClaim:
        """Hand the runs of a token over to a page that was loaded anew.

        As long as the page that has them is open it keeps them: the address of a page may be
        passed on, its buttons may not.
        """
        self.sweep()
        with self._lock:
            session = self._sessions.get(token)
        if session is None:
            return TokenClaim.FORGOTTEN
        if session.streamlit_id != streamlit_id and self._connected(session.streamlit_id):
            return TokenClaim.OPEN_ELSEWHERE
        self.look(token, streamlit_id)
        return TokenClaim.GIVEN

    def admit(self, session: Session) -> None:
        """Let the runs of a session advance, if the process runs few enough.

        Raises:
            TooManyRuns: the process runs as many groups of others as it may.
        """
        self.sweep()
        if self.count_running(but=session) >= MAX_RUNNING:
            message = Text(
                "This server allows {n} trainings at a time. Try again when one of them has ended.",
                n=MAX_RUNNING,
            )
            raise TooManyRuns(message)

    def count_running(self, but: Session | None = None) -> int:
        """Count the sessions whose runs advance; ``but`` is left out."""
        with self._lock:
            sessions = [session for session in self._sessions.values() if session is not but]
        return sum(session.group is not None and session.group.running for session in sessions)

    def start(self, session: Session, setup: Setup) -> RunGroup:
        """Start a new group of a session, not yet playing; the one before ends.

        If its memory is not free, runs of others that do not advance end, the oldest first; if that
        of its records is not, records end as ``make_room`` says.

        Raises:
            InvalidExperiment, DeviceUnavailable: as ``train`` does, or there is no memory for it;
                the one before stays.
            TooManyRuns: there is no memory for its records beside those of runs that go on.
        """
        session.ended = 0
        self.make_room(measure_setup(setup))
        idle = self._list_idle(session)
        while (group := self._try_start(session, setup, is_last=not idle)) is None:
            idle.pop(0).put_away_for_others()
        if session.group is not None:
            session.group.stop()
        session.group = group
        return group

    def _try_start(self, session: Session, setup: Setup, *, is_last: bool) -> RunGroup | None:
        try:
            return RunGroup(setup, lambda: self._is_absent(session, ABSENT_SECONDS))
        except NoRoom:
            if is_last:
                raise
            return None

    def _list_idle(self, session: Session) -> list[RunGroup]:
        """List the groups of others that hold memory and do not advance, the oldest first."""
        with self._lock:
            others = [other for other in self._sessions.values() if other is not session]
        groups = [other.group for other in sorted(others, key=lambda other: other.seen)]
        return [g for g in groups if g is not None and not g.over and not g.running]

    def keep(self, session: Session, *new: EarlierRun) -> list[str]:
        """Keep earlier runs of a session, and return the keys of those for which there is room."""
        self.make_room(sum(kept.size for kept in new), is_needed=False)
        keys = session.keep(*new)
        self.make_room(0, is_needed=False)
        return [key for key in keys if key in session.earlier]

    def make_room(self, size: int, *, is_needed: bool = True) -> None:
        """End records until so many bytes more fit into what all sessions may keep.

        First those of pages that are closed, the longest unseen first; then earlier runs of the
        session that holds most, then what is over and shown there. What may go on stays.

        Args:
            size: of what is to come.
            is_needed: whether it cannot do with less.

        Raises:
            TooManyRuns: it does not fit, and is needed.
        """
        if self._most_bytes is None:
            self._most_bytes = choose_most_bytes()
        with self._lock:
            sessions = list(self._sessions.values())
        sizes = {id(session): session.size for session in sessions}
        while sum(sizes.values()) + size > self._most_bytes:
            able = [session for session in sessions if self._can_end(session)]
            if not able:
                if is_needed:
                    raise _refuse_records(size, self._most_bytes)
                return
            first = min(able, key=lambda s: self._rank_to_end(s, sizes[id(s)]))
            first.end_oldest()
            sizes[id(first)] = first.size

    def _can_end(self, session: Session) -> bool:
        group = session.group
        is_closed = not self._connected(session.streamlit_id)
        shown_can = group is not None and (group.over or (is_closed and not group.running))
        return bool(session.earlier) or shown_can

    def _rank_to_end(self, session: Session, size: int) -> tuple[int, float]:
        if not self._connected(session.streamlit_id):
            return 0, session.seen
        return 1 if session.earlier else 2, -size

    def sweep(self) -> None:
        """Forget the sessions that are long gone, and end their runs."""
        with self._lock:
            gone = [
                token
                for token, session in self._sessions.items()
                if self._is_absent(session, FORGOTTEN_SECONDS)
            ]
            forgotten = [self._sessions.pop(token) for token in gone]
        for session in forgotten:
            if session.group is not None:
                session.group.stop()

    def _is_absent(self, session: Session, seconds: float) -> bool:
        now = self._clock()
        if now - session.seen <= seconds:
            return False
        if self._connected(session.streamlit_id):
            session.seen = now
            return False
        return True


def _is_connected(streamlit_id: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(streamlit_id)


def _refuse_records(size: int, most: int) -> TooManyRuns:
    message = Text(
        "The records of this training would take {n} MB, and this server keeps {most} MB for those "
        "of all. Choose fewer records or reports, or try again when others have ended.",
        n=size / 1e6,
        most=most / 1e6,
    )
    return TooManyRuns(message)


SESSIONS = Sessions()


def list_earlier(group: RunGroup, names: Sequence[str]) -> list[EarlierRun]:
    """List the runs of a group that recorded anything, as earlier ones."""
    return [
        EarlierRun(name, lane.run)
        for name, lane in zip(names, group.lanes, strict=True)
        if lane.run.records
    ]
