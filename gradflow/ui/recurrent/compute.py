"""Cached, admitted calls into core for the page on recurrent networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from gradflow.core.catalog import Cell
from gradflow.core.recurrent import clipping, factors, record, theory
from gradflow.core.recurrent.equation import GateEquation, build_gate_equation
from gradflow.core.recurrent.report import TimeReport
from gradflow.core.recurrent.spec import SequenceExperiment
from gradflow.core.recurrent.training import Moment, ShortTraining, train_cell
from gradflow.core.spec import Spec
from gradflow.ui.compute import ADMISSION
from gradflow.ui.long_work import ResultCache

_MAX_RESULTS = 32
"""Trained cells that are kept for all users."""
_BY_FIELDS: Any = dict.fromkeys(
    (SequenceExperiment, factors.FactorSettings, ShortTraining), Spec.model_dump_json
)


# Reports hold thousands of histograms: they are shared, never changed, and not copied.
@st.cache_resource(max_entries=12, show_spinner=False, hash_funcs=_BY_FIELDS)
def run_through_time(experiment: SequenceExperiment, sequence: int = 1) -> TimeReport:
    """Record one pass; ``sequence``, from 1, is kept unit by unit."""
    with ADMISSION:
        return record.through_time(experiment, sample=sequence - 1)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=_BY_FIELDS)
def predict_norms(experiment: SequenceExperiment, layer: int) -> theory.TimeTheory:
    """Predict the gradient norms of a layer by theory."""
    report = run_through_time(experiment)
    with ADMISSION:
        return theory.predict_through_time(report, layer)


@st.cache_data(max_entries=128, show_spinner=False, hash_funcs=_BY_FIELDS)
def build_equation(
    experiment: SequenceExperiment, sequence: int, code: str, step: int, unit: int, layer: int
) -> GateEquation:
    """Build the equation of one gate of one unit at one step."""
    report = run_through_time(experiment, sequence)
    with ADMISSION:
        return build_gate_equation(report, code, step=step, unit=unit, layer=layer)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=_BY_FIELDS)
def measure_factors(settings: factors.FactorSettings) -> list[factors.FactorCurve]:
    """Measure what every step back does to the gradient, on four kinds of paths."""
    with ADMISSION:
        return factors.compute_factor_curves(settings)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=_BY_FIELDS)
def clip_gradient(
    experiment: SequenceExperiment, norm: float, value: float
) -> tuple[clipping.ClippingReport, clipping.ClippingCourse]:
    """Clip the gradient by norm and by value, with these thresholds and with others."""
    with ADMISSION:
        return clipping.sweep_clipping(experiment, norm=norm, value=value)


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=_BY_FIELDS)
def measure_guessing(spec: ShortTraining) -> float:
    """Measure the loss of a guess that knows nothing of the sequences."""
    with ADMISSION:
        return spec.guessing


@st.cache_resource(show_spinner=False)
def _open_results() -> ResultCache:
    return ResultCache(_MAX_RESULTS)


def train_to_end(
    spec: ShortTraining,
    cell: Cell,
    advance: Callable[[Sequence[Moment]], None],
    waiting: Callable[[], None],
) -> tuple[Moment, ...]:
    """Train a cell to its end, or take the result from whoever did so with the same settings.

    Args:
        spec: the settings.
        cell: the cell.
        advance: called with all moments so far after each; may raise to stop.
        waiting: called again and again while someone else computes the same.
    """
    key = (spec.model_dump_json(), cell)
    return _open_results().get(key, lambda: _train(spec, cell, advance), waiting)


def _train(
    spec: ShortTraining, cell: Cell, advance: Callable[[Sequence[Moment]], None]
) -> tuple[Moment, ...]:
    """Train a cell; others may compute between two moments."""
    moments: list[Moment] = []
    with ADMISSION:
        training = train_cell(spec, cell)
    while True:
        with ADMISSION:
            moment = next(training, None)
        if moment is None:
            return tuple(moments)
        moments.append(moment)
        advance(moments)
