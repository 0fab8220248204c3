"""What the process does before the first session, and in pauses."""

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import threading
import time
import tomllib
import weakref
from pathlib import Path

import pytest

import gradflow as gf
from gradflow.core.sweep.phase import PhaseMap, PhaseSettings
from gradflow.core.teaching.degradation import training as degradation
from gradflow.ui import long_work, server
from gradflow.ui.memo import Memo
from gradflow.ui.phase.maps import MAPS
from gradflow.ui.training.compute import open_with

ROOT = Path(__file__).parents[2]


def test_warm_up_freezes_the_collector_and_its_task_ends_with_the_server() -> None:
    usual = gc.get_threshold()

    async def live() -> tuple[int, int]:
        async with server.warm_up(None):
            frozen, tasks = gc.get_freeze_count(), len(asyncio.all_tasks())
            assert gc.get_threshold()[0] > usual[0]
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1  # this one
        return frozen, tasks

    try:
        frozen, tasks = asyncio.run(live())
    finally:
        gc.unfreeze()
    assert gc.get_threshold() == usual
    assert frozen > 10_000
    assert tasks == 4


def test_what_pages_open_with_is_computed_in_a_pause_and_not_when_the_server_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(long_work, "LONG_RESULTS", results := Memo(2**27))
    monkeypatch.setattr(degradation, "STEPS", 4)
    network, plan = gf.MLP(depth=3, width=8), PhaseMap(upwards="seed", bottom=0, top=2)
    phases = PhaseSettings(gf.Experiment(network=network), plan)
    monkeypatch.setattr(server, "PHASES", phases)

    async def run(*, ended: bool) -> bool:
        stopping, idle = threading.Event(), [0.0]
        if ended:
            stopping.set()
        task = asyncio.create_task(server.prepare_when_idle(lambda: idle[0], stopping, 0.05))
        await asyncio.sleep(0.3)
        assert len(results) == 0  # somebody works
        idle[0] = 1.0
        await task
        return len(results) == 3

    assert not asyncio.run(run(ended=True))
    assert not MAPS.find(phases.grid).is_whole
    assert asyncio.run(run(ended=False))
    assert MAPS.find(phases.grid).is_whole
    before = len(results)
    opening = open_with(None)
    assert [len(run.records) for run in opening.runs] == [150, 150]
    assert len(results) == before  # the page finds it


class Cycle:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def manual_collector():
    """Nothing is collected but by the code that is tested."""
    gc.disable()
    yield
    gc.enable()


def test_garbage_is_collected_in_a_pause_after_work_and_only_then(manual_collector: None) -> None:
    last_work = [time.monotonic()]

    async def is_collected(garbage: "weakref.ref[Cycle]", seconds: float, work: bool) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and garbage() is not None:
            if work:
                last_work[0] = time.monotonic()
            await asyncio.sleep(0.005)
        return garbage() is None

    async def live() -> list[bool]:
        task = asyncio.create_task(
            server.collect_when_idle(lambda: time.monotonic() - last_work[0], 0.5, 0.01, 0.0)
        )
        await asyncio.sleep(0.01)
        answers = []
        garbage = weakref.ref(Cycle())
        answers.append(await is_collected(garbage, 1.0, work=True))
        answers.append(await is_collected(garbage, 20.0, work=False))
        garbage = weakref.ref(Cycle())
        answers.append(await is_collected(garbage, 1.0, work=False))  # nobody worked since
        last_work[0] = time.monotonic()
        answers.append(await is_collected(garbage, 20.0, work=False))
        task.cancel()
        return answers

    assert asyncio.run(live()) == [False, True, False, True]


def test_memory_is_returned_whenever_garbage_was_collected(
    manual_collector: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned = []
    monkeypatch.setattr(server, "return_free_memory", lambda: returned.append(None))

    async def live() -> None:
        last_work = [time.monotonic()]
        task = asyncio.create_task(
            server.collect_when_idle(lambda: time.monotonic() - last_work[0], 0.01, 0.01, 0.0)
        )
        await asyncio.sleep(0.01)
        garbage = weakref.ref(Cycle())
        last_work[0] = time.monotonic()
        end = time.monotonic() + 20
        while garbage() is not None and time.monotonic() < end:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(live())
    assert len(returned) == 1


def read_resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim") or not Path("/proc/self/statm").exists(),
    reason="only glibc keeps holes",
)
def test_holes_between_what_stays_are_returned() -> None:
    small, size = 100_000, 800  # small enough for the heap
    blocks = [ctypes.create_string_buffer(b"1" * size, size) for _i in range(small)]
    kept = blocks[::100]
    before = read_resident_bytes()
    del blocks
    server.return_free_memory()
    assert read_resident_bytes() < before - 0.5 * small * size
    assert len(kept) == small // 100


def test_collections_are_rare(manual_collector: None) -> None:
    async def live() -> bool:
        start = time.monotonic()
        task = asyncio.create_task(
            server.collect_when_idle(lambda: (time.monotonic() - start) / 2, 0.0, 0.01, 600.0)
        )
        garbage = weakref.ref(Cycle())
        await asyncio.sleep(0.3)
        task.cancel()
        return garbage() is None

    assert not asyncio.run(live())


def test_nothing_is_pickled_or_collected_after_every_run() -> None:
    runner = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["runner"]
    assert runner["postScriptGC"] is False
    assert runner["enforceSerializableSessionState"] is False


def test_every_module_of_the_pages_is_imported_before_the_first_session() -> None:
    code = (
        "import ast, sys; from pathlib import Path; from gradflow.ui import server; "
        "server._run_once(); "
        "names = {node.module for path in Path('pages').glob('*.py') "
        "for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}; "
        "assert len(names) > 10, names; assert names <= set(sys.modules), names - set(sys.modules)"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment, timeout=300)
