"""How long a small setting takes while others compute large ones, beside what it takes alone.

All in one process, in turns of a few seconds with and without the others: so a slow minute of the
machine hits both.
"""

from __future__ import annotations

import argparse
import itertools
import threading
import time
from statistics import median

import torch

from benchmarks.harness import describe_machine, format_table, take_percentile
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.ui import compute
from gradflow.ui.wanted import CLIENT, WANTED

_SECONDS = 4.0
_PAUSE_SECONDS = 0.2
_SEEDS = itertools.count()


class _End(Exception):
    """The measurement is over."""


class Others:
    """People who compute passes of 0.3 TFLOP, one after the other, until it is over."""

    def __init__(self, count: int) -> None:
        self.over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(n,)) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> float:
        """End their passes; return the seconds until all had ended."""
        begin = time.perf_counter()
        self.over.set()
        for thread in self._threads:
            thread.join()
        return time.perf_counter() - begin

    def _work(self, number: int) -> None:
        CLIENT.set(f"large {number}")
        WANTED.set(self._check)
        network, data = MLP(depth=6, width=3500), Data(batch_size=1024)
        try:
            while True:
                self._check()
                compute.run(Experiment(network=network, data=data, seed=next(_SEEDS)))
        except _End:
            pass

    def _check(self) -> None:
        if self.over.is_set():
            raise _End


def time_small() -> float:
    """Time one new small setting."""
    begin = time.perf_counter()
    compute.run(Experiment(network=MLP(depth=20, width=100), seed=next(_SEEDS)))
    return time.perf_counter() - begin


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("benchmarks.fairness", description=__doc__.split("\n")[0])
    parser.add_argument("--others", type=int, default=3, help="people with large settings")
    parser.add_argument("--rounds", type=int, default=4, help="with and without them")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    CLIENT.set("small")
    for _time in range(3):
        time_small()
    ended = []
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _round in range(options.rounds):
        for busy in (True, False):
            others = Others(options.others if busy else 0)
            time.sleep(_PAUSE_SECONDS)
            end = time.monotonic() + _SECONDS
            while time.monotonic() < end:
                seconds[busy].append(time_small())
                time.sleep(_PAUSE_SECONDS)
            ended.append(others.stop())
    print("### Fairness\n")
    rows = [
        [name, *(f"{1000 * v:.0f} ms" for v in (median(times), take_percentile(times, 0.95)))]
        for name, times in (("alone", seconds[False]), (f"{options.others} others", seconds[True]))
    ]
    print(format_table(("a small setting", "p50", "p95"), rows))
    ratio = median(seconds[True]) / median(seconds[False])
    print(
        f"\nRatio of the medians: {ratio:.2f}. The others' passes ended at most {max(ended):.1f} s "
        "after"
    )
    print(f"nobody wanted them any more. {describe_machine()}.")


if __name__ == "__main__":
    main()
