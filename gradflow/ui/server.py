"""Work of the process beside its sessions, so that every session is answered quickly."""

from __future__ import annotations

import asyncio
import gc
import importlib
import pkgutil
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, get_args

import torch
from threadpoolctl import threadpool_limits

import gradflow as gf
from gradflow import ui
from gradflow.charts.encode import encode_figure
from gradflow.charts.theme import Mode
from gradflow.core import ensemble, theory
from gradflow.core.catalog import Activation
from gradflow.core.diagnosis import findings
from gradflow.core.errors import GradflowError
from gradflow.core.machine import (
    keep_memory_compact,
    read_memory,
    return_free_memory,
    share_one_heap,
)
from gradflow.core.presets import PRESETS
from gradflow.core.recurrent.record import through_time
from gradflow.core.recurrent.spec import SequenceExperiment
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.trajectories import run_descent
from gradflow.core.theory.moments import get_activation_law
from gradflow.core.theory.structures import predict_flow
from gradflow.ui.answers import count_idle_seconds
from gradflow.ui.assets import compress_scripts
from gradflow.ui.compare.rival import find_rival
from gradflow.ui.compression import PACKED
from gradflow.ui.degradation.compute import prepare_opening as prepare_degradation
from gradflow.ui.explore.state import OPENING
from gradflow.ui.learn.compute import prepare_lessons
from gradflow.ui.phase.maps import prepare_map
from gradflow.ui.phase.state import OPENING as PHASES
from gradflow.ui.pretraining.compute import prepare_opening as prepare_pretraining
from gradflow.ui.room import ROOM, SCARCE_BYTES
from gradflow.ui.security.widgets import refuse_forged_values
from gradflow.ui.theme import keep_theme
from gradflow.ui.training.compute import prepare_opening as prepare_training
from gradflow.ui.wanted import ENDING, WANTED, listen_for_end
from gradflow.ui.welcome.cards import CARDS
from gradflow.ui.welcome.compute import draw_thumbnail

_SCRIPT = "gradflow.ui.main"
"""A module that draws when it is imported."""
_IDLE_SECONDS = 1.0
"""A pause of all pages after which collecting garbage holds up nobody."""
_PREPARE_SECONDS = 5.0
"""A pause after which nobody is held up by computing what nobody has asked for yet."""
_YOUNG_OBJECTS = 5000
"""New objects after which Python looks for garbage among them."""
_LOOK_SECONDS = 0.5
_LEAST_SECONDS = 10.0
"""Time between two collections, at least."""


@asynccontextmanager
async def warm_up(_app: Any) -> AsyncIterator[dict[str, Any] | None]:
    """Import, compile and run everything once, freeze the garbage collector, collect when idle.

    One thread per pass: many users are served in parallel, and threads of one pass would only wait
    for each other. Streamlit's own collection after every script run is switched off in
    ``.streamlit/config.toml``: it holds the interpreter for 55 to 87 ms, and all other users with
    it. What belongs to the libraries, hundreds of thousands of objects, is frozen; Python still
    collects by itself what piles up while there is no pause, though seven times less often than
    usual: each time it looks through all that a setting has just made.
    """
    torch.set_num_threads(1)
    share_one_heap()
    if read_memory().left < SCARCE_BYTES:
        keep_memory_compact()
        ROOM.spread = 1.0
    keep_theme()
    refuse_forged_values()
    with threadpool_limits(1), listen_for_end():
        # Together: compressing does not hold the interpreter.
        await asyncio.gather(asyncio.to_thread(compress_scripts), asyncio.to_thread(_run_once))
        gc.collect()
        return_free_memory()
        gc.freeze()
        thresholds = gc.get_threshold()
        gc.set_threshold(_YOUNG_OBJECTS, *thresholds[1:])
        collector = asyncio.create_task(collect_when_idle(count_idle_seconds))
        stopping = threading.Event()
        preparation = asyncio.create_task(prepare_when_idle(count_idle_seconds, stopping))
        tightening = asyncio.create_task(tighten_when_idle(count_idle_seconds, stopping))
        try:
            yield None
        finally:
            gc.set_threshold(*thresholds)
            stopping.set()
            preparation.cancel()
            tightening.cancel()
            collector.cancel()


