"""A sweep over the weights' and the biases' scale, as a share of running its networks one by one.

Both see the same networks, in one process, in turns; both may use all cores:

* loop: ``gradflow.run`` for a sample, every 16th network of the grid;
* sweep: ``gradflow.sweep`` of the whole grid.

What is compared is the time per network. Grids beside the one with a target are smaller.
"""

from __future__ import annotations

import argparse

import numpy as np

import gradflow as gf
from benchmarks.harness import describe_machine, format_table, take_medians, time_interleaved
from gradflow.core.sweep import Grid

SHARE = 16
SIDE = 32
SIZES = ((50, 128, SIDE), (10, 128, 16), (50, 64, 16), (100, 128, 16), (50, 256, 16))
"""Depth, width, and values of each axis."""
TARGETS = {(50, 128, SIDE): "≥ 5"}


def make_grid(depth: int, width: int, side: int) -> Grid:
    """Make the map of σ_w × σ_b for tanh (Poole et al. 2016), batch 64."""
    network = gf.MLP(depth=depth, width=width, initialization="kaiming_normal", gain="custom")
    data = gf.Data(source="gaussian", dimension=width, batch_size=64)
    axes = {"gain_value": np.linspace(0.5, 3, side), "bias_std": np.linspace(0, 1, side)}
    return Grid(gf.Experiment(network=network, data=data, device="cpu"), axes)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.sweep", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="rounds (default 3)")
    parser.add_argument(
        "--target-only", action="store_true", help="measure only the grid that has a target"
    )
    options = parser.parse_args(arguments)
    rows = []
    for size in SIZES[:1] if options.target_only else SIZES:
        depth, width, side = size
        grid = make_grid(depth, width, side)
        sample = [network.experiment for network in list(grid.list_networks())[::SHARE]]
        seconds = take_medians(
            time_interleaved(
                {
                    "loop": lambda sample=sample: [gf.run(member) for member in sample],
                    "sweep": lambda grid=grid: gf.sweep(grid.base, grid.axes, seeds=1),
                },
                options.runs,
            )
        )
        loop, swept = len(sample) / seconds["loop"], grid.count / seconds["sweep"]
        rows.append(
            [
                f"{side} × {side}, depth {depth}, width {width}",
                f"{loop:.1f}",
                f"{swept:.1f}",
                f"{seconds['sweep']:.1f} s",
                f"{swept / loop:.1f}",
                TARGETS.get(size, "–"),
            ]
        )
    head = ("grid", "loop, per second", "sweep, per second", "whole sweep", "ratio", "target")
    print(format_table(head, rows))
    print(
        f"\nNetworks per second, medians of {options.runs} interleaved rounds; the loop runs every "
        f"{SHARE}th network. {describe_machine()}."
    )


if __name__ == "__main__":
    main()
