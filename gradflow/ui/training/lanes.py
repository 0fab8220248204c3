"""The runs on the page: those of the group, then the earlier ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gradflow.charts.compare.data import LETTERS
from gradflow.charts.flow.data import Gradient
from gradflow.charts.training.data import Lane
from gradflow.charts.training.film import FilmLane
from gradflow.charts.training.lanes import make_film_lane, make_lane
from gradflow.core import codec
from gradflow.core.catalog.optimizers import OPTIMIZERS, PRECISIONS, Clip, Precision
from gradflow.core.catalog.schedules import SCHEDULES, Schedule
from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.core.numbers import format_number
from gradflow.core.text import Text, _
from gradflow.core.training import BackgroundRun, Run, TrainingPlan
from gradflow.ui import blocks
from gradflow.ui.training import state
from gradflow.ui.training.groups import MAX_LANES, RunGroup, Setup
from gradflow.ui.training.names import name_by_differences, name_network
from gradflow.ui.training.sessions import Session


@dataclass(frozen=True)
class ShownRun:
    """One run on the page.

    Attributes:
        letter: ``A`` … ``D``.
        name: the name that the page shows.
        run: its records so far.
        live: advances it; ``None`` for an earlier run or one from a file.
    """

    letter: str
    name: str
    run: Run
    live: BackgroundRun | None = None

    @property
    def label(self) -> str:
        """Letter and name as Markdown."""
        return f"**{self.letter}** {blocks.write_name(self.name)}"

    @property
    def over(self) -> bool:
        """Whether no more records will come."""
        return self.live is None or self.live.over

    def make_lane(self) -> Lane:
        """Make the lane that figures draw."""
        plan = self.run.plan
        threshold = plan.threshold if plan.clip is Clip.NORM else float("nan")
        return make_lane(self.letter, self.name, self.run, plan.steps, threshold)

    @property
    def source(self) -> Run | BackgroundRun:
        """What its records come from, the same object as long as the run is on the page."""
        return self.live or self.run

    def make_film(self, gradient: Gradient) -> FilmLane:
        """Make what figures draw of its kept steps."""
        return make_film_lane(self.letter, self.name, self.run, gradient)


def list_shown(session: Session) -> list[ShownRun]:
    """List all runs on the page, in the order of their letters."""
    group, opening = session.group, state.OPENING.get()
    beside = [kept for key in state.list_compared() if (kept := session.earlier.get(key))]
    runs: list[ShownRun] = []
    if group is not None:
        own = zip(LETTERS, name_runs(group), group.lanes, strict=False)
        runs = [ShownRun(letter, name, live.run, live) for letter, name, live in own]
    elif opening is not None and not beside:
        names = _name_planned(opening.setup, opening.runs)
        named = zip(LETTERS, names, opening.runs, strict=False)
        runs = [ShownRun(letter, name, run) for letter, name, run in named]
    beside = beside[: MAX_LANES - len(runs)]
    letters = LETTERS[len(runs) :]
    runs += [
        ShownRun(letter, earlier.name, earlier.run)
        for letter, earlier in zip(letters, beside, strict=False)
    ]
    names = distinguish_names([(shown_run.name, shown_run.run) for shown_run in runs])
    return [replace(shown_run, name=name) for shown_run, name in zip(runs, names, strict=True)]


def distinguish_names(runs: Sequence[tuple[str, Run]]) -> list[str]:
    """Name runs so that they differ: several of the user's own after their different settings.

    Args:
        runs: each with the name that it has alone.
    """
    if len(runs) < 2:
        return [name for name, _run in runs]
    own = {
        i: (experiment, run.plan)
        for i, (name, run) in enumerate(runs)
        if name == name_run(run) and (experiment := find_known(run)) is not None
    }
    by_differences = name_by_differences(list(own.values()))
    better = {i: name for i, name in zip(own, by_differences, strict=True) if name}
    return [better.get(i, name) for i, (name, _run) in enumerate(runs)]


def name_runs(group: RunGroup) -> list[str]:
    """Name the runs of a group."""
    return _name_planned(group.setup, [live.run for live in group.lanes])


def _name_planned(setup: Setup, runs: Sequence[Run]) -> list[str]:
    return [
        _(planned.label) if planned.label else name_run(run)
        for planned, run in zip(setup.runs, runs, strict=True)
    ]


def find_setup(session: Session) -> Setup | None:
    """Find what the first runs on the page were trained with; ``None`` of earlier runs alone."""
    if (group := session.group) is not None:
        return group.setup
    opening = state.OPENING.get()
    return None if opening is None or state.list_compared() else opening.setup


def name_run(run: Run) -> str:
    """Name a run of the user's own: network, optimizer, rate, and how else it was trained."""
    plan: TrainingPlan = run.plan
    words = [
        _name_network(run),
        f"{_(OPTIMIZERS[plan.optimizer].label)} η {format_number(plan.learning_rate)}",
    ]
    if plan.schedule is not Schedule.CONSTANT:
        words.append(_(SCHEDULES[plan.schedule].label))
    if plan.clip is not Clip.NONE:
        words.append(_("clipped"))
    words += [
        f"{name} {format_number(value)}"
        for name, value in (("L1", plan.l1), ("L2", plan.l2))
        if value
    ]
    if plan.precision is not Precision.FULL:
        words.append(_(PRECISIONS[plan.precision].label))
    return ", ".join(words)


def _name_network(run: Run) -> str:
    experiment = find_known(run)
    return run.title if experiment is None else name_network(experiment)


def find_known(run: Run) -> Experiment | None:
    """Find the experiment that was trained, if it has settings that this page offers."""
    try:
        return find_experiment(run)
    except InvalidExperiment:
        return None


def find_experiment(run: Run) -> Experiment:
    """Find the experiment that was trained.

    Raises:
        InvalidExperiment: the run holds no setting that can be trained on this page.
    """
    settings = run.settings
    if settings is None or "sequence_experiment" in settings:
        raise InvalidExperiment(
            Text("This run was not made with settings that this page offers."), fields=("settings",)
        )
    return codec.from_query(settings)