async def prepare_when_idle(
    count_idle_seconds: Callable[[], float],
    stopping: threading.Event,
    idle_seconds: float = _PREPARE_SECONDS,
) -> None:
    """Compute what pages of long work open with, in the first pause after the start.

    Args:
        count_idle_seconds: returns the seconds since anybody worked.
        stopping: set when the server ends, and with it this work.
        idle_seconds: how long the pause must have lasted.
    """
    await _wait_for_pause(count_idle_seconds, idle_seconds)
    await asyncio.to_thread(_prepare_openings, partial(_check_running, stopping))


async def tighten_when_idle(
    count_idle_seconds: Callable[[], float],
    stopping: threading.Event,
    idle_seconds: float = _PREPARE_SECONDS,
) -> None:
    """Compress in every pause what was asked for before it as tightly as can be.

    Args:
        count_idle_seconds: returns the seconds since anybody worked.
        stopping: set when the server ends, and with it this work.
        idle_seconds: how long the pause must have lasted.
    """
    while not stopping.is_set():
        await _wait_for_pause(count_idle_seconds, idle_seconds)
        await asyncio.to_thread(_tighten_scripts, partial(_check_running, stopping))


async def _wait_for_pause(count_idle_seconds: Callable[[], float], idle_seconds: float) -> None:
    """Wait until nobody has worked for a while, counted from now at the earliest."""
    started = time.monotonic()
    while min(count_idle_seconds(), time.monotonic() - started) < idle_seconds:
        await asyncio.sleep(idle_seconds / 10)


def _prepare_openings(check: Callable[[], None]) -> None:
    WANTED.set(check)
    with suppress(_Stopping, GradflowError):  # without memory for it, whoever asks is told
        find_rival(PRESETS[OPENING].experiment)  # for Compare
        prepare_map(PHASES.grid)
        prepare_lessons()
        prepare_training()
        prepare_pretraining()
        prepare_degradation()


def _tighten_scripts(check: Callable[[], None]) -> None:
    with suppress(_Stopping):
        PACKED.tighten(check)


def _check_running(stopping: threading.Event) -> None:
    if stopping.is_set() or ENDING.is_set():
        raise _Stopping


class _Stopping(Exception):
    """The server ends."""


async def collect_when_idle(
    count_idle_seconds: Callable[[], float],
    idle_seconds: float = _IDLE_SECONDS,
    look_seconds: float = _LOOK_SECONDS,
    least_seconds: float = _LEAST_SECONDS,
) -> None:
    """Collect garbage and return memory in a pause after work; never again before anybody worked.

    Args:
        count_idle_seconds: returns the seconds since anybody worked.
        idle_seconds: how long a pause must have lasted.
        look_seconds: how often that is asked.
        least_seconds: time between two collections, at least.
    """
    collected = time.monotonic()
    while True:
        await asyncio.sleep(look_seconds)
        idle, now = count_idle_seconds(), time.monotonic()
        worked_since = now - idle > collected
        if worked_since and idle >= idle_seconds and now - collected >= least_seconds:
            gc.collect()
            return_free_memory()
            collected = time.monotonic()


def _run_once() -> None:
    """Import all pages' modules, and run what compiles or loads on first use."""
    for module in pkgutil.walk_packages(ui.__path__, f"{ui.__name__}."):
        if module.name != _SCRIPT:
            importlib.import_module(module.name)
    experiment = gf.Experiment()
    report = gf.run(experiment)
    encode_figure(gf.figure(report))
    findings(report)
    theory.predict(experiment, report)
    residual = gf.MLP(connection="residual", normalization="layer", norm_position="after")
    predict_flow(gf.Experiment(network=residual))  # it has loops of its own to compile
    for activation in Activation:  # tables of moments, 20 to 80 ms each
        get_activation_law(gf.MLP(activation=activation))
    ensemble.run_seeds(gf.Experiment(network=gf.MLP(depth=3, width=8)), 2)
    run_descent(Descent())  # the first optimizer of a process takes a second
    through_time(SequenceExperiment())
    gf.Run.collect(experiment, gf.TrainingPlan(steps=2))
    for preset in CARDS:  # a first visitor sees them at once
        for mode in get_args(Mode):
            draw_thumbnail(PRESETS[preset].experiment, mode)
