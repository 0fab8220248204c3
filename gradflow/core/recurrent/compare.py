"""All cells on the same data."""

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
    """The same experiment with another cell and ``settings`` of ``Recurrent``.

    Settings that the cell does not have are left out.
    """
    values = dict(experiment.network) | settings | {"cell": cell}
    network = Recurrent(**{name: values[name] for name in Recurrent.applicable(values)})
    return SequenceExperiment(**dict(experiment) | {"network": network})


def compare_cells(
    experiment: SequenceExperiment,
    cells: Sequence[Cell] = tuple(Cell),
    progress: Progress | None = None,
    **settings: Any,
) -> dict[Cell, TimeReport]:
    """One report per cell: same sequences, same sizes, same settings where the cell has them.

    Args:
        experiment: what is shared; its own cell plays no part.
        cells: which cells.
        progress: called before the first and after each.
        settings: of ``Recurrent``, for the cells that have them, such as ``forget_bias=3``.

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
