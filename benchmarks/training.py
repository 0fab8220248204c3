"""The cost of a recorded training run, as a multiple of the bare training loop.

All candidates train the same network on the same batches with the same optimizer of
``torch.optim``, in one process, in turns of a few steps:

* bare: ``zero_grad``, forward, ``backward``, ``step``, as people write it, nothing kept;
* GradFlow: the steps of ``gradflow.train``, without evaluation on held-out data, which the bare
  loop does not have either; with the plan's default number of full reports (more than a third of
  the steps recorded every tenth), and with none.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from statistics import fmean

import torch
from torch.nn import functional as F

import gradflow as gf
from benchmarks.harness import describe_machine, format_table, time_interleaved
from gradflow.core.training import Trainer
from gradflow.core.training.task import make_experiment_task

NETWORK = gf.Experiment(network=gf.MLP(depth=20, width=128), data=gf.Data(batch_size=256))
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
}
LEARNING_RATE = 0.001
TURN = 10
"""Steps that a candidate takes before the next candidate."""
INTERVALS = {1: 2.0, 10: 1.15}
"""Steps from one record to the next, and the aim."""
REPORTS = gf.TrainingPlan().reports
CANDIDATES = {
    f"every {every}, {reports} reports (aim {aim} ×)": (every, reports)
    for every, aim in INTERVALS.items()
    for reports in (REPORTS, 0)
}


def train_bare(experiment: gf.Experiment, optimizer: str) -> Iterator[None]:
    """Train by the usual loop, step by step."""
    task = make_experiment_task(experiment)
    model, batches = task.model, task.batches
    stepper = OPTIMIZERS[optimizer](model.parameters(), lr=LEARNING_RATE)
    while True:
        x, y = next(batches)
        stepper.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        stepper.step()
        yield


def train_recorded(
    experiment: gf.Experiment, optimizer: str, every: int, reports: int
) -> Iterator[None]:
    """Train through GradFlow, step by step, one run after the other."""
    plan = gf.TrainingPlan(
        optimizer=optimizer,
        learning_rate=LEARNING_RATE,
        record_every=every,
        evaluate_every=0,
        reports=reports,
    )
    while True:
        trainer = Trainer(make_experiment_task(experiment), plan)
        while not trainer.finished:
            trainer.advance()
            yield


def measure_training(optimizer: str, device: str, runs: int) -> dict[str, float]:
    """Measure the seconds per step of each candidate."""
    experiment = NETWORK.model_copy(update={"device": device})
    loops = {
        "bare": train_bare(experiment, optimizer),
        **{
            name: train_recorded(experiment, optimizer, every, reports)
            for name, (every, reports) in CANDIDATES.items()
        },
    }

    def take_turn(loop: Iterator[None]) -> None:
        for _ in range(TURN):
            next(loop)
        if device == "cuda":
            torch.cuda.synchronize()

    turns = runs * gf.TrainingPlan().steps // TURN
    seconds = time_interleaved(
        {name: partial(take_turn, loop) for name, loop in loops.items()}, turns
    )
    return {name: fmean(values) / TURN for name, values in seconds.items()}


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.training", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=6, help="runs of 200 steps (default 6)")
    parser.add_argument(
        "--threads", type=int, default=1, help="torch's threads (default 1, as the app computes)"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    rows = []
    for optimizer in OPTIMIZERS:
        seconds = measure_training(optimizer, options.device, options.runs)
        ratios = [f"{seconds[name] / seconds['bare']:.2f} ×" for name in CANDIDATES]
        rows.append([optimizer, f"{1000 * seconds['bare']:.2f} ms", *ratios])
    print("### Training\n")
    print(format_table(("depth 20, width 128, batch 256", "bare step", *CANDIDATES), rows))
    method = f"Means over {options.runs} runs of 200 steps, {TURN} steps in turn"
    print(f"\n{method}. {describe_machine(options.device)}.")


if __name__ == "__main__":
    main()
