"""The result of one probe: tables and histograms as plain numbers, with no live tensors."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from gradflow.core import plain
from gradflow.core.errors import GradflowError, InvalidReport
from gradflow.core.facts import Facts
from gradflow.core.frozen import Table, TableField, freeze_mappings, get_table
from gradflow.core.histogram import Histogram
from gradflow.core.text import Text
from gradflow.core.units import Units

Quantity = Literal[
    "preactivation", "activation", "delta", "activation_grad", "weight", "weight_grad"
]
Rows = Literal["layer", "block", "step"]
TableName = Literal["signals", "layers", "parameters"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

FORMAT = "gradflow-report"
VERSION = 1
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
_TEXTS = {"module", "kind", "shape", "parameter"}
_INTEGERS = {"order", "layer", "fan_in", "fan_out", "nonfinite"}  # never unknown (NaN)
_NUMBERS = ("loss", "grad_norm", "clip_factor", "seconds")
_POSITIVE = ("smallest_normal", "smallest", "loss_scale")


@dataclass(frozen=True, eq=False, kw_only=True)
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
        stream: the residual stream, ``None`` without blocks: a report whose rows are the outputs
            of the model's blocks, numbered from 1. Row 0 is the input of the first block, if it
            is a module's output. The stream has signals and gradients, and no weights.
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
    stream: Report | None = None
    units: Mapping[int, Units] = field(default_factory=dict)

    def __post_init__(self) -> None:
        freeze_mappings(self, "histograms", "experiment", "units")

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
                if name not in (*TABLE_COLUMNS, "histograms", "stream", "facts", "units")
            },
            "facts": self.facts.to_dict(),
            **{name: _table_to_dict(get_table(self, name)) for name in TABLE_COLUMNS},
            "histograms": [
                {"what": what, "layer": layer, **histogram.to_dict()}
                for (what, layer), histogram in self.histograms.items()
            ],
            "stream": self.stream and self.stream._to_dict(),
            "units": [{"layer": layer, **units.to_dict()} for layer, units in self.units.items()],
        }

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """Read a report from the JSON of :meth:`to_json`.

        Raises:
            InvalidReport: the text is not JSON, not a report, damaged, or of another version.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidReport(
                Text("report: this is not JSON ({error})", error=str(error))
            ) from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InvalidReport(
                Text("report: this JSON was not saved by GradFlow (no format mark)")
            )
        if data.get("version") != VERSION:
            raise InvalidReport(
                Text(
                    "report: format version {version} is not readable; "
                    "this GradFlow reads version {readable}",
                    version=repr(data.get("version")),
                    readable=VERSION,
                )
            )
        try:
            return cls._from_dict(data)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InvalidReport(
                Text("report: the file is damaged ({error})", error=repr(error))
            ) from error

    @classmethod
    def _from_dict(cls, data: Mapping[str, Any], *, nested: bool = False) -> Report:
        fields: dict[str, Any] = {
            **{name: _table_from_dict(name, data[name]) for name in TABLE_COLUMNS},
            **{name: plain.read_real(data[name]) for name in _NUMBERS},
            **{name: plain.read_positive(data[name]) for name in _POSITIVE},
            **{name: plain.check_type(data[name], str) for name in ("device", "dtype", "title")},
        }
        rows, stream = data.get("rows", "layer"), data.get("stream")
        if rows not in get_args(Rows) or (nested and stream):
            raise ValueError(f"rows {rows!r:.50}")
        numbers = set(fields["layers"]["layer"].tolist())
        return cls(
            **fields,
            histograms={
                _read_histogram_key(item, numbers): Histogram.from_dict(item)
                for item in plain.check_type(data["histograms"], list)
            },
            parameter_count=plain.read_whole(data["parameter_count"]),
            experiment=plain.check_type(data["experiment"], dict, type(None)),
            facts=Facts.from_dict(plain.check_type(data.get("facts", {}), dict)),
            rows=rows,
            stream=stream and cls._from_dict(plain.check_type(stream, dict), nested=True),
            units={
                _read_layer(item, numbers): Units.from_dict(item)
                for item in plain.check_type(data.get("units", []), list)
            },
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
    if name in _TEXTS:
        return np.array([*values], object)
    return np.array(values, np.int64 if name in _INTEGERS else np.float64)


def _table_to_dict(table: Table) -> dict[str, Any]:
    return {name: table[name].tolist() for name in table}


def _table_from_dict(name: TableName, data: Any) -> Table:
    columns: dict[str, list[Any]] = {
        c: plain.check_type(data[c], list) for c in TABLE_COLUMNS[name]
    }
    if len(data) != len(columns) or len(set(map(len, columns.values()))) != 1:
        raise ValueError(f"the columns of {name}")
    for column, values in columns.items():
        read_number = plain.read_whole if column in _INTEGERS else plain.read_real
        read = plain.read_text if column in _TEXTS else read_number
        columns[column] = [read(value) for value in values]
    return make_table(name, columns)


def _read_histogram_key(item: Any, numbers: Container[int]) -> tuple[Quantity, int]:
    what = item["what"]
    if what not in QUANTITIES:
        raise ValueError(f"a histogram of {what}")
    return what, _read_layer(item, numbers)


def _read_layer(item: Any, numbers: Container[int]) -> int:
    layer = plain.read_whole(item["layer"])
    if layer not in numbers:
        raise ValueError(f"layer {layer}")
    return layer
