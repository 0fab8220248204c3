"""The delta table: a few numbers per setting, and how far they are from the reference's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gradflow.charts.compare.data import Entry
from gradflow.charts.figure import FloatArray, column
from gradflow.charts.theme import count, number, share
from gradflow.core.decay import Decay, fit_decay
from gradflow.core.report import Report
from gradflow.core.text import N_, _


@dataclass(frozen=True)
class Measure:
    """One row of the table.

    Attributes:
        title: what is measured.
        value: from a report; NaN where it does not apply.
        shown: a value as text.
        shown_difference: the size of a difference as text; ``None``: settings are compared by
            their quotient.
    """

    title: str
    value: Callable[[Report], float]
    shown: Callable[[float], str]
    shown_difference: Callable[[float], str] | None = None


def _decay(report: Report) -> Decay | None:
    return None if report.layers.empty else fit_decay(report)


def _factor(report: Report) -> float:
    found = _decay(report)
    return found.factor if found else math.nan


def _ratio(report: Report) -> float:
    found = _decay(report)
    return found.ratio if found else math.nan


def _mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _points(value: float) -> str:
    return _("{n} points").format(n=number(100 * value))


def _or_dash(shown: Callable[[float], str]) -> Callable[[float], str]:
    return lambda value: "–" if math.isnan(value) else shown(value)


MEASURES: tuple[Measure, ...] = (
    Measure(N_("Loss"), lambda r: r.loss, lambda v: number(v, 4), number),
    Measure(N_("Parameters"), lambda r: r.parameter_count, lambda v: count(int(v))),
    Measure(N_("Gradient factor per layer"), _factor, _or_dash(number)),
    Measure(N_("‖δ‖ first / last hidden layer"), _ratio, _or_dash(number)),
    Measure(
        N_("Dead units, mean over layers"),
        lambda r: _mean(r.dead_unit_share()),
        _or_dash(share),
        _points,
    ),
    Measure(
        N_("Saturated, mean over layers"),
        lambda r: _mean(column(r.layers, "saturated")),
        _or_dash(share),
        _points,
    ),
    Measure(N_("Time of the pass"), lambda r: r.seconds, lambda v: f"{number(1000 * v)} ms"),
)
"""The rows. *Gradient factor* and *first / last* are those of ``gradflow.core.decay``: exp
of minus the slope of log ‖δ_l‖ over the hidden layers, and ‖δ_first‖/‖δ_last‖."""


def measured(entries: Sequence[Entry]) -> pd.DataFrame:
    """The table as numbers, times in seconds, shares of 1.

    Columns: ``measure``, a column per letter, ``comparison`` (ratio or difference), and per letter
    but the first ``B_to_A``: the value divided by the reference's, or minus it.
    """
    values = np.array([[m.value(e.report) for e in entries] for m in MEASURES], np.float64)
    values = values.reshape(len(MEASURES), len(entries))
    table = pd.DataFrame(
        {
            "measure": [_(m.title) for m in MEASURES],
            **{e.letter: values[:, i] for i, e in enumerate(entries)},
            "comparison": [_("difference") if m.shown_difference else _("ratio") for m in MEASURES],
        }
    )
    for i, entry in enumerate(entries[1:], start=1):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            table[f"{entry.letter}_to_{entries[0].letter}"] = np.where(
                [m.shown_difference is None for m in MEASURES],
                values[:, i] / values[:, 0],
                values[:, i] - values[:, 0],
            )
    return table


def delta_table(entries: Sequence[Entry]) -> pd.DataFrame:
    """The table for reading: each value, and behind it ×ratio or ±difference to the reference."""
    numbers = measured(entries)
    table = pd.DataFrame({_("Measure"): numbers["measure"]})
    for i, entry in enumerate(entries):
        deltas = numbers[f"{entry.letter}_to_{entries[0].letter}"] if i else [math.nan] * len(table)
        table[entry.letter] = [
            _cell(measure, value, delta)
            for measure, value, delta in zip(MEASURES, numbers[entry.letter], deltas, strict=True)
        ]
    return table


def _cell(measure: Measure, value: float, delta: float) -> str:
    text = measure.shown(value)
    if math.isnan(delta):
        return text
    if measure.shown_difference is None:
        return f"{text}  (×{number(delta)})"
    sign = "±" if delta == 0 else "+" if delta > 0 else "−"
    return f"{text}  ({sign}{measure.shown_difference(abs(delta))})"
