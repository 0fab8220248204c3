"""The result of one probe: tables and histograms as plain numbers, with no live tensors."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from gradflow.core import plain
from gradflow.core.columns import INTEGERS, TEXTS, find_reader
from gradflow.core.coverage import Coverage
from gradflow.core.errors import GradflowError, InvalidReport, quote_value
from gradflow.core.facts import Facts
from gradflow.core.frozen import Table, TableField, freeze_mappings, get_table
from gradflow.core.histogram import Histogram
from gradflow.core.lookup import find_attribute
from gradflow.core.numbers import format_number
from gradflow.core.text import Text
from gradflow.core.units import Units
from gradflow.core.verdict import Finding

Quantity = Literal[
    "preactivation", "activation", "delta", "activation_grad", "weight", "weight_grad"
]
Rows = Literal["layer", "block", "step"]
TableName = Literal["signals", "layers", "parameters"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

FORMAT = "gradflow-report"
VERSION = 2
READABLE = (1, 2)
"""Versions that can be read; 1 lists the counts and edges of histograms, 2 packs them."""
TABLE_COLUMNS: dict[TableName, tuple[str, ...]] = {
    "signals": (
        *("order", "layer", "module", "kind", "shape", "mean", "std", "rms", "min", "max"),
        *("saturated", "zero", "dead_units", "nonfinite", "similarity"),
        *("grad_mean", "grad_std", "grad_rms", "grad_norm", "grad_max"),
        *("grad_zero", "grad_nonfinite"),
    ),
    "layers": (
        *("layer", "module", "fan_in", "fan_out"),
        *("preactivation_mean", "preactivation_std", "preactivation_rms"),
        *("activation_mean", "activation_std", "activation_rms"),
        *("similarity", "saturated", "dead_units"),
        *("delta_norm", "delta_rms", "activation_grad_norm", "activation_grad_rms"),
        *("weight_norm", "weight_grad_norm", "weight_grad_rms", "bias_grad_norm", "update_ratio"),
    ),
    "parameters": (
        *("layer", "parameter", "shape", "norm", "rms"),
        *("grad_norm", "grad_rms", "grad_max", "grad_zero", "grad_nonfinite", "update_ratio"),
    ),
}
"""The columns of the tables of a report, in order."""
_READERS: dict[str, Callable[[Any], Any]] = {
    "loss": plain.read_real,
    "grad_norm": plain.read_size,
    "clip_factor": plain.read_share,
    "seconds": plain.read_size,
    "smallest_normal": plain.read_positive,
    "smallest": plain.read_positive,
    "loss_scale": plain.read_positive,
    "device": plain.read_text,
    "dtype": plain.read_text,
    "title": plain.read_text,
    "parameter_count": plain.read_whole,
}
"""How the fields of a file are read that are no tables."""
_NESTED = ("histograms", "streams", "stream", "facts", "units", "coverage")
"""Fields that are written in a way of their own."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Report:
    """The record of one forward and one backward pass through a network; it cannot be changed.

    Attributes:
        loss: the loss as reduced by the loss function (not multiplied by a loss scale).
        signals: one row per recorded module output, in execution order.
        layers: one row per layer, a weight module and all that runs after it up to the next.
        parameters: one row per parameter tensor.
        histograms: ``{(what, layer): Histogram}``.
        grad_norm: norm of the gradient over all parameters.
        clip_factor: factor by which clipping shortened the step; 1 if nothing was clipped.
        parameter_count: number of scalar parameters of the model.
        seconds: wall time of the recorded pass.
        device: where it ran, e.g. ``cpu``.
        dtype: the number format of the forward signal, e.g. ``float32``.
        smallest_normal, smallest: smallest normal and smallest positive number that gradients
            could take: those of the dtype, divided by the loss scale.
        loss_scale: factor on the loss during the backward pass; gradients are shown without it.
        title: one line that names the network.
        experiment: the spec as plain data if an ``Experiment`` was run, else ``None``.
        facts: what entered the network and left it, and what its loss is.
        rows: what a row of ``layers`` is: a layer, a block, or a time step.
        streams: the residual streams by the path of what holds their blocks, in order of execution;
            an encoder and a decoder have one each. A stream is a report whose rows are the outputs
            of the blocks, numbered from 1. Row 0 is the input of the first block, if it is
            recorded. A stream has signals and gradients, and no weights.
        stream: of the streams the one next to the loss; ``None`` without blocks.
        coverage: where each parameter was in the pass; empty in files of before.
        units: some single units of each layer, by its number; none in files of before.
    """

    loss: float
    signals: TableField = TableField()
    layers: TableField = TableField()
    parameters: TableField = TableField()
    histograms: Mapping[tuple[Quantity, int], Histogram]
    grad_norm: float
    clip_factor: float
    parameter_count: int
    seconds: float
    device: str
    dtype: str
    smallest_normal: float
    smallest: float
    loss_scale: float = 1.0
    title: str = ""
    experiment: Mapping[str, Any] | None = field(default=None)
    facts: Facts = field(default_factory=Facts)
    rows: Rows = "layer"
    streams: Mapping[str, Report] = field(default_factory=dict)
    stream: Report | None = None
    coverage: Coverage = field(default_factory=Coverage)
    units: Mapping[int, Units] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.stream is None:
            object.__setattr__(self, "stream", next(reversed([*self.streams.values()]), None))
        elif self.stream not in self.streams.values():
            object.__setattr__(self, "streams", {"": self.stream})
        freeze_mappings(self, "histograms", "experiment", "units", "streams")

    @property
    def findings(self) -> list[Finding]:
        """What can be said of the pass, the worst first; of a stream nothing on its own."""
        if self.rows == "block":
            return []
        checked: list[Finding] = find_attribute("gradflow.core.diagnosis:findings")(self)
        return checked

    def compare(self, other: Report) -> Any:
        """Compare this report with a later one of the same model: a ``Comparison``."""
        return find_attribute("gradflow.core.comparison:Comparison").make(self, other)

    def count_rows(self) -> int:
        """Count layers, blocks or steps; what enters the first block, row 0, is none."""
        table = self.get_table("layers")
        return int((table["layer"] > 0).sum()) if "layer" in table else len(table)

    def __repr__(self) -> str:
        """Say in one line what was recorded."""
        loss = format_number(self.loss)
        return f"<Report {self.title!r}: {self.count_rows()} {self.rows}s, loss {loss}>"

    def _repr_html_(self) -> str:
        html: str = find_attribute("gradflow.charts.notebook:write_card")(self)
        return html

    def get_table(self, name: TableName) -> Table:
        """Return the columns of ``signals``, ``layers`` or ``parameters`` as arrays.

        A data frame takes longer to make than most of what is computed from it.
        """
        return get_table(self, name)

    def drop_histograms(self) -> Report:
        """Make a report without histograms and units, which are most of its bytes."""
        report = copy.copy(self)
        object.__setattr__(report, "histograms", {})
        object.__setattr__(report, "units", {})
        report.__post_init__()
        return report

    def histogram(self, what: Quantity, layer: int) -> Histogram:
        """Look up the histogram of ``what`` in ``layer`` (numbered from 1 at the input side).

        Raises:
            GradflowError: no such quantity or layer, or nothing was recorded for it.
        """
        try:
            return self.histograms[what, int(layer)]
        except KeyError:
            if what not in QUANTITIES:
                raise GradflowError(
                    Text(
                        "what: {what!r} is not a quantity; choose one of {quantities}",
                        what=what,
                        quantities=", ".join(QUANTITIES),
                    )
                ) from None
            raise GradflowError(
                Text(
                    "layer: no {what} was recorded for layer {layer!r}; "
                    "layers run from 1 to {last}",
                    what=what,
                    layer=layer,
                    last=len(self.get_table("layers")),
                )
            ) from None

    def dead_unit_share(self) -> npt.NDArray[np.float64]:
        """Divide dead units by the units of each layer; NaN where the notion does not apply."""
        layers = self.get_table("layers")
        if "dead_units" not in layers or "fan_out" not in layers:
            return np.full(len(layers), math.nan)
        dead, units = layers.get_numbers("dead_units"), layers.get_numbers("fan_out")
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(units > 0, np.minimum(dead / units, 1.0), math.nan)

    def to_json(self) -> str:
        """Write strict JSON; non-finite numbers are the strings NaN, Infinity and -Infinity."""
        data = {"format": FORMAT, "version": VERSION, **self._to_dict()}
        return json.dumps(plain.encode(data), allow_nan=False, separators=(",", ":"))

    def _to_dict(self) -> dict[str, Any]:
        return {
            **{
                name: getattr(self, name)
                for name in self.__dataclass_fields__
                if name
                not in (
                    *TABLE_COLUMNS,
                    "histograms",
                    "streams",
                    "stream",
                    "facts",
                    "units",
                    "coverage",
                )
            },
            "facts": self.facts.to_dict(),
            **{name: _table_to_dict(get_table(self, name)) for name in TABLE_COLUMNS},
            "histograms": [
                {"what": what, "layer": layer, **histogram.to_dict()}
                for (what, layer), histogram in self.histograms.items()
            ],
            "streams": {name: stream._to_dict() for name, stream in self.streams.items()},
            "coverage": self.coverage.to_dict(),
            "units": [{"layer": layer, **units.to_dict()} for layer, units in self.units.items()],
        }

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """Read a report from the JSON of :meth:`to_json`.

        Raises:
            InvalidReport: the text is not JSON, not a report, damaged, or of another version.
        """
        try:
            data = plain.parse(text)
        except ValueError as error:
            raise InvalidReport(
                Text("report: this is not JSON ({error})", error=str(error))
            ) from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InvalidReport(
                Text("report: this JSON was not saved by GradFlow (no format mark)")
            )
        if data.get("version") not in READABLE:
            raise InvalidReport(
                Text(
                    "report: format version {version} is not readable; "
                    "this GradFlow reads versions {readable}",
                    version=repr(data.get("version")),
                    readable=", ".join(map(str, READABLE)),
                )
            )
        try:
            return cls._from_dict(data)
        except ValueError as error:
            raise InvalidReport(
                Text("report: the file is damaged ({error})", error=str(error))
            ) from error

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any], *, nested: bool = False) -> Report:
        fields: dict[str, Any] = {
            **{name: plain.read_field(data, name, read) for name, read in _READERS.items()},
            **{name: _read_table(name, data) for name in TABLE_COLUMNS},
        }
        rows, streams = data.get("rows", "layer"), data.get("streams", {})
        if data.get("stream"):  # files of before have one at most
            streams = {"": data["stream"]}
        if rows not in get_args(Rows):
            raise ValueError(f"rows: {quote_value(rows)} is not one of {', '.join(get_args(Rows))}")
        if nested and streams:
            raise ValueError("streams: a stream has none of its own")
        numbers = set(fields["layers"]["layer"].tolist())
        histograms = plain.read_field(data, "histograms", _check_list)
        with plain.name_field("facts"):
            facts = Facts.from_dict(plain.check_type(data.get("facts", {}), dict))
        with plain.name_field("units"):
            listed = plain.check_type(data.get("units", []), list)
            units = {_read_layer(item, numbers): Units.from_dict(item) for item in listed}
        with plain.name_field("coverage"):
            coverage = Coverage.from_dict(plain.check_type(data.get("coverage", {}), dict))
        with plain.name_field("streams"):
            inner = {
                plain.read_text(name): cls._from_dict(plain.check_type(item, dict), nested=True)
                for name, item in plain.check_type(streams, dict).items()
            }
        return cls(
            **fields,
            histograms=dict(_read_histogram(item, numbers) for item in histograms),
            experiment=plain.read_field(data, "experiment", _check_settings),
            rows=rows,
            streams=inner,
            coverage=coverage,
            facts=facts,
            units=units,
        )

    def save(self, path: str | Path) -> None:
        """Write the report as JSON."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read a report written by :meth:`save`; raises ``InvalidReport`` if it is not one."""
        return cls.from_json(Path(path).read_bytes())


