"""The cost of recording through time, as a multiple of the bare unrolled pass.

Both run the same unrolled network on the same batch, forward and backward, in one process, in
turns; building the network and drawing the batch are not timed. ``torch.nn``'s own layer, which
keeps no step, is timed for comparison. Orthogonal weights and a loss at every step
keep gradients out of the subnormal range, where arithmetic itself is slow.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median

import torch

import gradflow as gf
from benchmarks.harness import describe_machine, format_table, take_medians, time_interleaved
from gradflow.core.catalog import CELLS, Cell
from gradflow.core.recurrent.record import compute_sequence_loss, prepare_pass

TARGET = 2.5


def measure_time_recording(experiment: gf.SequenceExperiment, runs: int) -> dict[str, float]:
    """Measure the median seconds of each candidate."""
    network, inputs, targets = prepare_pass(experiment)
    parameters = list(network.parameters())
    recorded: list[float] = []

    def make_candidate(run: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad(
            compute_sequence_loss(experiment, run(inputs), targets), parameters
        )

    candidates: dict[str, Callable[[], object]] = {
        "bare": make_candidate(network.unrolled),
        "fused": make_candidate(network),
        "recorded": lambda: recorded.append(gf.through_time(experiment).seconds),
    }
    seconds = take_medians(time_interleaved(candidates, runs))
    return seconds | {"recorded": median(recorded[1:])}


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.recurrent", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=9, help="rounds (default 9)")
    parser.add_argument(
        "--threads", type=int, default=1, help="torch's threads (default 1, as the app computes)"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    rows = []
    for cell in Cell:
        experiment = gf.SequenceExperiment(
            network=gf.Recurrent(cell=cell, hidden_size=128, recurrent_init="orthogonal"),
            data=gf.Sequences(length=200, batch_size=64),
            loss_at="every",
            device="cpu",
        )
        seconds = measure_time_recording(experiment, options.runs)
        bare, recorded = seconds["bare"], seconds["recorded"]
        times = [f"{1000 * seconds[name]:.0f} ms" for name in ("fused", "bare", "recorded")]
        rows.append([CELLS[cell].label, *times, f"{recorded / bare:.2f} ×", f"≤ {TARGET} ×"])
    print("### Through time: T = 200, hidden 128, batch 64\n")
    print(
        format_table(
            ("cell", "torch.nn", "unrolled", "recorded", "recorded / unrolled", "aim"), rows
        )
    )
    print(f"\nMedians of {options.runs} interleaved runs. {describe_machine()}.")


if __name__ == "__main__":
    main()
