"""Work that the process does before the first session, so that every session answers quickly."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import torch

import gradflow as gf
from gradflow.core.teaching.descent import Descent
from gradflow.core.teaching.trajectories import run_descent


@asynccontextmanager
async def warm_up(_app: Any) -> AsyncIterator[dict[str, Any] | None]:
    """Import, compile and run everything once, then freeze the garbage collector.

    One thread per pass: many users are served in parallel, and threads of one pass would only
    wait for each other. Streamlit collects garbage after every script run, holding the GIL; frozen
    objects are skipped, among them hundreds of thousands that belong to the libraries.
    """
    torch.set_num_threads(1)
    await asyncio.to_thread(_run_everything)
    gc.collect()
    gc.freeze()
    yield None


def _run_everything() -> None:
    gf.figure(gf.run(gf.Experiment())).to_json()
    run_descent(Descent())  # the first optimizer of a process takes a second
    gf.Run.collect(gf.Experiment(), gf.TrainingPlan(steps=2))
