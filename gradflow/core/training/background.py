"""A run in a thread of its own, which exists only while the run advances."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Any

from gradflow.core.errors import GradflowError
from gradflow.core.text import Text
from gradflow.core.training.engine import Trainer
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.record import StepRecord
from gradflow.core.training.run import Run
from gradflow.core.training.task import make_task


class RunState(StrEnum):
    """States of a background run."""

    PAUSED = "paused"
    RUNNING = "running"
    STOPPED = "stopped"
    FINISHED = "finished"
    DIVERGED = "diverged"
    FAILED = "failed"


class BackgroundRun:
    """A run that can be played, paused, advanced by single records and stopped, from any thread.

    A paused run has no thread: the next ``play`` or ``step`` starts one where the last left off.
    Records are kept here, at most ``plan.MAX_RECORDS``, so a run never waits to be looked at.
    A stopped run keeps its records, and drops model and data.

    Args:
        experiment: what ``train`` takes; it is built at once, in the caller's thread.
        plan: how to train.
        gate: held while a step is computed, for example a semaphore that admits computations.
        frames: as ``train`` takes it.

    Raises:
        InvalidExperiment, DeviceUnavailable: as ``train`` does.
    """

    def __init__(
        self,
        experiment: Any,
        plan: TrainingPlan | None = None,
        gate: AbstractContextManager[Any] | None = None,
        frames: int = 0,
    ) -> None:
        task = make_task(experiment)
        self.plan = plan or TrainingPlan()
        self._title, self._settings = task.title, task.settings
        self._gate = gate or nullcontext()
        self._trainer: Trainer | None = Trainer(task, self.plan, frames=frames)
        self._lock = threading.Lock()
        self._records: list[StepRecord] = []
        self._state = RunState.PAUSED
        self._steps_done = 0
        self._wanted: int | None = 0
        self._thread: threading.Thread | None = None
        self._error: Text | str | None = None

    @property
    def state(self) -> RunState:
        """The present state."""
        return self._state

    @property
    def error(self) -> str | None:
        """Why it failed, in the language of the reader; ``None`` if it did not."""
        return None if self._error is None else str(self._error)

    @property
    def steps_done(self) -> int:
        """Updates of the weights so far, or the step at which the run broke."""
        return self._steps_done

    @property
    def over(self) -> bool:
        """Whether it will never go on."""
        return self._state not in (RunState.PAUSED, RunState.RUNNING)

    @property
    def run(self) -> Run:
        """The run so far."""
        with self._lock:
            return Run(self._title, self._settings, self.plan, tuple(self._records))

    def play(self) -> None:
        """Go on until the end, a pause or a stop; a run that is over stays as it is."""
        self._resume(None)

    def step(self, records: int = 1) -> None:
        """Go on for so many records, then pause."""
        self._resume(records)

    def pause(self) -> None:
        """Stop after the step that is being computed; ``play`` goes on."""
        with self._lock:
            self._wanted = 0
        self.wait()

    def stop(self) -> None:
        """End the run after the step that is being computed, and free its thread and its model."""
        with self._lock:
            self._wanted = 0
            if not self.over:
                self._state = RunState.STOPPED
        self.wait()
        self._trainer = None

    def wait(self, seconds: float | None = None) -> None:
        """Wait until its thread has ended, or the time is up."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    def _resume(self, records: int | None) -> None:
        with self._lock:
            if self.over:
                return
            self._wanted = records
            if self._state is RunState.RUNNING:
                return
            self._state = RunState.RUNNING
            self._thread = threading.Thread(
                target=self._run_steps, name="gradflow-run", daemon=True
            )
            self._thread.start()

    def _run_steps(self) -> None:
        try:
            while self._may_continue():
                trainer = self._trainer
                assert trainer is not None
                with self._gate:
                    record = trainer.advance()
                self._keep_record(trainer, record)
        except GradflowError as error:
            self._fail(error.args[0])
        except Exception as error:
            self._fail(f"{type(error).__name__}: {error}")  # a bug; in Python's own words
            raise

    def _may_continue(self) -> bool:
        """Whether to compute another step; if not, the run is paused or over."""
        with self._lock:
            if self._state is RunState.RUNNING and self._wanted == 0:
                self._state = RunState.PAUSED
            return self._state is RunState.RUNNING

    def _keep_record(self, trainer: Trainer, record: StepRecord | None) -> None:
        with self._lock:
            self._steps_done = trainer.step
            if record is not None:
                self._records.append(record)
                if self._wanted:
                    self._wanted -= 1
            if trainer.finished:
                broke = record is not None and record.divergence is not None
                self._state = RunState.DIVERGED if broke else RunState.FINISHED
                self._trainer = None

    def _fail(self, reason: Text | str) -> None:
        with self._lock:
            self._state, self._error, self._trainer = RunState.FAILED, reason, None
