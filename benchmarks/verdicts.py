"""Verdicts beside what training does: networks drawn at random, judged, and trained.

Each network is judged by its report at the start, and trained at many learning rates by SGD with
momentum and by Adam. What counts is the best accuracy on training samples at any rate: it trains
(90 % and more), partly (50 to 90 %), or fails.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

import gradflow as gf
from benchmarks.drawn_networks import DrawnNetwork, draw_networks
from benchmarks.harness import describe_machine, format_table
from benchmarks.trained_networks import Trained, load_task, train_network
from gradflow.core.codec import to_query
from gradflow.core.verdict import Finding, Severity

SAMPLES = 128
"""Samples in the pass that is judged."""
TRAINS, FAILS = 0.9, 0.5
OUTCOMES = ("trains", "partly", "fails")
CALLS = {
    Severity.GOOD: "healthy",
    Severity.NOTE: "noted",
    Severity.WARNING: "warned",
    Severity.BAD: "bad",
}


def judge_network(network: DrawnNetwork, task: tuple[torch.Tensor, torch.Tensor]) -> list[Finding]:
    """Judge a network by one pass of the task's first samples."""
    inputs, targets = network.transform(task[0][:SAMPLES]), task[1][:SAMPLES]
    asked = to_query(network.experiment) if network.experiment else None
    return gf.findings(gf.probe(network.model, inputs, targets, experiment=asked))


def name_call(judged: Sequence[Finding]) -> Severity:
    """Name what a reader is told first: it is healthy, or how bad the worst finding is."""
    return judged[0].severity


def name_outcome(accuracy: float) -> str:
    """Name what training came to."""
    if accuracy >= TRAINS:
        return "trains"
    return "partly" if accuracy >= FAILS else "fails"


def count_outcomes(
    calls: Iterable[Severity], outcomes: Iterable[str]
) -> dict[Severity, Counter[str]]:
    """Count the outcomes of each call."""
    counts: dict[Severity, Counter[str]] = {call: Counter() for call in CALLS}
    for call, outcome in zip(calls, outcomes, strict=True):
        counts[call][outcome] += 1
    return counts


def main(arguments: list[str] | None = None) -> None:
    """Draw, judge and train networks; print a table of verdicts and outcomes."""
    parser = argparse.ArgumentParser("benchmarks.verdicts", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="draws other networks (default 0)")
    parser.add_argument("--networks", type=int, default=84, help="how many (default 84)")
    parser.add_argument("--steps", type=int, default=300, help="steps of training (default 300)")
    parser.add_argument("--task", choices=("digits", "mixture"), default="digits")
    parser.add_argument(
        "--trained", type=Path, help="JSON file that keeps what training came to, to judge anew"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    task = load_task(options.task)
    known: dict[str, dict[str, float]] = {}
    if options.trained and options.trained.exists():
        known = json.loads(options.trained.read_text())
    calls, results, rows = [], [], []
    for number, network in enumerate(draw_networks(options.networks, options.seed), start=1):
        judged = judge_network(network, task)
        key = f"{options.task} {options.seed} {number} {network.name}"
        if key not in known:
            known[key] = asdict(train_network(network, task, options.steps))
            if options.trained:
                options.trained.write_text(json.dumps(known, indent=1))
        result = Trained(**known[key])
        calls.append(name_call(judged))
        results.append(result)
        said = ", ".join(f"{f.verdict}: {f.severity}" for f in judged)
        rows.append([network.name, said, f"{result.sgd:.0%}", f"{result.adam:.0%}"])
    print("### Verdicts\n")
    for optimizer in ("sgd", "adam"):
        outcomes = [name_outcome(getattr(result, optimizer)) for result in results]
        table = [
            [CALLS[call], *(str(counts[name]) for name in OUTCOMES)]
            for call, counts in count_outcomes(calls, outcomes).items()
        ]
        name = {"sgd": "SGD, momentum 0.9", "adam": "Adam"}[optimizer]
        print(format_table([f"called ({name})", *OUTCOMES], table), end="\n\n")
    print(
        f"{len(rows)} networks, seed {options.seed}, {options.task}, {options.steps} steps. "
        f"{describe_machine()}.\n"
    )
    print("<details><summary>All networks</summary>\n")
    print(format_table(["network", "verdicts", "SGD", "Adam"], rows, texts=2))
    print("\n</details>")


if __name__ == "__main__":
    main()
