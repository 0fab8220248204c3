"""Training a cure for some dozens of steps: what a gradient that is level at first comes to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

import torch
from torch import Tensor

from gradflow.core.catalog import Loss
from gradflow.core.catalog.numerics import spread_targets
from gradflow.core.catalog.optimizers import Clip, Optimizer
from gradflow.core.errors import GradflowError, InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.numbers import format_number
from gradflow.core.remedies.measure import find_steady_rate
from gradflow.core.remedies.parts import lead_with_alternatives
from gradflow.core.remedies.table import REMEDIES
from gradflow.core.remedies.trial import CureOutcome, Ranking, find_part
from gradflow.core.text import EMPTY, Text, join_texts
from gradflow.core.training import cost
from gradflow.core.training.engine import Trainer
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.rehearsal import GROWN
from gradflow.core.training.task import make_task

STEPS = 50
SEEDS = 3
"""Seeds of the ``LEADERS``; the other cures are trained with one."""
LEARNED_SHARE = 0.9
"""A network has learned something if its loss is below that share of the best constant's."""
ENOUGH_BETTER = 0.9
"""Another rate than the reader's own is recommended if it leaves less than that share."""
MAX_TFLOP = 2.0
"""Arithmetic of all runs of a ranking; what lies beyond is not trained."""
SAME_SCORE, DONE_SCORE = 1.5, 0.02
"""Scores within the factor, or below the second, count as one: the cheaper cure is the better."""
UNKNOWN_RANK = (1, 0, 0, 0, 0, 0.0)
"""The rank of a cure that was not trained."""
_LAST = 8
"""Steps whose mean loss is what training came to."""
_MOMENTUM = 0.9
_LEAST_RATE, _MOST_RATE = 1e-6, 1.0
_SMALLEST_SHARE, _WORST_SHARE = 1e-6, 1e6


@dataclass(frozen=True)
class ShortRun:
    """A run of ``STEPS`` steps.

    Attributes:
        rate: the learning rate.
        seed: of weights, data and order.
        first: the loss of the first step.
        last: the mean loss of the last steps; infinite if it diverged.
        constant: the loss of the best constant answer.
    """

    rate: float
    seed: int
    first: float
    last: float
    constant: float

    @property
    def share(self) -> float:
        """What is left of the loss of the best constant answer: below 1 something was learned."""
        return max(self.last / self.constant, _SMALLEST_SHARE) if self.constant > 0 else 1.0


