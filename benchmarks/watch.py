"""The cost of a watched training loop, as a multiple of the bare loop.

All candidates train the same network on the same batch, in one process, in turns of as many steps
as lie between two recordings, so that each turn holds one:

* bare: ``zero_grad``, forward, ``backward``, ``step``;
* GradFlow: the same inside ``gf.watch``; and with no recording but the first, which shows what the
  steps in between cost;
* TensorBoard: in one step of a turn, hooks keep the outputs of all modules, and
  ``SummaryWriter.add_histogram`` gets these, the parameters and their gradients;
* wandb: ``wandb.watch(model, log="all")`` offline, which logs parameters and their gradients alone.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.tensorboard import SummaryWriter

import gradflow as gf
from benchmarks.harness import describe_machine, format_table, time_interleaved
from benchmarks.recording import NETWORKS
from gradflow.core.data import draw_batch
from gradflow.core.networks.build import build_network

AIM = 1.1
NEVER = 10**9
Hook = Callable[[int, nn.Module], object]
"""Called after the backward pass of each step."""


def train(model: nn.Module, x: Tensor, y: Tensor, log: Hook | None = None) -> Iterator[None]:
    """Train by the usual loop, step by step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    step = 0
    while True:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        if log is not None:
            log(step, model)
        optimizer.step()
        step += 1
        yield


def train_watched(model: nn.Module, x: Tensor, y: Tensor, every: int) -> Iterator[None]:
    """Train inside a watch."""
    with gf.watch(model, every=every):
        yield from train(model, x, y)


class TensorBoardLog:
    """Histograms of one step in ``every``, as a user of TensorBoard writes them."""

    def __init__(self, writer: SummaryWriter, model: nn.Module, every: int) -> None:
        self._writer, self._every, self._step = writer, every, 0
        for name, module in model.named_modules():
            if not any(True for _ in module.children()):
                module.register_forward_hook(partial(self._log_output, name))

    def _log_output(self, name: str, _module: nn.Module, _args: Any, output: Tensor) -> None:
        if self._step % self._every == 0:
            self._writer.add_histogram(f"output/{name}", output.detach(), self._step)

    def __call__(self, step: int, model: nn.Module) -> None:
        """Log the parameters and their gradients."""
        if step % self._every == 0:
            for name, parameter in model.named_parameters():
                self._writer.add_histogram(f"weight/{name}", parameter.detach(), step)
                self._writer.add_histogram(f"gradient/{name}", parameter.grad, step)
        self._step = step + 1


def open_wandb(stack: ExitStack, model: nn.Module, every: int, folder: str) -> Hook | None:
    """Begin a run of wandb without a network; ``None`` if it is not installed."""
    try:
        import wandb
    except ImportError:
        return None
    os.environ["WANDB_SILENT"] = "true"
    run = wandb.init(mode="offline", dir=folder, project="benchmark")
    stack.callback(run.finish)
    run.watch(model, log="all", log_freq=every)
    return lambda step, _model: run.log({"step": step})


def measure(experiment: gf.Experiment, every: int, turns: int) -> dict[str, float]:
    """Measure the median of the seconds that a turn of each candidate takes."""
    x, y = draw_batch(experiment.data, experiment.seed)

    def build() -> nn.Module:
        return build_network(experiment, x)

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        writer = stack.enter_context(SummaryWriter(str(Path(folder, "tensorboard"))))
        drawn, logged = build(), build()
        loops = {
            "bare": train(build(), x, y),
            "GradFlow": train_watched(build(), x, y, every),
            "between": train_watched(build(), x, y, NEVER),
            "TensorBoard": train(drawn, x, y, TensorBoardLog(writer, drawn, every)),
        }
        log = open_wandb(stack, logged, every, folder)
        if log is not None:
            loops["wandb"] = train(logged, x, y, log)

        def take_turn(loop: Iterator[None]) -> None:
            for _ in range(every):
                next(loop)

        seconds = time_interleaved(
            {name: partial(take_turn, loop) for name, loop in loops.items()}, turns
        )
        for loop in loops.values():
            loop.close()  # type: ignore[attr-defined]
    # In each turn against the bare loop of the same turn: a slow minute hits both.
    bare = seconds["bare"]
    return {
        name: median(own / other for own, other in zip(values, bare, strict=True))
        for name, values in seconds.items()
    } | {"step": median(bare) / every}


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.watch", description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=50, help="steps per recording (default 50)")
    parser.add_argument("--turns", type=int, default=7, help="recordings (default 7)")
    parser.add_argument("--threads", type=int, default=1, help="torch's threads (default 1)")
    parser.add_argument("--only", default="", help="networks whose name contains this, such as (c)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    columns = ("GradFlow", "between", "TensorBoard", "wandb")
    rows = []
    for name, experiment in NETWORKS.items():
        if options.only in name:
            measured = measure(experiment, options.every, options.turns)
            ratios = [f"{measured[c]:.3f} ×" if c in measured else "not installed" for c in columns]
            rows.append([name, f"{1000 * measured['step']:.1f} ms", *ratios])
    print(f"### Watching, every {options.every} steps (aim {AIM} ×)\n")
    head = ("network", "bare step", "GradFlow", "GradFlow, between", "TensorBoard", "wandb")
    print(format_table(head, rows))
    print(f"\nMedians of {options.turns} turns. {describe_machine()}.")


if __name__ == "__main__":
    main()
