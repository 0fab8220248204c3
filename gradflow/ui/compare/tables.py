"""The delta table: a few numbers per setting, and how far they are from the reference's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gradflow.charts.compare.data import ComparedSetting
from gradflow.charts.figure import FloatArray, read_column
from gradflow.core.decay import Decay, fit_decay
from gradflow.core.numbers import format_count, format_number, format_share
from gradflow.core.report import Report
from gradflow.core.text import N_, _


@dataclass(frozen=True)
class Measure:
    """One row of the table.

    Attributes:
        title: what is measured.
        value: from a report; NaN where it does not apply.
        format: writes a value.
        format_difference: writes the size of a difference; ``None``: settings are compared by
            their quotient.
    """

    title: str
    value: Callable[[Report], float]
    format: Callable[[float], str]
    format_difference: Callable[[float], str] | None = None


def _find_decay(report: Report) -> Decay | None:
    return None if report.layers.empty else fit_decay(report)


def _find_factor(report: Report) -> float:
    decay = _find_decay(report)
    return decay.factor if decay else math.nan


def _find_ratio(report: Report) -> float:
    decay = _find_decay(report)
    return decay.ratio if decay else math.nan


def _average(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _format_points(value: float) -> str:
    return _("{n} points").format(n=format_number(100 * value))


def _format_or_dash(write: Callable[[float], str]) -> Callable[[float], str]:
    return lambda value: "–" if math.isnan(value) else write(value)


MEASURES: tuple[Measure, ...] = (
    Measure(N_("Loss"), lambda r: r.loss, lambda v: format_number(v, 4), format_number),
    Measure(N_("Parameters"), lambda r: r.parameter_count, lambda v: format_count(int(v))),
    Measure(N_("Gradient factor per layer"), _find_factor, _format_or_dash(format_number)),
    Measure(N_("‖δ‖ first / last hidden layer"), _find_ratio, _format_or_dash(format_number)),
    Measure(
        N_("Dead units, mean over layers"),
        lambda r: _average(r.dead_unit_share()),
        _format_or_dash(format_share),
        _format_points,
    ),
    Measure(
        N_("Saturated, mean over layers"),
        lambda r: _average(read_column(r.layers, "saturated")),
        _format_or_dash(format_share),
        _format_points,
    ),
    Measure(N_("Time of the pass"), lambda r: r.seconds, lambda v: f"{format_number(1000 * v)} ms"),
)
"""The rows. *Gradient factor* and *first / last* are those of ``gradflow.core.decay``: exp
of minus the slope of log ‖δ_l‖ over the hidden layers, and ‖δ_first‖/‖δ_last‖."""


def measure_settings(entries: Sequence[ComparedSetting]) -> pd.DataFrame:
    """Make the table as numbers, times in seconds, shares of 1.

    Columns: ``measure``, a column per letter, ``comparison`` (ratio or difference), and per letter
    but the first ``B_to_A``: the value divided by the reference's, or minus it.
    """
    values = np.array([[m.value(e.report) for e in entries] for m in MEASURES], np.float64)
    values = values.reshape(len(MEASURES), len(entries))
    table = pd.DataFrame(
        {
            "measure": [_(m.title) for m in MEASURES],
            **{e.letter: values[:, i] for i, e in enumerate(entries)},
            "comparison": [
                _("difference") if m.format_difference else _("ratio") for m in MEASURES
            ],
        }
    )
    for i, entry in enumerate(entries[1:], start=1):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            table[f"{entry.letter}_to_{entries[0].letter}"] = np.where(
                [m.format_difference is None for m in MEASURES],
                values[:, i] / values[:, 0],
                values[:, i] - values[:, 0],
            )
    return table


def make_delta_table(entries: Sequence[ComparedSetting]) -> pd.DataFrame:
    """Make the table for reading: each value, then its ×ratio or ±difference to the reference."""
    numbers = measure_settings(entries)
    table = pd.DataFrame({_("Measure"): numbers["measure"]})
    for i, entry in enumerate(entries):
        deltas = numbers[f"{entry.letter}_to_{entries[0].letter}"] if i else [math.nan] * len(table)
        table[entry.letter] = [
            _format_cell(measure, value, delta)
            for measure, value, delta in zip(MEASURES, numbers[entry.letter], deltas, strict=True)
        ]
    return table


def _format_cell(measure: Measure, value: float, delta: float) -> str:
    text = measure.format(value)
    if math.isnan(delta):
        return text
    if measure.format_difference is None:
        return f"{text}  (×{format_number(delta)})"
    sign = "±" if delta == 0 else "+" if delta > 0 else "−"
    return f"{text}  ({sign}{measure.format_difference(abs(delta))})"
