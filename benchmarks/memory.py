"""How much memory computations take at their peak, beside what was estimated before they began.

Each runs in a process of its own, which has computed something small before. Its peak is that of
its resident memory (``VmHWM``), less what it held just before; arrays are allocated as in the app.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

import gradflow as gf
from benchmarks.harness import describe_machine, format_table
from benchmarks.server import ROOT
from gradflow.core import ensemble, remedies
from gradflow.core.machine import keep_memory_compact, return_free_memory
from gradflow.core.networks.memory import estimate_pass, estimate_seeds
from gradflow.core.recurrent.memory import estimate_through_time
from gradflow.core.recurrent.record import through_time
from gradflow.core.recurrent.spec import Recurrent, SequenceExperiment, Sequences
from gradflow.core.training.background import BackgroundRun
from gradflow.core.training.memory import estimate_training

MOST_RATIO = 1.3
"""How much more than what is measured an estimate may be."""
_STEPS = 3
_SEEDS = 8


class Case(NamedTuple):
    """A computation and its estimate in bytes."""

    run: Callable[[], object]
    estimate: Callable[[], int]


def _make_pass(network: Any, batch_size: int, **settings: Any) -> Case:
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=batch_size), **settings)
    return Case(lambda: gf.run(experiment), lambda: estimate_pass(experiment))


def _make_seeds() -> Case:
    experiment = gf.Experiment(
        network=gf.MLP(depth=12, width=512, activation="gelu"), data=gf.Data(batch_size=512)
    )
    return Case(
        lambda: ensemble.run_seeds(experiment, _SEEDS), lambda: estimate_seeds(experiment, _SEEDS)
    )


def _make_cures() -> Case:
    """Make the trial of all cures; each runs alone, so the largest counts."""
    experiment = gf.Experiment(network=gf.MLP(depth=20, width=512), data=gf.Data(batch_size=1024))

    def run() -> object:
        before = gf.run(experiment)
        return remedies.try_all(experiment, before, lambda e: gf.run(e).drop_histograms())

    def estimate() -> int:
        small = experiment.model_copy(update={"data": gf.Data(batch_size=16)})
        report = gf.run(small)
        candidates = remedies.find_applicable(experiment, report).values()
        return max(map(estimate_pass, (experiment, *candidates)))

    return Case(run, estimate)


def _make_training(optimizer: str, network: Any) -> Case:
    experiment = gf.Experiment(network=network, data=gf.Data(batch_size=512))
    plan = gf.TrainingPlan(steps=_STEPS, optimizer=optimizer, learning_rate=1e-4)

    def run() -> None:
        background = BackgroundRun(experiment, plan)
        background.play()
        background.wait()

    return Case(run, lambda: estimate_training(experiment, plan))


def _make_recurrent(cell: str, length: int, size: int) -> Case:
    experiment = SequenceExperiment(
        network=Recurrent(cell=cell, hidden_size=size),
        data=Sequences(source="adding", length=length, batch_size=256),
    )
    return Case(lambda: through_time(experiment), lambda: estimate_through_time(experiment))


CASES: Mapping[str, Callable[[], Case]] = {
    "fully connected, wide": lambda: _make_pass(gf.MLP(depth=6, width=3000), 512),
    "fully connected, tanh": lambda: _make_pass(gf.MLP(depth=40, width=512), 1500),
    "dense connections": lambda: _make_pass(gf.MLP(depth=40, width=128, connection="dense"), 1500),
    "residual, layer norm, SiLU": lambda: _make_pass(
        gf.MLP(
            depth=40, width=512, activation="silu", normalization="layer", connection="residual"
        ),
        1024,
    ),
    "orthogonal weights": lambda: _make_pass(
        gf.MLP(depth=5, width=2048, initialization="orthogonal"), 256
    ),
    "bfloat16": lambda: _make_pass(gf.MLP(depth=40, width=768), 1500, dtype="bfloat16"),
    "float64": lambda: _make_pass(gf.MLP(depth=30, width=512), 1024, dtype="float64"),
    "convolutions": lambda: _make_pass(gf.ConvNet(depth=17, channels=32, image_size=32), 128),
    "convolutions, residual, batch norm, ReLU": lambda: _make_pass(
        gf.ConvNet(
            depth=17,
            channels=32,
            image_size=32,
            activation="relu",
            normalization="batch",
            connection="residual",
        ),
        64,
    ),
    "convolutions, dense connections": lambda: _make_pass(
        gf.ConvNet(depth=14, channels=16, image_size=32, connection="dense"), 64
    ),
    "convolutions in float64": lambda: _make_pass(
        gf.ConvNet(depth=9, channels=32, image_size=32), 48, dtype="float64"
    ),
    "transformer": lambda: _make_pass(gf.Transformer(depth=8, width=256), 256),
    "LSTM, 60 steps": lambda: _make_recurrent("lstm", 60, 256),
    "vanilla RNN, 400 steps": lambda: _make_recurrent("rnn_tanh", 400, 128),
    f"{_SEEDS} seeds as one": _make_seeds,
    "all cures": _make_cures,
    "training, SGD": lambda: _make_training("sgd", gf.MLP(depth=6, width=2048)),
    "training, Adam": lambda: _make_training("adam", gf.MLP(depth=6, width=1536)),
    "training of convolutions": lambda: _make_training(
        "momentum", gf.ConvNet(depth=9, channels=24, image_size=16)
    ),
}


def measure_peak(case: Case) -> int:
    """Measure the bytes that a computation takes at its peak; only on Linux."""
    gf.Run.collect(gf.Experiment(network=gf.MLP(depth=3, width=8)), gf.TrainingPlan(steps=2))
    gf.run(gf.Experiment(network=gf.ConvNet(depth=3, channels=2)))
    through_time(SequenceExperiment(network=Recurrent(hidden_size=8)))
    gc.collect()
    return_free_memory()
    Path("/proc/self/clear_refs").write_text("5")  # begins the peak anew
    before = _read_status("VmRSS")
    case.run()
    return _read_status("VmHWM") - before


def _read_status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _measure_apart(name: str) -> tuple[int, int]:
    """Measure a case in a process of its own: the bytes estimated, and those taken."""
    command = [sys.executable, "-m", "benchmarks", "memory", "--apart", name]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    estimated, measured = json.loads(answer.stdout)
    return estimated, measured


def main(arguments: list[str] | None = None) -> None:
    """Measure and print; exits with 1 if an estimate is below what was taken, or far above."""
    parser = argparse.ArgumentParser("benchmarks.memory", description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=tuple(CASES), default=tuple(CASES))
    parser.add_argument("--apart", choices=tuple(CASES), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.apart:
        keep_memory_compact()
        torch.set_num_threads(1)
        case = CASES[options.apart]()
        print(json.dumps((case.estimate(), measure_peak(case))))
        return
    print("### Memory\n")
    if sys.platform != "linux":
        print("Not measured: only Linux tells the peak of a process.")
        return
    rows, wrong = [], []
    for name in options.only:
        estimated, measured = _measure_apart(name)
        ratio = estimated / measured
        if not 1 <= ratio <= MOST_RATIO:
            wrong.append(name)
        rows.append(
            [name, *(f"{size / 2**20:.0f} MB" for size in (estimated, measured)), f"{ratio:.2f}"]
        )
    print(format_table(("", "estimated", "taken at the peak", "ratio"), rows))
    print(f"\n{describe_machine()}.")
    if wrong:
        raise SystemExit(f"outside of 1 to {MOST_RATIO}: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
