"""A training run as plain numbers, for charts, files and tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from gradflow.core import plain
from gradflow.core.errors import InvalidReport
from gradflow.core.plain import check_type, encode, read_text, read_whole
from gradflow.core.report import Report
from gradflow.core.text import Text
from gradflow.core.training.divergence import Divergence, Origin
from gradflow.core.training.engine import Progress, train
from gradflow.core.training.frame import Frame
from gradflow.core.training.plan import TrainingPlan
from gradflow.core.training.record import LAYER_COLUMNS, NUMBERS, StepRecord
from gradflow.core.training.task import make_task

FORMAT = "gradflow-run"
VERSION = 1
_DIVERGENCE_NUMBERS = ("step", "began", "layer")


@dataclass(frozen=True)
class _LoadedReport:
    """A report that was read from a file, in the place of a snapshot."""

    loaded: Report

    def make_report(self) -> Report:
        return self.loaded


@dataclass(frozen=True, eq=False)
class Run:
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

    @property
    def reports(self) -> dict[int, Report]:
        """The reports that were kept, by step."""
        return {r.step: r.report for r in self.records if r.report is not None}

    def table(self) -> pd.DataFrame:
        """Make a table with a row per recorded step: ``step``, ``record.NUMBERS``, ``skipped``."""
        names = ("step", *NUMBERS, "skipped")
        return pd.DataFrame(
            {name: [getattr(record, name) for record in self.records] for name in names}
        )

    def layers(self) -> pd.DataFrame:
        """Make a table with a row per recorded step and layer.

        Its columns are ``step, layer, module`` and ``record.LAYER_COLUMNS``.
        """
        records = self.records
        count = [len(record.modules) for record in records]
        columns: dict[str, Any] = {
            "step": np.repeat(np.array([r.step for r in records], np.int64), count),
            "layer": [number for n in count for number in range(1, n + 1)],
            "module": [module for record in records for module in record.modules],
        }
        for name in LAYER_COLUMNS:
            columns[name] = np.concatenate([np.zeros(0), *(r.layers[name] for r in records)])
        return pd.DataFrame(columns)

    def matrix(self, column: str) -> np.typing.NDArray[np.float64]:
        """Arrange a column of ``LAYER_COLUMNS`` as (layers, recorded steps), for a heatmap."""
        if not self.records:
            return np.zeros((0, 0))
        return np.stack([record.layers[column] for record in self.records], axis=1)

    def to_csv(self) -> str:
        """Write ``table`` as CSV text."""
        return self.table().to_csv(index=False)

    def to_json(self) -> str:
        """Write strict JSON (non-finite numbers as the strings NaN, Infinity, -Infinity)."""
        plan, records = dict(self.plan), self.records
        data = {
            "format": FORMAT,
            "version": VERSION,
            "title": self.title,
            "settings": None if self.settings is None else dict(self.settings),
            "plan": {name: plan[name] for name in self.plan.list_applicable(plan)},
            "modules": list(records[0].modules) if records else [],
            **{name: column.tolist() for name, column in self.table().items()},
            "layers": {name: self.matrix(name).T.tolist() for name in LAYER_COLUMNS},
            "reports": {step: json.loads(r.to_json()) for step, r in self.reports.items()},
            "frames": {r.step: r.frame.to_text() for r in records if r.frame is not None},
            "divergence": asdict(self.divergence) if self.divergence else None,
        }
        return json.dumps(encode(data), allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read the JSON that :meth:`to_json` writes.

        Raises:
            InvalidReport: the text is not JSON, not a run, damaged, or of another version.
        """
        try:
            data = plain.parse(text)
        except ValueError as error:
            raise InvalidReport(
                Text("run: this is not JSON ({reason})", reason=str(error))
            ) from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InvalidReport(Text("run: this JSON is no training run saved by GradFlow"))
        if data.get("version") != VERSION:
            raise InvalidReport(
                Text(
                    "run: format version {version} is not readable; this GradFlow reads version "
                    "{readable}",
                    version=repr(data.get("version")),
                    readable=VERSION,
                )
            )
        try:
            return cls(
                title=plain.read_field(data, "title", plain.read_text),
                settings=plain.read_field(data, "settings", _read_settings),
                plan=plain.read_field(data, "plan", _read_plan),
                records=_read_records(data),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidReport(
                Text("run: the file is damaged ({reason:.300})", reason=str(error))
            ) from error

    def save(self, path: str | Path) -> None:
        """Write the run as JSON."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a run written by :meth:`save`; raises ``InvalidReport`` if it is not one."""
        return cls.from_json(Path(path).read_bytes())


def _read_settings(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    return {name: read_text(text) for name, text in check_type(value, dict).items()}


def _read_plan(value: Any) -> TrainingPlan:
    return TrainingPlan(**check_type(value, dict))


def _read_records(data: dict[str, Any]) -> tuple[StepRecord, ...]:
    steps = plain.read_field(data, "step", partial(_read_list, read=read_whole))
    if any(a >= b for a, b in pairwise([0, *steps])):
        raise ValueError("step: the numbers do not rise from 1")
    modules = tuple(plain.read_field(data, "modules", partial(_read_list, read=read_text)))
    numbers = {
        name: plain.read_field(
            data, name, partial(_read_list, read=_find_reader(name), length=len(steps))
        )
        for name in NUMBERS
    }
    skipped = plain.read_field(data, "skipped", partial(_read_list, read=_read_switch))
    with plain.name_field("layers"):
        table = check_type(data["layers"], dict)
        layers = {
            name: plain.read_field(table, name, partial(_read_matrix, name, len(modules)))
            for name in LAYER_COLUMNS
        }
    if any(len(column) != len(steps) for column in (skipped, *layers.values())):
        raise ValueError("columns of different lengths")
    reports = check_type(data["reports"], dict)
    with plain.name_field("reports"):
        snapshots = {int(step): _read_report(item) for step, item in reports.items()}
    if not set(snapshots) <= set(steps):
        raise ValueError("reports of steps that were not recorded")
    with plain.name_field("frames"):
        frames = {
            int(step): Frame.from_text(check_type(text, str), len(modules))
            for step, text in check_type(data.get("frames", {}), dict).items()
        }
    if not set(frames) <= set(steps):
        raise ValueError("frames of steps that were not recorded")
    last = plain.read_field(data, "divergence", partial(_read_divergence, len(modules)))
    return tuple(
        StepRecord(
            step=step,
            modules=modules,
            layers={name: np.array(column[i]) for name, column in layers.items()},
            skipped=skipped[i],
            snapshot=snapshots.get(step),
            frame=frames.get(step),
            divergence=last if i == len(steps) - 1 else None,
            **{name: column[i] for name, column in numbers.items()},
        )
        for i, step in enumerate(steps)
    )


def _read_list(values: Any, *, read: Callable[[Any], Any], length: int | None = None) -> list[Any]:
    if len(check_type(values, list)) != length and length is not None:
        raise ValueError("columns of different lengths")
    return [read(value) for value in values]


def _read_matrix(name: str, width: int, rows: Any) -> list[list[float]]:
    read = partial(_read_list, read=_find_reader(name), length=width)
    return [read(row) for row in check_type(rows, list)]


def _read_switch(value: Any) -> bool:
    return bool(check_type(value, bool))


def _find_reader(name: str) -> Callable[[Any], float]:
    """Find what reads a number of a step or a layer: all that is not listed is a norm or so."""
    if name in ("accuracy", "held_out_accuracy", "saturated", "dead"):
        return plain.read_share
    if name in ("nonfinite", "grad_nonfinite"):
        return plain.read_count
    signed = ("loss", "held_out_loss", "noise_scale", "activation_mean")
    return plain.read_real if name in signed else plain.read_size


def _read_report(item: Any) -> _LoadedReport:
    return _LoadedReport(Report.from_json(json.dumps(check_type(item, dict))))


def _read_divergence(layers: int, item: Any) -> Divergence | None:
    if item is None:
        return None
    item = check_type(item, dict)
    numbers = {name: plain.read_field(item, name, read_whole) for name in _DIVERGENCE_NUMBERS}
    if numbers["layer"] > layers:
        raise ValueError(f"layer: there are {layers}")
    module = plain.read_field(item, "module", read_text)
    return Divergence(origin=Origin(item["origin"]), module=module, **numbers)
