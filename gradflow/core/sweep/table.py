"""The table of a sweep, and how it is written to a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gradflow.core.errors import GradflowError
from gradflow.core.sweep.grid import Grid
from gradflow.core.sweep.jobs import make_impossible_row
from gradflow.core.sweep.measures import MEASURES, Fate
from gradflow.core.sweep.store import describe_grid
from gradflow.core.text import Text

WRITERS: dict[str, Callable[..., Any]] = {
    ".parquet": pd.DataFrame.to_parquet,
    ".csv": pd.DataFrame.to_csv,
}
"""What writes a table, by how the name of its file ends."""
_MORE = ("verdict", "precise", "profile", "problem")
_MISSING: dict[str, Any] = {"precise": True, "profile": None, "verdict": None, "problem": ""}
_WORDS = ("profile", "verdict", "problem")
"""Columns that are no numbers."""


def make_table(grid: Grid, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make the table of what has been measured: one row per point and seed, in the grid's order.

    Points that are not possible have a row too; points that have not run yet have none.
    """
    points, names = grid.list_points(), list_axis_columns(grid)
    impossible = [
        {"cell": cell, "seed": grid.base.seed} | make_impossible_row(problem)
        for cell, problem in grid.problems.items()
    ]
    ordered = sorted([*rows, *impossible], key=lambda row: (row["cell"], row["seed"]))
    table = pd.DataFrame(
        [
            {**row, "problem": str(row["problem"])}
            | dict(zip(names, points[row["cell"]].values(), strict=True))
            for row in ordered
        ],
        columns=[*names, *(() if "seed" in grid.axes else ("seed",)), *MEASURES, *_MORE],
    )
    table.attrs["grid"] = describe_grid(grid)
    return table


def list_axis_columns(grid: Grid) -> list[str]:
    """List the columns of the axes; one that is also a measure, the loss, has its full name."""
    return [f"experiment.{name}" if name in MEASURES else name for name in grid.axes]


def shape_column(grid: Grid, table: pd.DataFrame, column: str) -> npt.NDArray[Any]:
    """Arrange a column of a sweep's table as an array ``(*grid.shape, seeds)``.

    What a point that is not possible or has not run has there: NaN, true of ``precise``, ``None``
    of ``profile``. A point that is not possible has its ``verdict`` and ``problem``, at the first
    seed.
    """
    places = [
        {_make_key(value): i for i, value in enumerate(values)} for values in grid.axes.values()
    ]
    known = table if column in _WORDS else table[table["verdict"] != Fate.IMPOSSIBLE]
    shaped: npt.NDArray[Any] = np.full(
        (*grid.shape, grid.seeds),
        _MISSING.get(column, math.nan),
        dtype=object if column in _WORDS else None,
    )
    columns = [known[name].tolist() for name in (*list_axis_columns(grid), "seed", column)]
    for *point, seed, value in zip(*columns, strict=True):
        index = tuple(place[_make_key(v)] for place, v in zip(places, point, strict=True))
        first = point[list(grid.axes).index("seed")] if "seed" in grid.axes else grid.base.seed
        shaped[(*index, seed - first)] = value
    return shaped


def _make_key(value: Any) -> str:
    """Make the key of an axis' value, which a column of other numbers has turned into a float."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return repr(float(value)) if is_number else repr(value)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as the name of the file says, which ends as one of ``WRITERS``.

    Raises:
        GradflowError: the file cannot be written.
    """
    try:
        WRITERS[path.suffix.lower()](table, path, index=False)
    except (OSError, ImportError) as error:
        message = Text("file: {path} cannot be written ({error})", path=str(path), error=str(error))
        raise GradflowError(message) from error
