"""The ranking of cures beside what long training comes to, for sick networks drawn at random.

Each network is cured as Explore does it: all cures are tried, trained for some dozens of steps, and
ranked. Then the first cure and others from all over the list are trained for long by a plain loop
of PyTorch at several rates. What counts is the rank correlation of place and final loss, and how
often the first cure trains (an accuracy of 90 %).
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import torch
from scipy.stats import spearmanr
from torch.nn import functional as F

import gradflow as gf
from benchmarks.drawn_networks import draw_networks
from benchmarks.harness import describe_machine, format_table
from benchmarks.trained_networks import BATCH, LONGER, MOMENTUM, load_task
from benchmarks.verdicts import TRAINS
from gradflow.core.experiment import NetworkSpec
from gradflow.core.networks.build import build_network
from gradflow.core.remedies import CureOutcome, Ranking, rank_by_training, train_cure, try_all
from gradflow.core.verdict import Severity

RATES = {"sgd": (1e-3, 1e-2, 1e-1), "adam": (1e-3, 1e-2)}
LAST = 20
"""Steps over whose losses the final one is averaged."""
SICK = (Severity.BAD, Severity.WARNING)
WORST = 1e3
"""The loss of a run that diverged."""


@dataclass(frozen=True)
class Trained:
    """The lowest final loss and the highest accuracy at any rate."""

    loss: float
    accuracy: float


def draw_sick_networks(count: int, seed: int) -> Iterator[gf.Experiment]:
    """Draw networks of the catalog until ``count`` of them are warned of or called bad.

    Of four two are fully connected, one is convolutional, and one a transformer.
    """
    rng = random.Random(seed)
    drawn = (n.experiment for n in draw_networks(12 * count, seed) if n.experiment is not None)
    perceptrons = (e for e in drawn if isinstance(e.network, gf.MLP))
    others = {1: _draw_conv, 3: _draw_transformer}
    for number in range(count):
        draw = others.get(number % 4)
        yield next(e for e in (_repeat(draw, rng) if draw else perceptrons) if _is_sick(e))


def _is_sick(experiment: gf.Experiment) -> bool:
    return gf.findings(gf.run(experiment))[0].severity in SICK


def _repeat(
    draw: Callable[[random.Random], NetworkSpec], rng: random.Random
) -> Iterator[gf.Experiment]:
    while True:
        data, seed = gf.Data(batch_size=BATCH), rng.randrange(1000)
        yield gf.Experiment(network=draw(rng), data=data, seed=seed, device="cpu")


def _draw_conv(rng: random.Random) -> gf.ConvNet:
    return gf.ConvNet(
        depth=rng.randint(4, 9),
        channels=8,
        activation=rng.choice(["tanh", "relu", "sigmoid", "gelu", "leaky_relu", "selu"]),
        initialization="normal",
        init_std=10 ** rng.uniform(-2.0, -0.3),
        connection=rng.choice(["plain", "plain", "residual"]),
    )


def _draw_transformer(rng: random.Random) -> gf.Transformer:
    return gf.Transformer(
        depth=rng.randint(3, 8),
        width=16,
        heads=2,
        norm_placement=rng.choice(["post", "none"]),
        weight_std=10 ** rng.uniform(-1.0, 0.0),
    )


def train_long(outcome: CureOutcome, steps: int) -> Trained:
    """Train a cured network at all rates on batches of digits: SGD with momentum, or Adam."""
    name = "adam" if outcome.plan.get("optimizer") == "adam" else "sgd"
    results = [_train(outcome.experiment, name, rate, steps) for rate in RATES[name]]
    return Trained(min(r.loss for r in results), max(r.accuracy for r in results))


def _train(experiment: gf.Experiment, optimizer: str, rate: float, steps: int) -> Trained:
    x, y = load_task("digits")
    generator = torch.Generator().manual_seed(experiment.seed)
    model = build_network(experiment, x[:BATCH])
    stepper: torch.optim.Optimizer = (
        torch.optim.Adam(model.parameters(), lr=rate)
        if optimizer == "adam"
        else torch.optim.SGD(model.parameters(), lr=rate, momentum=MOMENTUM)
    )
    losses, right = [], []
    for _ in range(steps):
        chosen = torch.randint(len(x), (BATCH,), generator=generator)
        outputs = model(x[chosen])
        loss = F.cross_entropy(outputs, y[chosen])
        if not math.isfinite(value := float(loss.detach())):
            return Trained(WORST, 0.0)
        stepper.zero_grad()
        loss.backward()
        if experiment.clip_norm:
            torch.nn.utils.clip_grad_norm_(model.parameters(), experiment.clip_norm)
        stepper.step()
        losses.append(value)
        right.append(float((outputs.argmax(1) == y[chosen]).float().mean()))
    return Trained(*(sum(values[-LAST:]) / LAST for values in (losses, right)))


def rank_cures(experiment: gf.Experiment) -> tuple[Ranking, Ranking]:
    """Rank the cures by the first gradient, and by short training, as Explore does."""
    ranking = try_all(experiment, gf.run(experiment), gf.run)
    trained = {outcome.code: train_cure(outcome) for outcome in ranking}
    return ranking, rank_by_training(ranking, trained)


def choose_places(count: int, most: int) -> list[int]:
    """Choose places of a list of ``count``: the first, the last, and others at equal distances."""
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


def correlate(order: Ranking, losses: dict[str, float]) -> float:
    """Correlate the places of cures with the losses that are known."""
    known = [losses[outcome.code] for outcome in order if outcome.code in losses]
    return float(spearmanr(range(len(known)), known).statistic)


def main(arguments: list[str] | None = None) -> None:
    """Draw, cure, rank and train; print a table."""
    parser = argparse.ArgumentParser("benchmarks.cures", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="draws other networks (default 0)")
    parser.add_argument("--networks", type=int, default=12, help="how many (default 12)")
    parser.add_argument("--cures", type=int, default=10, help="trained for long (default 10)")
    parser.add_argument("--steps", type=int, default=200, help="of long training (default 200)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows, correlations, accuracies = [], [], []
    for experiment in draw_sick_networks(options.networks, options.seed):
        by_gradient, by_training = rank_cures(experiment)
        places = choose_places(len(by_training), options.cures)
        results = {by_training[i].code: train_long(by_training[i], options.steps) for i in places}
        losses = {code: result.loss for code, result in results.items()}
        first = results[by_training[0].code].accuracy
        if first < TRAINS:  # slow is not stuck
            first = train_long(by_training[0], LONGER * options.steps).accuracy
        pair = correlate(by_gradient, losses), correlate(by_training, losses)
        correlations.append(pair)
        accuracies.append(first)
        shape = str(experiment.network.describe_shape())
        name = f"{experiment.network.architecture} {shape}, {experiment.network.activation}"
        rows.append([name, by_training[0].code, f"{pair[0]:.2f}", f"{pair[1]:.2f}", f"{first:.0%}"])
        print(*rows[-1], sep=" | ", flush=True)
    medians = [median(values) for values in zip(*correlations, strict=True)]
    share = sum(accuracy >= TRAINS for accuracy in accuracies) / len(accuracies)
    rows.append(["all", "", f"{medians[0]:.2f}", f"{medians[1]:.2f}", f"{share:.0%} train"])
    print("\n### Cures\n")
    titles = ("network", "first cure", "by gradient", "by training", "first cure comes to")
    print(format_table(titles, rows, texts=2))
    print(
        f"\nSpearman correlation of place and loss after {options.steps} steps; seed "
        f"{options.seed}. {describe_machine()}."
    )


if __name__ == "__main__":
    main()
