"""Groups of training runs that play side by side.

Of a group one run computes at a time, and between two steps everybody else may: a long training
holds up no page.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from gradflow.core.errors import InvalidExperiment
from gradflow.core.training import BackgroundRun, Run, RunState, cost
from gradflow.core.training.memory import estimate_training
from gradflow.core.training.presets import PresetRun
from gradflow.ui.room import ROOM, SMALL_BYTES, Room, describe_size, make_room
from gradflow.ui.turns import ADMISSION
from gradflow.ui.wanted import CLIENT

MAX_LANES = 4
"""Runs that are played, or compared, together."""
_SETTLED_STEPS = 2
"""Steps after which a run has all its memory: an optimizer has its state after the first."""
_YIELD_SECONDS = 0.001
"""Pause between two steps of a group, in which whoever waits for a core gets it."""


@dataclass(frozen=True)
class Setup:
    """Runs to train side by side; ``preset`` is their code, if they are a preset's."""

    preset: str | None
    runs: tuple[PresetRun, ...]


@dataclass(frozen=True)
class Opening:
    """Runs that were trained once for everybody: the page opens with them."""

    setup: Setup
    runs: tuple[Run, ...]


class NoRoom(InvalidExperiment):
    """There is no memory for these runs now."""


class RunGroup:
    """Runs that play together.

    Args:
        setup: the runs.
        is_abandoned: whether no page shows them any more; asked after every step.
        admission: one per core; held for one step.
        room: the memory in which the runs must fit.

    Attributes:
        left_alone: whether it paused by itself, because no page showed it.
        put_away: whether it ended because others needed its memory.
        is_told: whether its page has said so.
        seconds: that its steps took so far.

    Raises:
        InvalidExperiment, DeviceUnavailable: as ``train`` does.
        NoRoom: there is no memory for them.
    """

    def __init__(
        self,
        setup: Setup,
        is_abandoned: Callable[[], bool] = lambda: False,
        admission: AbstractContextManager[Any] = ADMISSION,
        room: Room = ROOM,
    ) -> None:
        self.setup = setup
        self.left_alone = self.put_away = self.is_told = False
        self._room, self._owner = room, object()
        self._is_abandoned = is_abandoned
        self._hold_room()
        turn = threading.Lock()
        gates = [_Gate(self, turn, admission) for _run in setup.runs]
        try:
            with admission:
                self.lanes = tuple(
                    BackgroundRun(
                        run.experiment, run.plan, gate, cost.choose_frames(run.experiment)
                    )
                    for run, gate in zip(setup.runs, gates, strict=True)
                )
        except BaseException:
            self.settle()
            raise
        for gate, lane in zip(gates, self.lanes, strict=True):
            gate.lane = lane
        self._since = (time.monotonic(), 0)
        self.seconds = 0.0

    def _hold_room(self) -> None:
        runs = self.setup.runs
        sizes = [estimate_training(run.experiment, run.plan) for run in runs]
        needed = sum(sizes)
        if needed > SMALL_BYTES and not self._room.keep(self._owner, needed):
            largest = runs[sizes.index(max(sizes))].experiment
            error = largest.size.refuse(describe_size(needed), self._room.describe_left())
            raise NoRoom(error.message, error.fields)

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

    def pause(self) -> None:
        """Let all runs pause after the step that is being computed."""
        for lane in self.lanes:
            lane.pause()

    def stop(self) -> None:
        """End all runs, and free their threads and models."""
        for lane in self.lanes:
            lane.stop()
        self.settle()

    def put_away_for_others(self) -> None:
        """End all runs, because their memory is needed; their records stay."""
        self.put_away = True
        self.stop()
        make_room()

    def settle(self) -> None:
        """Give back the room that was held until the runs took their memory, or were over."""
        self._room.drop(self._owner)

    def check_left_alone(self) -> bool:
        """Whether no page shows it any more."""
        self.left_alone = self.left_alone or self._is_abandoned()
        return self.left_alone


class _Gate:
    """Held by a run while it computes a step: its group's turn, then a core."""

    def __init__(
        self, group: RunGroup, turn: threading.Lock, admission: AbstractContextManager[Any]
    ) -> None:
        self.lane: BackgroundRun | None = None
        self._group, self._turn, self._admission = group, turn, admission
        self._begun = 0.0

    def __enter__(self) -> None:
        CLIENT.set(self._turn)  # a group has a thread per run, and one share of the time
        self._turn.acquire()
        self._admission.__enter__()
        self._begun = time.monotonic()

    def __exit__(self, *error: object) -> None:
        self._group.seconds += time.monotonic() - self._begun
        self._admission.__exit__(None, None, None)
        self._turn.release()
        if all(lane.over or lane.steps_done >= _SETTLED_STEPS for lane in self._group.lanes):
            self._group.settle()
        if self.lane is not None and self._group.check_left_alone():
            self.lane.pause()
        # Locks are not fair: without a pause this thread would take them again.
        time.sleep(_YIELD_SECONDS)
