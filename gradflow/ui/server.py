"""What the process does once, before the first session, so that every session answers quickly."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import torch

import gradflow as gf
from gradflow.charts.encode import encode_figure
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.trajectories import run_descent
from gradflow.ui.figures.assets import SCRIPTS


@asynccontextmanager
async def warm_up(_app: Any) -> AsyncIterator[dict[str, Any] | None]:
    """Import, compile and run everything once, then freeze the garbage collector.

    One thread per pass: many users are served in parallel, and threads of one pass would only
    wait for each other. Streamlit collects garbage after every script run, holding the GIL;
    frozen, it skips the hundred thousands of objects that belong to the libraries.
    """
    torch.set_num_threads(1)
    await asyncio.to_thread(_once)
    gc.collect()
    gc.freeze()
    yield None


def _once() -> None:
    encode_figure(gf.figure(gf.run(gf.Experiment())))
    for script in SCRIPTS:
        script.compress()
    run_descent(Descent())  # the first optimizer of a process takes a second
    gf.Run.collect(gf.Experiment(), gf.TrainingPlan(steps=2))
