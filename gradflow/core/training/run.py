"""A training run as plain numbers, for charts, files and tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from gradflow.core import plain
from gradflow.core.plain import check_type, encode, read_text
from gradflow.core.text import Text
from gradflow.core.training.divergence import Divergence
from gradflow.core.training.engine import Progress, train
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.record import StepRecord
from gradflow.core.training.series import StepSeries, name_damage, parse_file, read_records
from gradflow.core.training.task import make_task

FORMAT = "gradflow-run"
VERSION = 2


@dataclass(frozen=True, eq=False)
class Run(StepSeries):
    """A training: the model, the plan, and the records of the steps so far.

    Attributes:
        title: one line that names the model.
        settings: the experiment as plain text fields, ``None`` if a bare ``Task`` was trained.
        plan: how it was trained.
        records: one per recorded step, in order.
    """

    title: str
    settings: Mapping[str, str] | None
    plan: TrainingPlan
    records: Sequence[StepRecord]

    @classmethod
    def collect(
        cls,
        experiment: Any,
        plan: TrainingPlan | None = None,
        progress: Progress | None = None,
        frames: int = 0,
    ) -> Self:
        """Train to the end; arguments and errors are those of ``train``."""
        task, plan = make_task(experiment), plan or TrainingPlan()
        return cls(task.title, task.settings, plan, tuple(train(task, plan, progress, frames)))

    @property
    def divergence(self) -> Divergence | None:
        """Where the run broke, if it did."""
        return self.records[-1].divergence if self.records else None

    def to_json(self) -> str:
        """Write strict JSON (non-finite numbers as the strings NaN, Infinity, -Infinity)."""
        plan = dict(self.plan)
        data = {
            "format": FORMAT,
            "version": VERSION,
            "title": self.title,
            "settings": None if self.settings is None else dict(self.settings),
            "plan": {name: plan[name] for name in self.plan.list_applicable(plan)},
            **self.write_records(),
        }
        return json.dumps(encode(data), allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read the JSON that :meth:`to_json` writes.

        Raises:
            InvalidReport: the text is not JSON, not a run, damaged, or of another version.
        """
        refusal = Text("run: this JSON is no training run saved by GradFlow")
        data = parse_file(text, "run", FORMAT, VERSION, refusal)
        with name_damage("run"):
            return cls(
                title=plain.read_field(data, "title", plain.read_text),
                settings=plain.read_field(data, "settings", _read_settings),
                plan=plain.read_field(data, "plan", _read_plan),
                records=read_records(data),
            )


def _read_settings(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    return {name: read_text(text) for name, text in check_type(value, dict).items()}


def _read_plan(value: Any) -> TrainingPlan:
    return TrainingPlan(**check_type(value, dict))