@dataclass(frozen=True)
class TrainedCure:
    """What training came to with a cure.

    Attributes:
        code: the row of ``REMEDIES``.
        own_rate: the rate of the settings, or of the cure's own plan.
        runs: for each seed one with each rate.
        refusal: why there are none, if there are none.
        cost: as in ``CureOutcome``.
    """

    code: str
    own_rate: float
    runs: tuple[ShortRun, ...] = ()
    refusal: Text | str = ""
    cost: tuple[int, int] = (0, 0)

    @property
    def rate(self) -> float:
        """The rate that trains best: the reader's own unless another is clearly better."""
        rates = sorted({run.rate for run in self.runs}, key=self._score_rate)
        if not rates:
            return self.own_rate
        own = self._score_rate(self.own_rate)
        return self.own_rate if own * ENOUGH_BETTER <= self.score else rates[0]

    @property
    def score(self) -> float:
        """The median share of loss that is left at the best rate; infinite without a run."""
        return min((self._score_rate(run.rate) for run in self.runs), default=math.inf)

    @property
    def has_learned(self) -> bool:
        """Whether most seeds learn something."""
        return self.score <= LEARNED_SHARE

    @property
    def rank(self) -> tuple[int, int, int, int, int, float]:
        """Its place among other cures, the lowest first.

        Those that learn come first, among them what mends data, loss or output, then the one that
        leaves the least, and of those that leave about the same the cheapest; then those that were
        not trained; last those that learn nothing.
        """
        if not self.runs:
            return UNKNOWN_RANK
        group = 0 if self.has_learned else 2
        rough = min(max(self.score, DONE_SCORE), _WORST_SHARE)
        level = round(math.log(rough / DONE_SCORE, SAME_SCORE))
        return group, int(not REMEDIES[self.code].mends), level, *self.cost, self.score

    @property
    def text(self) -> Text:
        """What happened: ``Loss 2.31 → 0.04 in 50 steps, 3 of 3 seeds.``."""
        if not self.runs:
            return Text("Not trained here: {why}", why=self.refusal)
        rate = self.rate
        runs = self._list_runs(rate)
        if all(math.isinf(run.last) for run in runs):
            rates = ", ".join(
                format_number(run.rate) for run in self.runs if run.seed == self.runs[0].seed
            )
            return Text("Diverges at rate {rates}.", rates=rates)
        values: dict[str, str | float] = {
            "first": format_number(median(run.first for run in runs)),
            "last": format_number(median(run.last for run in runs)),
            "steps": STEPS,
        }
        if len(runs) == 1:
            result = Text("Loss {first} → {last} in {steps} steps.", **values)
        else:
            result = Text(
                "Loss {first} → {last} in {steps} steps, {learned} of {seeds} seeds.",
                learned=sum(run.share <= LEARNED_SHARE for run in runs),
                seeds=len(runs),
                **values,
            )
        return join_texts(result, self._describe_rate(rate))

    def _describe_rate(self, rate: float) -> Text:
        if rate == self.own_rate:
            return EMPTY
        values: dict[str, str | float] = {
            "own": format_number(self.own_rate),
            "rate": format_number(rate),
        }
        if math.isinf(self._score_rate(self.own_rate)):
            return Text("Diverges at your rate {own}: use {rate}.", **values)
        return Text("At rate {rate}, not your {own}.", **values)

    def _list_runs(self, rate: float) -> list[ShortRun]:
        return [run for run in self.runs if run.rate == rate]

    def _score_rate(self, rate: float) -> float:
        return median(run.share for run in self._list_runs(rate))


def train_cure(
    outcome: CureOutcome, seeds: int = 1, progress: Callable[[], None] | None = None
) -> TrainedCure:
    """Train what a cure made of an experiment, at the reader's rate and at a scaled one.

    SGD with momentum 0.9, unless the cure says otherwise. The scaled rate is that at which a step,
    momentum included, lowers the loss by a tenth to first order; Adam's is ten times its usual one.
    Where neither learns anything, ten times the scaled rate is tried, too.

    Args:
        outcome: of ``try_all``.
        seeds: how many seeds, from the experiment's own on.
        progress: called after every step; may raise to stop.

    Returns:
        The runs, or why there are none: half formats, limits of the server, or a setting that
        PyTorch cannot train.
    """
    rates = list_rates(outcome)
    runs: list[ShortRun] = []
    try:
        for i in range(seeds):
            runs += (_train_seed(outcome, i, rate, progress) for rate in rates)
            if i == 0 and min(run.share for run in runs) > LEARNED_SHARE:
                higher = min(10 * rates[-1], _MOST_RATE)  # the scaled rate was too careful
                if higher not in rates:
                    rates += (higher,)
                    runs.append(_train_seed(outcome, 0, higher, progress))
    except GradflowError as error:
        return TrainedCure(outcome.code, rates[0], refusal=error.args[0], cost=outcome.cost)
    return TrainedCure(outcome.code, rates[0], tuple(runs), cost=outcome.cost)


def list_rates(outcome: CureOutcome) -> tuple[float, ...]:
    """List the rates to train with, the reader's own first; see ``train_cure``."""
    planned = outcome.plan.get("learning_rate")
    own = planned or outcome.experiment.learning_rate
    scaled = 10 * own if planned else (1 - _MOMENTUM) * find_steady_rate(outcome.report)
    if math.isnan(scaled):
        return (own,)
    return tuple(dict.fromkeys((own, min(max(scaled, _LEAST_RATE), _MOST_RATE))))


