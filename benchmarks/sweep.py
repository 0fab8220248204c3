"""A sweep over the weights' and the biases' scale, as a share of running its networks one by one.

Both see the same networks, in one process, in turns; both may use all cores:

* loop: ``gradflow.run`` for every 16th network, times 16;
* sweep: all of ``gradflow.sweep``.
"""

from __future__ import annotations

import argparse

import numpy as np

import gradflow as gf
from benchmarks.harness import describe_machine, format_table, take_medians, time_interleaved
from gradflow.core.sweep import Grid

SHARE = 16
SIZES = ((10, 128), (50, 128), (50, 64), (100, 128))
"""Depth and width."""
TARGETS = {(50, 128): "≥ 5"}


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
    parser.add_argument("--side", type=int, default=32, help="values of each axis (default 32)")
    options = parser.parse_args(arguments)
    rows = []
    for depth, width in SIZES:
        grid = make_grid(depth, width, options.side)
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
        loop, swept = seconds["loop"] * grid.count / len(sample), seconds["sweep"]
        rows.append(
            [
                f"{grid.count} networks, depth {depth}, width {width}",
                f"{loop:.1f} s",
                f"{swept:.1f} s",
                f"{loop / swept:.1f}",
                TARGETS.get((depth, width), "–"),
                f"{grid.count / swept:.0f}",
            ]
        )
    head = ("grid", "loop", "sweep", "times as fast", "target", "networks per second")
    print(format_table(head, rows))
    print(f"\nMedians of {options.runs} interleaved runs. {describe_machine()}.")


if __name__ == "__main__":
    main()
