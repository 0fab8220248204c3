"""Comparisons of all cells on the same data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradflow.core.catalog import Cell
from gradflow.core.recurrent.record import through_time
from gradflow.core.recurrent.report import TimeReport
from gradflow.core.recurrent.spec import Recurrent, SequenceExperiment

Progress = Callable[[int, int], None]
"""Called with how many parts are done and how many there are; may raise to stop."""


def replace_cell(experiment: SequenceExperiment, cell: Cell, **settings: Any) -> SequenceExperiment:
    """Replace the cell of an experiment, and the given settings of ``Recurrent``.

    Settings that the cell does not have are left out.
    """
    values = dict(experiment.network) | settings | {"cell": cell}
    network = Recurrent(**{name: values[name] for name in Recurrent.list_applicable(values)})
    return SequenceExperiment(**dict(experiment) | {"network": network})


def compare_cells(
    experiment: SequenceExperiment,
    cells: Sequence[Cell] = tuple(Cell),
    progress: Progress | None = None,
    **settings: Any,
) -> dict[Cell, TimeReport]:
    """Run the experiment with each cell: same sequences, same sizes, same settings if it has them.

    Args:
        experiment: the shared settings; its own cell plays no part.
        cells: the cells to compare.
        progress: called before the first and after each.
        settings: settings of ``Recurrent``, for the cells that have them: ``forget_bias=3``, say.

    Raises:
        InvalidExperiment: a setting is impossible, or a cell needs more than is allowed.
    """
    members = [replace_cell(experiment, cell, **settings) for cell in cells]
    reports = {}
    for done, (cell, member) in enumerate(zip(cells, members, strict=True)):
        if progress is not None:
            progress(done, len(members))
        reports[cell] = through_time(member)
    if progress is not None:
        progress(len(members), len(members))
    return reports