def make_plan(experiment: Experiment, changes: Mapping[str, Any], rate: float) -> TrainingPlan:
    """Make the plan of a short run, of which nothing but losses is recorded."""
    settings: dict[str, Any] = {"optimizer": Optimizer.MOMENTUM}
    if experiment.clip_norm:
        settings |= {"clip": Clip.NORM, "threshold": experiment.clip_norm}
    settings |= changes
    quiet = {"steps": STEPS, "record_every": STEPS, "reports": 0, "evaluate_every": 0}
    return TrainingPlan(**quiet | settings | {"learning_rate": rate})


def estimate_cost(outcome: CureOutcome, seeds: int = 1) -> float:
    """Estimate the arithmetic of ``train_cure`` in TFLOP; 0 where it will refuse to train."""
    rates = list_rates(outcome)
    plan = make_plan(outcome.experiment, outcome.plan, rates[0])
    try:
        return seeds * len(rates) * cost.estimate_tflop(outcome.experiment, plan)
    except InvalidExperiment:  # there are too few samples
        return 0.0


def estimate_seconds(outcome: CureOutcome, seeds: int = 1) -> float:
    """Estimate the seconds that ``train_cure`` takes on one core, roughly; 0 on a GPU."""
    rates = list_rates(outcome)
    plan = make_plan(outcome.experiment, outcome.plan, rates[0])
    try:
        seconds = cost.estimate_seconds(outcome.experiment, plan)
    except GradflowError:  # too few samples, or no such device
        return 0.0
    return seeds * len(rates) * (seconds or 0.0)


def rank_by_training(ranking: Ranking, trained: Mapping[str, TrainedCure]) -> Ranking:
    """Rank cures by what training came to, see ``TrainedCure.rank``; the others stay in order.

    The first of those that learn are of different parts (``lead_with_alternatives``).
    """
    places = {code: result.rank for code, result in trained.items()}
    ordered = sorted(ranking, key=lambda outcome: places.get(outcome.code, UNKNOWN_RANK))
    learned = {code for code, result in trained.items() if result.has_learned}
    leading = lead_with_alternatives(ordered, find_part, lambda o: o.code in learned)
    return Ranking(leading, ranking.refusals)


def _train_seed(
    outcome: CureOutcome, number: int, rate: float, progress: Callable[[], None] | None
) -> ShortRun:
    experiment = outcome.experiment
    experiment = experiment.model_copy(update={"seed": experiment.seed + number})
    plan = make_plan(experiment, outcome.plan, rate)
    cost.check_training_cost(experiment, plan)
    task = make_task(experiment)
    trainer = Trainer(task, plan)
    losses = []
    while not trainer.finished:
        trainer.advance()
        losses.append(trainer.loss)
        if progress is not None:
            progress()
    assert task.held_out is not None  # an experiment's task holds samples out
    constant = measure_constant(experiment, task.held_out[1])
    last = fmean(losses[-_LAST:])
    if not last <= GROWN * max(losses[0], constant):  # also if it is NaN
        last = math.inf
    return ShortRun(plan.learning_rate, experiment.seed, losses[0], last, constant)


def measure_constant(experiment: Experiment, targets: Tensor) -> float:
    """Measure the loss of the best answer that does not look at the inputs.

    With y the targets as numbers (of classes one-hot) and p their mean per output, that is
    −Σ p ln p for the cross-entropy, the mean of −p ln p − (1−p) ln(1−p) for the binary ones, of
    (y − p)² for the squared error, and of |y − median| for the absolute one.
    """
    y = spread_targets(targets, torch.zeros(len(targets), experiment.data.outputs)).double()
    p = y.mean(0)
    match experiment.loss:
        case Loss.CROSS_ENTROPY:
            return float(torch.special.entr(p).sum())
        case Loss.MSE:
            return float((y - p).square().mean())
        case Loss.L1:
            return float((y - y.median(0).values).abs().mean())
    return float((torch.special.entr(p) + torch.special.entr(1 - p)).mean())
