"""The runs on the page: those of the group, then the earlier ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradflow.charts.compare.data import LETTERS
from gradflow.charts.theme import number
from gradflow.charts.training.data import QUANTITIES, Lane
from gradflow.core import codec
from gradflow.core.catalog.optimizers import OPTIMIZERS, PRECISIONS, Clip, Precision
from gradflow.core.catalog.schedules import SCHEDULES, Schedule
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.text import _
from gradflow.core.training import BackgroundRun, Run, TrainingPlan, cost
from gradflow.core.training.record import NUMBERS
from gradflow.ui.training import state
from gradflow.ui.training.names import different, network
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
    found += [
        Shown(letter, one.name, one.run) for letter, one in zip(letters, beside, strict=False)
    ]
    called = told_apart([(one.name, one.run) for one in found])
    return [replace(one, name=name) for one, name in zip(found, called, strict=True)]


def told_apart(found: Sequence[tuple[str, Run]]) -> list[str]:
    """Names of runs; the user's own, if there are several, after what is different in them."""
    if len(found) < 2:
        return [name for name, _run in found]
    own = {
        i: (experiment, run.plan)
        for i, (name, run) in enumerate(found)
        if name == named(run) and (experiment := _known(run)) is not None
    }
    called = different(list(own.values()))
    better = {i: name for i, name in zip(own, called, strict=True) if name}
    return [better.get(i, name) for i, (name, _run) in enumerate(found)]


def names(group: Group) -> list[str]:
    """What the runs of a group are called."""
    return [
        _(one.label) if one.label else named(live.run)
        for one, live in zip(group.setup.runs, group.lanes, strict=True)
    ]


def named(run: Run) -> str:
    """A name for a run of the user's own: network, optimizer, rate and what else was done."""
    plan: TrainingPlan = run.plan
    words = [_network(run), f"{_(OPTIMIZERS[plan.optimizer].label)} η {number(plan.learning_rate)}"]
    if plan.schedule is not Schedule.CONSTANT:
        words.append(_(SCHEDULES[plan.schedule].label))
    if plan.clip is not Clip.NONE:
        words.append(_("clipped"))
    words += [
        f"{name} {number(value)}" for name, value in (("L1", plan.l1), ("L2", plan.l2)) if value
    ]
    if plan.precision is not Precision.FULL:
        words.append(_(PRECISIONS[plan.precision].label))
    return ", ".join(words)


def _network(run: Run) -> str:
    experiment = _known(run)
    return run.title if experiment is None else network(experiment)


def _known(run: Run) -> Experiment | None:
    try:
        return experiment_of(run)
    except InvalidExperiment:
        return None


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


def can_replay(run: Run) -> bool:
    """Whether its settings are there and do not ask for too much, as those of a file may."""
    try:
        cost.check_training_cost(experiment_of(run), run.plan)
    except InvalidExperiment:
        return False
    return True
