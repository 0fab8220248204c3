"""Many seeds of one setting at once, as a share of running them one after the other.

Both see the same networks and batches, in one process, in turns:

* loop: ``gradflow.run`` for each seed;
* batched: all of ``gradflow.core.ensemble.run_seeds``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch

import gradflow as gf
from benchmarks.harness import describe_machine, format_table, take_medians, time_interleaved
from gradflow.core.ensemble import run_seeds

DATA = gf.Data(batch_size=64)
NETWORKS = {
    "(a) depth 30, width 128, batch 64, tanh": gf.MLP(depth=30, width=128),
    "(b) the same, ReLU, He, BatchNorm, residual": gf.MLP(
        depth=30,
        width=128,
        activation="relu",
        initialization="kaiming_normal",
        normalization="batch",
        connection="residual",
    ),
    "(c) depth 10, width 512, batch 64, tanh": gf.MLP(depth=10, width=512),
}
TARGETS = ("≤ 0.33", "–", "–")


def make_seed_candidates(experiment: gf.Experiment, count: int) -> dict[str, Callable[[], object]]:
    """Make the two candidates: the loop over seeds, and all seeds as one network."""
    members = [experiment.model_copy(update={"seed": seed}) for seed in range(count)]
    return {
        "loop": lambda: [gf.run(member) for member in members],
        "batched": lambda: run_seeds(experiment, count),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.seeds", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=7, help="rounds (default 7)")
    parser.add_argument("--seeds", type=int, default=32, help="seeds (default 32)")
    parser.add_argument("--threads", type=int, help="torch's threads (default: its own choice)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    rows = []
    for (name, network), target in zip(NETWORKS.items(), TARGETS, strict=True):
        experiment = gf.Experiment(network=network, data=DATA, device=options.device)
        seconds = take_medians(
            time_interleaved(make_seed_candidates(experiment, options.seeds), options.runs)
        )
        loop, batched = seconds["loop"], seconds["batched"]
        times = (f"{1000 * loop:.0f} ms", f"{1000 * batched:.0f} ms")
        rows.append([name, *times, f"{batched / loop:.2f}", target])
    print(f"### {options.seeds} seeds\n")
    print(format_table(("network", "loop", "batched", "ratio", "target"), rows))
    print(f"\nMedians of {options.runs} interleaved runs. {describe_machine(options.device)}.")


if __name__ == "__main__":
    main()
