"""Short training of a cured recurrent network: does it learn to remember?

Whatever the sequences of the page, what is trained is the copy task with one symbol: it stands at
the first step and has to be repeated at the last. The noise that the page opens with has nothing
to learn in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from gradflow.core.catalog import LossAt, SequenceSource
from gradflow.core.catalog.optimizers import Clip, Optimizer
from gradflow.core.catalog.sequences import SYMBOLS
from gradflow.core.errors import GradflowError
from gradflow.core.numbers import format_number
from gradflow.core.recurrent.cure_table import ADAM_RATE, CLIPPED_TO
from gradflow.core.recurrent.cures import TimeCure
from gradflow.core.recurrent.settings import TimePass
from gradflow.core.recurrent.spec import SequenceExperiment, Sequences, estimate_pass_cost
from gradflow.core.text import Text
from gradflow.core.training.engine import Trainer
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.task import make_task

TRIAL_LENGTH, TRIAL_BATCH = 20, 32
TRIAL_STEPS = 200
_USUAL_PLAN = {
    "optimizer": Optimizer.ADAM,
    "learning_rate": ADAM_RATE,
    "clip": Clip.NORM,
    "threshold": CLIPPED_TO,
}
"""How a changed network is trained."""
_PLAIN_PLAN = {"optimizer": Optimizer.MOMENTUM, "learning_rate": 0.1}
"""What a cure that changes only the training starts from."""
GUESS = math.log(SYMBOLS)
"""Cross-entropy of an answer that knows nothing, between 8 symbols."""
REMEMBERED = 0.5
"""A network remembers if its loss is below that share of a guess's."""
MAX_TFLOP = 0.5
"""Arithmetic of one trial; a larger network is not trained."""
_LAST = 8
"""Steps whose mean loss is what training came to."""
_SAME, _DONE = 1.5, 0.02
"""Shares of a guess's loss within the factor, or below the second, count as one."""
UNKNOWN_TIME_RANK = (1, 0, 0, 0, 0.0)


@dataclass(frozen=True)
class TrainedTimeCure:
    """What the trial of a cure came to.

    Attributes:
        code: the row of ``TIME_REMEDIES``.
        cost: as in ``TimeCure``.
        first, last: loss of the first step, and mean loss of the last ones; infinite: it diverged.
        refusal: why it was not trained; then there are no losses.
    """

    code: str
    cost: tuple[int, int]
    first: float = math.nan
    last: float = math.nan
    refusal: Text | str = ""

    @property
    def has_learned(self) -> bool:
        """Whether the network remembers the symbol."""
        return self.last < REMEMBERED * GUESS

    @property
    def rank(self) -> tuple[int, int, int, int, float]:
        """Its place among other cures, the lowest first.

        Those that remember come first: of losses that are about the same the cheaper. Then those
        that were not trained, last those that do not remember, in the order of the gradient.
        """
        if self.refusal:
            return UNKNOWN_TIME_RANK
        if not self.has_learned:
            return (2, 0, 0, 0, 0.0)
        share = max(self.last / GUESS, _DONE)
        return (0, round(math.log(share / _DONE, _SAME)), *self.cost, self.last)

    @property
    def text(self) -> Text:
        """What happened: ``Loss 2.2 → 0.01 in 200 steps: it remembers.``."""
        if self.refusal:
            return Text("Not trained here: {why}", why=self.refusal)
        values = {
            "first": format_number(self.first),
            "last": format_number(self.last),
            "steps": format_number(TRIAL_STEPS),
        }
        if math.isinf(self.last):
            return Text("Diverges within {steps} steps.", **values)
        if self.has_learned:
            return Text("Loss {first} → {last} in {steps} steps: it remembers.", **values)
        return Text("Loss {first} → {last} in {steps} steps: not yet.", **values)


def build_trial(spec: TimePass) -> SequenceExperiment:
    """Build the experiment of the trial: the network of a pass on the copy task with one symbol."""
    experiment = spec.experiment
    data = Sequences(
        source=SequenceSource.COPY,
        length=min(experiment.data.steps, TRIAL_LENGTH) if experiment.data.steps > 2 else 3,
        recall=1,
        batch_size=TRIAL_BATCH,
    )
    changed = {"data": data, "loss_at": LossAt.LAST}
    return SequenceExperiment(**dict(experiment) | changed)


def train_time_cure(
    outcome: TimeCure, before: TimePass, progress: Callable[[], None] | None = None
) -> TrainedTimeCure:
    """Train what a cure made of a network to remember a symbol; see the module.

    Adam with rate 0.01 for 200 steps of 32 sequences, gradients clipped to norm 1. A cure that
    changes only the training takes the place of that, or of a part of SGD with momentum and rate
    0.1: so Adam is tried without clipping, and clipping without Adam.

    Args:
        outcome: of ``try_time_cures``.
        before: the settings before the cure. One that changes the sequences alone is not trained.
        progress: called after every step; may raise to stop.
    """
    is_same = outcome.spec.experiment.network == before.experiment.network
    if is_same and not outcome.plan:
        why = Text("it changes the sequences, not the network.")
        return TrainedTimeCure(outcome.code, outcome.cost, refusal=why)
    experiment = build_trial(outcome.spec)
    if TRIAL_STEPS * estimate_pass_cost(experiment)[1] > MAX_TFLOP:
        return TrainedTimeCure(outcome.code, outcome.cost, refusal=Text("too much arithmetic."))
    plan = TrainingPlan(
        steps=TRIAL_STEPS,
        record_every=TRIAL_STEPS,
        reports=0,
        evaluate_every=0,
        **_PLAIN_PLAN | dict(outcome.plan) if outcome.plan else _USUAL_PLAN,
    )
    losses = []
    try:
        trainer = Trainer(make_task(experiment), plan)
        while not trainer.finished:
            trainer.advance()
            losses.append(trainer.loss)
            if progress is not None:
                progress()
    except GradflowError as error:
        return TrainedTimeCure(outcome.code, outcome.cost, refusal=error.args[0])
    last = fmean(losses[-_LAST:])
    last = last if math.isfinite(last) else math.inf
    return TrainedTimeCure(outcome.code, outcome.cost, losses[0], last)
