"""The table of a sweep, and how it is written to a file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from gradflow.core.sweep.grid import Grid
from gradflow.core.sweep.measures import MEASURES, Fate
from gradflow.core.sweep.store import describe_grid


def make_table(grid: Grid, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make the table of what has been measured: one row per point and seed, in the grid's order.

    Points that are not possible have a row too; points that have not run yet have none.
    """
    points = grid.list_points()
    found = sorted(rows, key=lambda row: (row["cell"], row["seed"]))
    measured = {row["cell"] for row in found}
    impossible = [
        {"cell": cell, "seed": grid.base.seed, **dict.fromkeys(MEASURES, math.nan)}
        | {"verdict": str(Fate.IMPOSSIBLE), "precise": False, "profile": []}
        for cell, point in enumerate(points)
        if cell not in measured and grid.find_problem(point) is not None
    ]
    ordered = sorted([*found, *impossible], key=lambda row: (row["cell"], row["seed"]))
    table = pd.DataFrame([points[row["cell"]] | _leave_out_cell(row) for row in ordered])
    table.attrs["grid"] = describe_grid(grid)
    return table


def _leave_out_cell(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "cell"}
