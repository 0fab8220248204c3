"""The cost of a recorded training run, as a multiple of the bare training loop.

All candidates train the same network on the same batches with the same optimizer of
``torch.optim``, in one process, in turns of a few steps:

* bare: ``zero_grad``, forward, ``backward``, ``step``, as people write it, nothing kept;
* GradFlow: the steps of ``gradflow.train``, without looks at held-out data, which the bare loop
  does not take either; with the plan's default number of full reports (more than a third of the
  steps recorded every tenth), and with none.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from statistics import fmean

import torch
from torch.nn import functional as F

import gradflow as gf
from benchmarks.harness import interleaved, machine, table
from gradflow.core.training import Trainer
from gradflow.core.training.task import make_classification_task

NETWORK = gf.Experiment(network=gf.MLP(depth=20, width=128), data=gf.Data(batch_size=256))
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
}
LEARNING_RATE = 0.001
TURN = 10
"""Steps that a candidate takes before the next one has its turn."""
INTERVALS = {1: 2.0, 10: 1.15}
"""Steps from one record to the next, and the aim."""
REPORTS = gf.TrainingPlan().reports
CANDIDATES = {
    f"every {every}, {reports} reports (aim {aim} ×)": (every, reports)
    for every, aim in INTERVALS.items()
    for reports in (REPORTS, 0)
}


def bare(experiment: gf.Experiment, optimizer: str) -> Iterator[None]:
    """The loop that everybody writes, step by step."""
    task = make_classification_task(experiment)
    model, batches = task.model, task.batches
    stepper = OPTIMIZERS[optimizer](model.parameters(), lr=LEARNING_RATE)
    while True:
        x, y = next(batches)
        stepper.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        stepper.step()
        yield


def recorded(experiment: gf.Experiment, optimizer: str, every: int, reports: int) -> Iterator[None]:
    """The same through GradFlow, one run after the other."""
    plan = gf.TrainingPlan(
        optimizer=optimizer,
        learning_rate=LEARNING_RATE,
        record_every=every,
        evaluate_every=0,
        reports=reports,
    )
    while True:
        trainer = Trainer(make_classification_task(experiment), plan)
        while not trainer.finished:
            trainer.advance()
            yield


def measured(optimizer: str, device: str, runs: int) -> dict[str, float]:
    """Seconds per step of each candidate."""
    experiment = NETWORK.model_copy(update={"device": device})
    loops = {
        "bare": bare(experiment, optimizer),
        **{
            name: recorded(experiment, optimizer, every, reports)
            for name, (every, reports) in CANDIDATES.items()
        },
    }

    def steps(loop: Iterator[None]) -> None:
        for _ in range(TURN):
            next(loop)
        if device == "cuda":
            torch.cuda.synchronize()

    turns = runs * gf.TrainingPlan().steps // TURN
    seconds = interleaved({name: partial(steps, loop) for name, loop in loops.items()}, turns)
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
        seconds = measured(optimizer, options.device, options.runs)
        ratios = [f"{seconds[name] / seconds['bare']:.2f} ×" for name in CANDIDATES]
        rows.append([optimizer, f"{1000 * seconds['bare']:.2f} ms", *ratios])
    print("### Training\n")
    print(table(("depth 20, width 128, batch 256", "bare step", *CANDIDATES), rows))
    print(f"\nMeans over {options.runs} runs of 200 steps, {TURN} steps in turn. "
          f"{machine(options.device)}.")  # fmt: skip


if __name__ == "__main__":
    main()
