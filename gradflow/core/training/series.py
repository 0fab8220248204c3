"""The records of steps as tables, and as plain data in files."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from gradflow.core import plain
from gradflow.core.errors import InvalidReport
from gradflow.core.plain import check_type, read_text, read_whole
from gradflow.core.report import Report
from gradflow.core.text import Text
from gradflow.core.training.divergence import Divergence, Origin
from gradflow.core.training.frame import Frame
from gradflow.core.training.record import LAYER_COLUMNS, NUMBERS, StepRecord

_DIVERGENCE_NUMBERS = ("step", "began", "layer")


@dataclass(frozen=True)
class LoadedReport:
    """A report that is there already, in the place of a snapshot."""

    loaded: Report

    def make_report(self) -> Report:
        """Return the report."""
        return self.loaded


class StepSeries(ABC):
    """Something with the recorded steps of a training, ``records``; all have the same layers."""

    records: Sequence[StepRecord]

    @abstractmethod
    def to_json(self) -> str:
        """Write strict JSON (non-finite numbers as the strings NaN, Infinity, -Infinity)."""

    @classmethod
    @abstractmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read the JSON that :meth:`to_json` writes; raises ``InvalidReport`` if it is not such."""

    def save(self, path: str | Path) -> None:
        """Write it as JSON."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what :meth:`save` wrote; raises ``InvalidReport`` if it is not such a file."""
        return cls.from_json(Path(path).read_bytes())

    @property
    def reports(self) -> dict[int, Report]:
        """The reports that were kept, by step."""
        return {r.step: r.report for r in self.records if r.report is not None}

    @property
    def frames(self) -> list[tuple[StepRecord, Frame]]:
        """The records whose distributions are kept, with these."""
        shown = [(record, record.shown_frame) for record in self.records]
        return [(record, frame) for record, frame in shown if frame is not None]

    @property
    def modules(self) -> tuple[str, ...]:
        """Names of the layers, from the input side."""
        return self.records[0].modules if self.records else ()

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

    def write_records(self) -> dict[str, Any]:
        """Write the records as plain data, which ``read_records`` reads."""
        records = self.records
        last = records[-1].divergence if records else None
        return {
            "modules": list(self.modules),
            **{str(name): column.tolist() for name, column in self.table().items()},
            "layers": {name: self.matrix(name).T.tolist() for name in LAYER_COLUMNS},
            "reports": {step: json.loads(r.to_json()) for step, r in self.reports.items()},
            "frames": {r.step: r.frame.to_text() for r in records if r.frame is not None},
            "divergence": asdict(last) if last else None,
        }


def parse_file(
    text: str | bytes, kind: str, mark: str, version: int, refusal: Text
) -> dict[str, Any]:
    """Parse JSON and check that it is a file of this kind and version.

    Raises:
        InvalidReport: it is not; the message begins with ``kind``, or is ``refusal`` if the file
            has another format mark.
    """
    try:
        data = plain.parse(text)
    except ValueError as error:
        raise InvalidReport(
            Text("{kind}: this is not JSON ({reason})", kind=kind, reason=str(error))
        ) from error
    if not isinstance(data, dict) or data.get("format") != mark:
        raise InvalidReport(refusal)
    if data.get("version") != version:
        raise InvalidReport(
            Text(
                "{kind}: format version {version} is not readable; this GradFlow reads version "
                "{readable}",
                kind=kind,
                version=repr(data.get("version")),
                readable=version,
            )
        )
    return data


@contextmanager
def name_damage(kind: str) -> Iterator[None]:
    """Turn errors of reading the fields of a file into an ``InvalidReport`` that names its kind."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InvalidReport(
            Text("{kind}: the file is damaged ({reason:.300})", kind=kind, reason=str(error))
        ) from error


def read_records(data: Mapping[str, Any]) -> tuple[StepRecord, ...]:
    """Read what ``write_records`` wrote; raises ``ValueError`` if something in it is wrong."""
    steps = plain.read_field(data, "step", partial(read_list, read=read_whole))
    if any(a >= b for a, b in pairwise([0, *steps])):
        raise ValueError("step: the numbers do not rise from 1")
    modules = tuple(plain.read_field(data, "modules", partial(read_list, read=read_text)))
    numbers = {
        name: plain.read_field(
            data, name, partial(read_list, read=_find_reader(name), length=len(steps))
        )
        for name in NUMBERS
    }
    skipped = plain.read_field(data, "skipped", partial(read_list, read=_read_switch))
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


def read_list(values: Any, *, read: Callable[[Any], Any], length: int | None = None) -> list[Any]:
    """Read every item of a list, which must have ``length`` of them if that is given."""
    if len(check_type(values, list)) != length and length is not None:
        raise ValueError("columns of different lengths")
    return [read(value) for value in values]


def _read_matrix(name: str, width: int, rows: Any) -> list[list[float]]:
    read = partial(read_list, read=_find_reader(name), length=width)
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


def _read_report(item: Any) -> LoadedReport:
    return LoadedReport(Report.from_json(json.dumps(check_type(item, dict))))


def _read_divergence(layers: int, item: Any) -> Divergence | None:
    if item is None:
        return None
    item = {"targets": 0.0, "rate": 0.0} | check_type(item, dict)  # older files lack them
    numbers = {name: plain.read_field(item, name, read_whole) for name in _DIVERGENCE_NUMBERS}
    if numbers["layer"] > layers:
        raise ValueError(f"layer: there are {layers}")
    return Divergence(
        origin=Origin(item["origin"]),
        module=plain.read_field(item, "module", read_text),
        targets=plain.read_field(item, "targets", plain.read_size),
        rate=plain.read_field(item, "rate", plain.read_size),
        **numbers,
    )
