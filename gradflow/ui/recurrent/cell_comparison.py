"""All cells compared on the same data: what is left of their gradients, in words and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from gradflow.core.catalog import Cell
from gradflow.core.histogram import FloatArray
from gradflow.core.numbers import format_number
from gradflow.core.recurrent.findings import Break, find_break, follow_gradient
from gradflow.core.recurrent.report import STATE_SYMBOLS, State, TimeReport
from gradflow.core.text import _
from gradflow.ui.naming import join_with_and
from gradflow.ui.recurrent.words import CELL_NAMES, FAR, choose_lag

_LEFT = 1e-3
"""A share above which a gradient counts as still there; above the inverse it explodes."""


class NamedState(NamedTuple):
    """A state of a cell in the comparison of all cells.

    Attributes:
        name: of the cell, with the state's symbol where there are two.
        state: which.
        report: the cell's pass.
    """

    name: str
    state: State
    report: TimeReport


def list_states(reports: Mapping[Cell, TimeReport]) -> list[NamedState]:
    """List the hidden state of every cell, and the LSTM's cell state."""
    states: list[NamedState] = []
    for cell, report in reports.items():
        has_cell = report.experiment.network.row.has_cell
        name = _(CELL_NAMES[cell])
        states.append(NamedState(f"{name} (h)" if has_cell else name, "hidden", report))
        if has_cell:
            states.append(NamedState(f"{name} (c)", "cell", report))
    return states


def measure_remaining(report: TimeReport, state: State, layer: int) -> FloatArray:
    """Measure ‖∂L/∂s_{T−k}‖ / ‖∂L/∂s_T‖ for k from 0 to T − 1."""
    norms = report.column(f"{state}_grad_norm", layer)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: FloatArray = norms[::-1] / norms[-1]
    return ratios


def describe_survivors(states: Sequence[NamedState], layer: int) -> str:
    """Say which cells still have gradient far back, and where it explodes or is lost."""
    lag = choose_lag(states[0].report)
    shares = {name: report.remaining(lag, state, layer) for name, state, report in states}
    alive = [name for name, share in shares.items() if _LEFT < share <= 1 / _LEFT]
    exploding = [name for name, share in shares.items() if share > 1 / _LEFT]
    lost = [name for name, share in shares.items() if share <= _LEFT]
    text = (
        _("**{lag} steps back, {names} still have a gradient.**")
        if len(alive) > 1
        else _("**{lag} steps back, only {names} still has a gradient.**")
        if alive
        else _("**{lag} steps back, nothing useful is left in any of them.**")
    ).format(lag=lag, names=join_with_and(alive))
    if exploding:
        text += " " + _("It explodes in {names}.").format(names=join_with_and(exploding))
    if lost:
        text += " " + _("Less than {least} of it is left in {names}.").format(
            least=format_number(_LEFT), names=join_with_and(lost)
        )
    return text


def find_breaks(states: Sequence[NamedState], layer: int) -> list[tuple[NamedState, Break]]:
    """Find the states whose numbers break, and where."""
    breaks = [(row, find_break(row.report, row.state, layer)) for row in states]
    return [(row, end) for row, end in breaks if end is not None]


def count_steps_back(report: TimeReport, end: Break) -> int:
    """Count the steps from the loss back to a break."""
    return report.length - end.step


def describe_breaks(breaks: Sequence[tuple[NamedState, Break]]) -> str:
    """Say which cells break on their way forward, and in which the gradient does; may be empty."""
    sentences, backward = [], []
    for (name, state, report), end in breaks:
        if end.forward:
            text = _(
                "**{name}** breaks on its way forward: from step {step} on ${symbol}_t$ is not a "
                "finite number (too large for {dtype}), so there is no gradient."
            )
            sentences.append(
                text.format(
                    name=name, step=end.step, symbol=STATE_SYMBOLS[state], dtype=report.dtype
                )
            )
        else:
            distance = count_steps_back(report, end)
            text = _("{name} ({distance} steps back)")
            backward.append(text.format(name=name, distance=distance))
    if backward:
        text = _("On its way back the gradient breaks, too large for {dtype}, in {names}.")
        dtype = breaks[0][0].report.dtype
        sentences.append(text.format(dtype=dtype, names=join_with_and(backward)))
    return " ".join(sentences)


def tabulate_cells(states: Sequence[NamedState], layer: int) -> pd.DataFrame:
    """Make a table of the factor per step and of what is left, for every cell."""
    rows = []
    for name, state, report in states:
        course = follow_gradient(report, state, layer)
        lags = [lag for lag in (10, 50, FAR) if lag < report.length] or [report.length - 1]
        rows.append(
            {
                _("Cell"): name,
                _("Factor of one step back"): format_number(course.factor, 4),
                _("Steps for a factor of ten"): format_number(course.tenfold),
                **{
                    _("Left after {lag} steps").format(lag=lag): format_number(
                        report.remaining(lag, state, layer)
                    )
                    for lag in lags
                },
                _("Loss"): format_number(report.loss),
            }
        )
    return pd.DataFrame(rows)
