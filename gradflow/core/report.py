"""The result of one probe: tables and histograms as plain numbers, with no live tensors."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from gradflow.core.errors import GradflowError, InvalidReport
from gradflow.core.histogram import Histogram

Quantity = Literal[
    "preactivation", "activation", "delta", "activation_grad", "weight", "weight_grad"
]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

FORMAT = "gradflow-report"
VERSION = 1
TABLES = ("signals", "layers", "parameters")
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True, eq=False)
class Report:
    """What one forward and one backward pass through a network looked like.

    Attributes:
        loss: the loss as reduced by the loss function (not multiplied by a loss scale).
        signals: one row per recorded module output, in execution order.
        layers: one row per layer, a weight module and all that runs after it up to the next.
        parameters: one row per parameter tensor.
        histograms: ``{(what, layer): Histogram}``.
        parameter_count: number of scalar parameters of the model.
        seconds: wall time of the recorded pass.
        device: where it ran, e.g. ``cpu``.
        dtype: the number format of the forward signal, e.g. ``float32``.
        smallest_normal, smallest: smallest normal and smallest positive number that gradients
            could take: those of the dtype, divided by the loss scale.
        loss_scale: factor on the loss during the backward pass; gradients are shown without it.
        title: one line that names the network.
        experiment: the spec as plain data if an ``Experiment`` was run, else ``None``.
    """

    loss: float
    signals: pd.DataFrame
    layers: pd.DataFrame
    parameters: pd.DataFrame
    histograms: Mapping[tuple[Quantity, int], Histogram]
    parameter_count: int
    seconds: float
    device: str
    dtype: str
    smallest_normal: float
    smallest: float
    loss_scale: float = 1.0
    title: str = ""
    experiment: Mapping[str, Any] | None = field(default=None)

    def histogram(self, what: Quantity, layer: int) -> Histogram:
        """The histogram of ``what`` in ``layer`` (numbered from 1 at the input side).

        Raises:
            GradflowError: no such quantity or layer, or nothing was recorded for it.
        """
        try:
            return self.histograms[what, int(layer)]
        except KeyError:
            if what not in QUANTITIES:
                raise GradflowError(
                    f"what: {what!r} is not a quantity; choose one of {', '.join(QUANTITIES)}"
                ) from None
            raise GradflowError(
                f"layer: no {what} was recorded for layer {layer!r}; "
                f"layers run from 1 to {len(self.layers)}"
            ) from None

    def to_json(self) -> str:
        """Strict JSON (non-finite numbers as the strings NaN, Infinity, -Infinity)."""
        data = {
            "format": FORMAT,
            "version": VERSION,
            **{
                name: getattr(self, name)
                for name in self.__dataclass_fields__
                if name not in (*TABLES, "histograms")
            },
            **{name: _table_to_dict(getattr(self, name)) for name in TABLES},
            "histograms": [
                {"what": what, "layer": layer, **histogram.to_dict()}
                for (what, layer), histogram in self.histograms.items()
            ],
        }
        return json.dumps(_encode(data), allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """Inverse of :meth:`to_json`.

        Raises:
            InvalidReport: the text is not JSON, not a report, damaged, or of another version.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidReport(f"report: this is not JSON ({error})") from error
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InvalidReport("report: this JSON was not saved by GradFlow (no format mark)")
        if data.get("version") != VERSION:
            raise InvalidReport(
                f"report: format version {data.get('version')!r} is not readable; "
                f"this GradFlow reads version {VERSION}"
            )
        try:
            return cls(
                **{name: _table_from_dict(data[name]) for name in TABLES},
                histograms={
                    (item["what"], int(item["layer"])): Histogram.from_dict(item)
                    for item in data["histograms"]
                },
                **{name: float(_decode(data[name])) for name in _FLOATS},
                **{name: str(data[name]) for name in ("device", "dtype", "title")},
                parameter_count=int(data["parameter_count"]),
                experiment=data["experiment"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidReport(f"report: the file is damaged ({error!r})") from error

    def save(self, path: str | Path) -> None:
        """Write the report as JSON."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """Read a report written by :meth:`save`; raises ``InvalidReport`` if it is not one."""
        return cls.from_json(Path(path).read_bytes())


_FLOATS = ("loss", "seconds", "smallest_normal", "smallest", "loss_scale")


def _encode(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    return value


def _decode(value: Any) -> Any:
    return _NON_FINITE.get(value, value) if isinstance(value, str) else value


def _table_to_dict(table: pd.DataFrame) -> dict[str, Any]:
    return {
        name: {"dtype": str(column.dtype), "values": column.tolist()}
        for name, column in table.items()
    }


def _table_from_dict(data: dict[str, Any]) -> pd.DataFrame:
    columns = {}
    for name, column in data.items():
        values, dtype = column["values"], column["dtype"]
        numeric = dtype in ("int64", "float64")
        decoded = [_decode(v) if numeric else v for v in values]
        columns[name] = pd.Series(decoded, dtype=dtype if numeric else "str")
    return pd.DataFrame(columns)
