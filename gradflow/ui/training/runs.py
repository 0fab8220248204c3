"""Training runs of all sessions: who may run, whose page is still open, what is kept.

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
from gradflow.core.text import Text
from gradflow.core.training import BackgroundRun, Run, RunState
from gradflow.core.training.presets import PresetRun
from gradflow.ui.turns import ADMISSION

MAX_LANES = 4
"""Runs that are played, or compared, together."""
MAX_RUNNING = 32
"""Groups that run at the same time in the whole process."""
MAX_EARLIER = 6
"""Earlier runs and files of a session; the oldest makes room."""
ABSENT_SECONDS = 120.0
"""A run whose page is gone for so long pauses."""
FORGOTTEN_SECONDS = 1800.0
"""A session that is gone for so long is forgotten, with its runs."""
_YIELD_SECONDS = 0.001
"""Pause between two steps, in which another run of the group takes the lock, which is not fair."""


class TooManyRuns(GradflowError):
    """The process runs as many trainings as it may."""


@dataclass(frozen=True)
class Setup:
    """Runs to train side by side; ``preset`` is their code, if they are a preset's."""

    preset: str | None
    runs: tuple[PresetRun, ...]


@dataclass(frozen=True)
class EarlierRun:
    """An earlier run, or one from a file; ``file`` is the file's name."""

    name: str
    run: Run
    file: str = ""


class Group:
    """Runs that play together.

    Args:
        setup: the runs.
        is_abandoned: whether no page shows them any more; asked after every step.
        admission: held for one step.

    Attributes:
        left_alone: whether it paused by itself, because no page showed it.

    Raises:
        InvalidExperiment, DeviceUnavailable: as ``train`` does.
    """

    def __init__(
        self,
        setup: Setup,
        is_abandoned: Callable[[], bool] = lambda: False,
        admission: AbstractContextManager[Any] = ADMISSION,
    ) -> None:
        self.setup = setup
        self.left_alone = False
        self._is_abandoned = is_abandoned
        turn = threading.Lock()
        gates = [_Gate(turn, admission, self._check_left_alone) for _run in setup.runs]
        with admission:
            self.lanes = tuple(
                BackgroundRun(run.experiment, run.plan, gate)
                for run, gate in zip(setup.runs, gates, strict=True)
            )
        for gate, lane in zip(gates, self.lanes, strict=True):
            gate.lane = lane
        self._since = (time.monotonic(), 0)

    @property
    def running(self) -> bool:
        """Whether any of the runs advances."""
        return any(lane.state is RunState.RUNNING for lane in self.lanes)

    @property
    def over(self) -> bool:
        """Whether no run will ever go on."""
        return all(lane.over for lane in self.lanes)

    @property
    def steps(self) -> tuple[int, int]:
        """Steps done and steps planned, of all runs; one that is over has no more steps to do."""
        done = sum(lane.steps_done for lane in self.lanes)
        planned = sum(lane.steps_done if lane.over else lane.plan.steps for lane in self.lanes)
        return done, planned

    def estimate_seconds_left(self, now: float | None = None) -> float | None:
        """Estimate the time left from the pace since the last start; ``None`` while unknown."""
        start, before = self._since
        done, planned = self.steps
        passed = (time.monotonic() if now is None else now) - start
        if not self.running or done == before:
            return None
        return (planned - done) * passed / (done - before)

    def play(self) -> None:
        """Let all runs go on."""
        self.left_alone = False
        self._since = (time.monotonic(), self.steps[0])
        for lane in self.lanes:
            lane.play()

    def step(self) -> None:
        """Let all runs go on to their next record."""
        self.left_alone = False
        for lane in self.lanes:
            lane.step()

    def _check_left_alone(self) -> bool:
        self.left_alone = self.left_alone or self._is_abandoned()
        return self.left_alone

    def pause(self) -> None:
        """Let all runs pause after the step that is being computed."""
        for lane in self.lanes:
            lane.pause()

    def stop(self) -> None:
        """End all runs, and free their threads and models."""
        for lane in self.lanes:
            lane.stop()


class _Gate:
    """Held by a run while it computes a step: its group's turn, then a core."""

    def __init__(
        self,
        turn: threading.Lock,
        admission: AbstractContextManager[Any],
        is_abandoned: Callable[[], bool],
    ) -> None:
        self.lane: BackgroundRun | None = None
        self._turn, self._admission, self._is_abandoned = turn, admission, is_abandoned

    def __enter__(self) -> None:
        self._turn.acquire()
        self._admission.__enter__()

    def __exit__(self, *error: object) -> None:
        self._admission.__exit__(None, None, None)
        self._turn.release()
        if self.lane is not None and self._is_abandoned():
            self.lane.pause()
        time.sleep(_YIELD_SECONDS)


@dataclass
class Session:
    """The runs of one browser tab.

    Attributes:
        streamlit_id: Streamlit's name for it.
        seen: when its page last asked, or was last known to be open.
        group: what it trains now, or trained last.
        earlier: earlier runs by key, the oldest first.
    """

    streamlit_id: str
    seen: float
    group: Group | None = None
    earlier: dict[str, EarlierRun] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def keep(self, *new: EarlierRun) -> list[str]:
        """Keep runs, and return their keys. The oldest ones make room."""
        keys = [str(next(self._numbers)) for _run in new]
        self.earlier |= dict(zip(keys, new, strict=True))
        for key in list(self.earlier)[:-MAX_EARLIER]:
            del self.earlier[key]
        return keys


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
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        connected: Callable[[str], bool] | None = None,
    ) -> None:
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
                "This server runs {n} trainings already, and no more at a time. Try again when one "
                "of them has ended.",
                n=MAX_RUNNING,
            )
            raise TooManyRuns(message)

    def count_running(self, but: Session | None = None) -> int:
        """Count the sessions whose runs advance; ``but`` is left out."""
        with self._lock:
            sessions = [session for session in self._sessions.values() if session is not but]
        return sum(session.group is not None and session.group.running for session in sessions)

    def start(self, session: Session, setup: Setup) -> Group:
        """Start a new group of a session, not yet playing; the one before ends.

        Raises:
            InvalidExperiment, DeviceUnavailable: as ``train`` does; the one before stays.
        """
        group = Group(setup, lambda: self._is_absent(session, ABSENT_SECONDS))
        if session.group is not None:
            session.group.stop()
        session.group = group
        return group

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


SESSIONS = Sessions()


def list_earlier(group: Group, names: Sequence[str]) -> list[EarlierRun]:
    """List the runs of a group that recorded anything, as earlier ones."""
    return [
        EarlierRun(name, lane.run)
        for name, lane in zip(names, group.lanes, strict=True)
        if lane.run.records
    ]