def make_table(name: TableName, columns: Mapping[str, Iterable[Any]]) -> Table:
    """Make a table of a report from all its columns; their types do not depend on the values."""
    return Table({column: _make_column(column, columns[column]) for column in TABLE_COLUMNS[name]})


def _make_column(name: str, values: Iterable[Any]) -> npt.NDArray[Any]:
    if name in TEXTS:
        return np.array([*values], object)
    return np.array(values, np.int64 if name in INTEGERS else np.float64)


def _table_to_dict(table: Table) -> dict[str, Any]:
    return {name: table[name].tolist() for name in table}


def _read_table(name: TableName, data: Mapping[str, Any]) -> Table:
    names = TABLE_COLUMNS[name]
    with plain.name_field(name):
        table = plain.check_type(data[name], dict)
        columns = {c: plain.read_field(table, c, _check_list) for c in names}
        if len(table) != len(names):
            raise ValueError(f"{quote_value([*table.keys() - columns])} is not known")
        if len(set(map(len, columns.values()))) != 1:
            raise ValueError("columns of different lengths")
        for column, values in columns.items():
            with plain.name_field(column):
                read = find_reader(column)
                columns[column] = [read(value) for value in values]
        return make_table(name, columns)


def _check_list(value: Any) -> list[Any]:
    checked: list[Any] = plain.check_type(value, list)
    return checked


def _check_settings(value: Any) -> dict[str, Any] | None:
    checked: dict[str, Any] | None = plain.check_type(value, dict, type(None))
    return checked


def _read_histogram(item: Any, numbers: Container[int]) -> tuple[tuple[Quantity, int], Histogram]:
    with plain.name_field("histograms"):
        what = plain.read_field(plain.check_type(item, dict), "what", plain.read_text)
        if what not in QUANTITIES:
            raise ValueError(f"what: {quote_value(what)} is not one of {', '.join(QUANTITIES)}")
        layer = _read_layer(item, numbers)
    return (what, layer), Histogram.from_dict(item)


def _read_layer(item: Any, numbers: Container[int]) -> int:
    layer: int = plain.read_field(item, "layer", plain.read_whole)
    if layer not in numbers:
        raise ValueError(f"layer: {layer} is not in the table of layers")
    return layer
