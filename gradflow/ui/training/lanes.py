"""The runs on the page: those of the group, then the earlier ones beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradflow.charts.compare_data import LETTERS
from gradflow.charts.theme import number
from gradflow.charts.training.data import QUANTITIES, Lane
from gradflow.core import codec
from gradflow.core.catalog.optimizers import OPTIMIZERS, Clip
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.text import _
from gradflow.core.training import BackgroundRun, Run, TrainingPlan
from gradflow.core.training.record import NUMBERS
from gradflow.ui.training import state
from gradflow.ui.training.runs import MOST_LANES, Group, Session


@dataclass(frozen=True)
class Shown:
    """One run on the page.

    Attributes:
        letter: ``A`` … ``D``.
        name: what it is called.
        run: its records so far.
        live: what advances it; ``None`` if it is an earlier one or from a file.
    """

    letter: str
    name: str
    run: Run
    live: BackgroundRun | None = None

    @property
    def label(self) -> str:
        """Letter and name as Markdown."""
        return f"**{self.letter}** {self.name}"

    @property
    def over(self) -> bool:
        """Whether no more records will come."""
        return self.live is None or self.live.over

    def lane(self) -> Lane:
        """As figures want it."""
        run, table = self.run, self.run.table()
        plan = run.plan
        clipped = plan.clip is Clip.NORM
        return Lane(
            letter=self.letter,
            name=self.name,
            planned=plan.steps,
            steps=table["step"].to_numpy(np.float64),
            numbers={name: table[name].to_numpy(np.float64) for name in NUMBERS},
            modules=run.records[0].modules if run.records else (),
            layers={column: run.matrix(column) for column in QUANTITIES},
            threshold=plan.threshold if clipped else float("nan"),
        )


def shown(session: Session) -> list[Shown]:
    """All runs on the page, in the order of their letters."""
    group = session.group
    own = [] if group is None else list(zip(names(group), group.lanes, strict=True))
    found = [
        Shown(letter, name, live.run, live)
        for letter, (name, live) in zip(LETTERS, own, strict=False)
    ]
    beside = [session.kept[key] for key in state.compared()][: MOST_LANES - len(found)]
    letters = LETTERS[len(found) :]
    return found + [
        Shown(letter, one.name, one.run) for letter, one in zip(letters, beside, strict=False)
    ]


def names(group: Group) -> list[str]:
    """What the runs of a group are called."""
    return [
        _(one.label) if one.label else named(live.run)
        for one, live in zip(group.setup.runs, group.lanes, strict=True)
    ]


def named(run: Run) -> str:
    """A name for a run of the user's own: model, optimizer, rate and what else was done."""
    plan: TrainingPlan = run.plan
    words = [run.title, f"{_(OPTIMIZERS[plan.optimizer].label)} η {number(plan.learning_rate)}"]
    if plan.clip is not Clip.NONE:
        words.append(_("clipped"))
    words += [
        f"{name} {number(value)}" for name, value in (("L1", plan.l1), ("L2", plan.l2)) if value
    ]
    return ", ".join(words)


def experiment_of(run: Run) -> Experiment:
    """What was trained.

    Raises:
        InvalidExperiment: the run holds no setting that can be trained on this page.
    """
    settings = run.settings
    if settings is None or "sequence_experiment" in settings:
        raise InvalidExperiment(
            _("This run was not made from settings that this page has."), fields=("settings",)
        )
    return codec.from_query(settings)
