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
from gradflow.core.sweep.measures import MEASURES, Fate
from gradflow.core.sweep.store import describe_grid
from gradflow.core.text import Text

WRITERS: dict[str, Callable[..., Any]] = {
    ".parquet": pd.DataFrame.to_parquet,
    ".csv": pd.DataFrame.to_csv,
}
"""What writes a table, by how the name of its file ends."""
_MORE = ("verdict", "precise", "profile")
_MISSING: dict[str, Any] = {"precise": True, "profile": None}


def make_table(grid: Grid, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make the table of what has been measured: one row per point and seed, in the grid's order.

    Points that are not possible have a row too; points that have not run yet have none.
    """
    points = grid.list_points()
    impossible = [
        {"cell": cell, "seed": grid.base.seed, **dict.fromkeys(MEASURES, math.nan)}
        | {"verdict": str(Fate.IMPOSSIBLE), "precise": False, "profile": []}
        for cell, experiment in enumerate(grid.experiments)
        if experiment is None
    ]
    ordered = sorted([*rows, *impossible], key=lambda row: (row["cell"], row["seed"]))
    table = pd.DataFrame(
        [points[row["cell"]] | row for row in ordered],
        columns=[*grid.axes, *(() if "seed" in grid.axes else ("seed",)), *MEASURES, *_MORE],
    )
    table.attrs["grid"] = describe_grid(grid)
    return table


def shape_column(grid: Grid, table: pd.DataFrame, column: str) -> npt.NDArray[Any]:
    """Arrange a column of a sweep's table as an array ``(*grid.shape, seeds)``.

    What a point that is not possible or has not run has there: NaN, true of ``precise``, ``None``
    of ``profile``.
    """
    places = [{repr(value): i for i, value in enumerate(values)} for values in grid.axes.values()]
    known = table[table["verdict"] != Fate.IMPOSSIBLE]
    shaped: npt.NDArray[Any] = np.full(
        (*grid.shape, grid.seeds),
        _MISSING.get(column, math.nan),
        dtype=object if column == "profile" else None,
    )
    columns = [known[name].tolist() for name in (*grid.axes, "seed", column)]
    for *point, seed, value in zip(*columns, strict=True):
        index = tuple(place[repr(v)] for place, v in zip(places, point, strict=True))
        first = point[list(grid.axes).index("seed")] if "seed" in grid.axes else grid.base.seed
        shaped[(*index, seed - first)] = value
    return shaped


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
