"""Training runs of all sessions: who may run, who still looks, what is kept.

A session holds only a token (its state must be picklable); runs live here, in the process. Of a
group, the runs that play side by side, one computes at a time, and between two steps everybody
else may: a long training holds up no page. When a browser tab is closed, its runs pause by
themselves and are forgotten later.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from streamlit import runtime

from gradflow.core.errors import GradflowError
from gradflow.core.text import _
from gradflow.core.training import BackgroundRun, Run, RunState
from gradflow.core.training.presets import PresetRun
from gradflow.ui.compute import ADMISSION

MOST_LANES = 4
"""Runs that are played, or compared, together."""
MOST_RUNNING = 32
"""Groups that run at the same time in the whole process."""
MOST_KEPT = 6
"""Earlier runs and files of a session; the oldest makes room."""
ABSENT_SECONDS = 120.0
"""A run whose page is gone for so long pauses."""
FORGOTTEN_SECONDS = 1800.0
"""A session that is gone for so long is forgotten, with its runs."""
_BREATH = 0.001
"""Seconds between two steps of a group, in which whoever waits for a core gets it."""


class TooManyRuns(GradflowError):
    """The process runs as many trainings as it may."""


@dataclass(frozen=True)
class Setup:
    """What is to be trained side by side; ``preset`` is its code, if it is one."""

    preset: str | None
    runs: tuple[PresetRun, ...]


@dataclass(frozen=True)
class Kept:
    """An earlier run, or one from a file; ``file`` is its name."""

    name: str
    run: Run
    file: str = ""


class Group:
    """Runs that play together.

    Args:
        setup: what they train.
        abandoned: whether nobody looks any more; asked after every step.
        admission: one per core; held for one step.

    Attributes:
        left_alone: whether it paused by itself, because nobody looked.

    Raises:
        InvalidExperiment, DeviceUnavailable: as ``train`` does.
    """

    def __init__(
        self,
        setup: Setup,
        abandoned: Callable[[], bool] = lambda: False,
        admission: AbstractContextManager[Any] = ADMISSION,
    ) -> None:
        self.setup = setup
        self.left_alone = False
        self._abandoned = abandoned
        turn = threading.Lock()
        gates = [_Gate(turn, admission, self._alone) for _one in setup.runs]
        with admission:
            self.lanes = tuple(
                BackgroundRun(one.experiment, one.plan, gate)
                for one, gate in zip(setup.runs, gates, strict=True)
            )
        for gate, lane in zip(gates, self.lanes, strict=True):
            gate.lane = lane
        self._since = (time.monotonic(), 0)

    @property
    def running(self) -> bool:
        """Whether any of them advances."""
        return any(lane.state is RunState.RUNNING for lane in self.lanes)

    @property
    def over(self) -> bool:
        """Whether none of them will ever go on."""
        return all(lane.over for lane in self.lanes)

    @property
    def steps(self) -> tuple[int, int]:
        """Steps done and steps planned, of all runs; one that is over has no more steps to do."""
        done = sum(lane.steps_done for lane in self.lanes)
        planned = sum(lane.steps_done if lane.over else lane.plan.steps for lane in self.lanes)
        return done, planned

    def seconds_left(self, now: float | None = None) -> float | None:
        """At the pace since the group was last started; ``None`` while that is not known."""
        start, before = self._since
        done, planned = self.steps
        passed = (time.monotonic() if now is None else now) - start
        if not self.running or done == before:
            return None
        return (planned - done) * passed / (done - before)

    def play(self) -> None:
        """All go on."""
        self.left_alone = False
        self._since = (time.monotonic(), self.steps[0])
        for lane in self.lanes:
            lane.play()

    def step(self) -> None:
        """All go on to their next record."""
        self.left_alone = False
        for lane in self.lanes:
            lane.step()

    def _alone(self) -> bool:
        self.left_alone = self.left_alone or self._abandoned()
        return self.left_alone

    def pause(self) -> None:
        """All stop after their step."""
        for lane in self.lanes:
            lane.pause()

    def stop(self) -> None:
        """All end, and free their threads and models."""
        for lane in self.lanes:
            lane.stop()


class _Gate:
    """What a run holds while it computes a step: its group's turn, then a core."""

    def __init__(
        self,
        turn: threading.Lock,
        admission: AbstractContextManager[Any],
        abandoned: Callable[[], bool],
    ) -> None:
        self.lane: BackgroundRun | None = None
        self._turn, self._admission, self._abandoned = turn, admission, abandoned

    def __enter__(self) -> None:
        self._turn.acquire()
        self._admission.__enter__()

    def __exit__(self, *error: object) -> None:
        self._admission.__exit__(None, None, None)
        self._turn.release()
        if self.lane is not None and self._abandoned():
            self.lane.pause()
        time.sleep(_BREATH)  # locks are not fair: without it this thread would take them again


@dataclass
class Session:
    """The runs of one browser tab.

    Attributes:
        streamlit_id: Streamlit's name for it.
        seen: when its page last asked, or was last known to be open.
        group: what it trains now, or trained last.
        kept: earlier runs by key, the oldest first.
    """

    streamlit_id: str
    seen: float
    group: Group | None = None
    kept: dict[str, Kept] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def keep(self, *new: Kept) -> list[str]:
        """Keep runs; returns their keys. The oldest ones make room."""
        keys = [str(next(self._numbers)) for _one in new]
        self.kept |= dict(zip(keys, new, strict=True))
        for key in list(self.kept)[:-MOST_KEPT]:
            del self.kept[key]
        return keys


class Claim(StrEnum):
    """What becomes of a page that asks for the runs of a token."""

    GIVEN = "given"
    OPEN_ELSEWHERE = "open_elsewhere"
    FORGOTTEN = "forgotten"


class Sessions:
    """All sessions of the process, by token, which only who has seen it can know.

    Args:
        clock: seconds, rising.
        connected: whether the browser of a session is still there.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        connected: Callable[[str], bool] | None = None,
    ) -> None:
        self._clock = clock
        self._connected = connected or _connected
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def open(self, streamlit_id: str) -> str:
        """A token for a new session; those that are long gone are forgotten."""
        self.sweep()
        token = secrets.token_urlsafe()
        with self._lock:
            self._sessions[token] = Session(streamlit_id, self._clock())
        return token

    def look(self, token: str, streamlit_id: str) -> Session:
        """The session of a token, which is thereby seen; an empty one if it was forgotten."""
        with self._lock:
            found = self._sessions.setdefault(token, Session(streamlit_id, 0))
        found.streamlit_id, found.seen = streamlit_id, self._clock()
        return found

    def claim(self, token: str, streamlit_id: str) -> Claim:
        """Hand the runs of a token over to a page that was loaded anew.

        As long as the page that has them is open it keeps them: the address of a page may be
        passed on, its buttons may not.
        """
        self.sweep()
        with self._lock:
            found = self._sessions.get(token)
        if found is None:
            return Claim.FORGOTTEN
        if found.streamlit_id != streamlit_id and self._connected(found.streamlit_id):
            return Claim.OPEN_ELSEWHERE
        self.look(token, streamlit_id)
        return Claim.GIVEN

    def admit(self, session: Session) -> None:
        """Whether a session may let runs advance.

        Raises:
            TooManyRuns: the process runs as many groups of others as it may.
        """
        self.sweep()
        if self.running(but=session) >= MOST_RUNNING:
            raise TooManyRuns(
                _("This server runs {n} trainings already, and no more at a time. Try again when "
                  "one of them has ended.").format(n=MOST_RUNNING)
            )  # fmt: skip

    def running(self, but: Session | None = None) -> int:
        """How many sessions have runs that advance; ``but`` is not counted."""
        with self._lock:
            found = [one for one in self._sessions.values() if one is not but]
        return sum(one.group is not None and one.group.running for one in found)

    def start(self, session: Session, setup: Setup) -> Group:
        """A new group of a session, not yet playing; the one before ends.

        Raises:
            InvalidExperiment, DeviceUnavailable: as ``train`` does; the one before stays.
        """
        group = Group(setup, lambda: self._absent(session, ABSENT_SECONDS))
        if session.group is not None:
            session.group.stop()
        session.group = group
        return group

    def sweep(self) -> None:
        """Forget the sessions that are long gone, and end their runs."""
        with self._lock:
            gone = [
                token
                for token, one in self._sessions.items()
                if self._absent(one, FORGOTTEN_SECONDS)
            ]
            forgotten = [self._sessions.pop(token) for token in gone]
        for session in forgotten:
            if session.group is not None:
                session.group.stop()

    def _absent(self, session: Session, seconds: float) -> bool:
        now = self._clock()
        if now - session.seen <= seconds:
            return False
        if self._connected(session.streamlit_id):
            session.seen = now
            return False
        return True


def _connected(streamlit_id: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(streamlit_id)


SESSIONS = Sessions()


def earlier(group: Group, names: Sequence[str]) -> list[Kept]:
    """What is left of a group's runs that recorded anything."""
    return [
        Kept(name, lane.run)
        for name, lane in zip(names, group.lanes, strict=True)
        if lane.run.records
    ]
