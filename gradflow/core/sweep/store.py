"""The file of a sweep that is under way: what is done, so that it can go on after an interruption.

A line of JSON that says which sweep it is, then a line per job. A line that was cut off is left
out, and its networks run again.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from gradflow.core import plain
from gradflow.core.codec import to_query
from gradflow.core.errors import GradflowError
from gradflow.core.sweep.grid import Grid
from gradflow.core.sweep.measures import MEASURES, Fate
from gradflow.core.text import Text

FORMAT = "gradflow-sweep"
VERSION = 2


def describe_grid(grid: Grid) -> str:
    """Write a grid as JSON: its base, axes and seeds."""
    data = {
        "format": FORMAT,
        "version": VERSION,
        "base": to_query(grid.base),
        "axes": {name: list(values) for name, values in grid.axes.items()},
        "seeds": grid.seeds,
    }
    return json.dumps(plain.encode(data), allow_nan=False)


class Store:
    """Rows of a grid in a file, which ``add`` extends; use it as a context manager.

    Attributes:
        rows: those that were in the file when it was opened.

    Raises:
        GradflowError: the file is of another sweep or of something else, or cannot be written.
    """

    def __init__(self, path: Path, grid: Grid) -> None:
        self._path = path
        self._grid = grid
        self.rows: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        header = describe_grid(self._grid)
        try:
            lines = (
                self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
            )
            if lines and lines[0] != header:
                message = Text(
                    "file: {path} is not of this sweep; choose another name, or remove it",
                    path=str(self._path),
                )
                raise GradflowError(message)
            for line in lines[1:]:
                self.rows += self._read_rows(line)
            # Written anew, so that a line that was cut off does not spoil the next.
            self._file: TextIO = self._path.open("w", encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = Text(
                "file: {path} cannot be used ({error})", path=str(self._path), error=str(error)
            )
            raise GradflowError(message) from error
        self._file.write(header + "\n")
        if self.rows:
            self.add(self.rows)
        self._file.flush()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Append the rows of a job."""
        texts = [row | {"problem": str(row["problem"])} for row in rows]
        self._file.write(json.dumps(plain.encode(texts), allow_nan=False) + "\n")
        self._file.flush()

    def _read_rows(self, line: str) -> list[dict[str, Any]]:
        try:
            return [_read_row(row) for row in plain.check_type(plain.parse(line), list)]
        except ValueError:
            return []


def _read_row(data: Any) -> dict[str, Any]:
    row = plain.check_type(data, dict)
    return {
        "cell": plain.read_field(row, "cell", plain.read_whole),
        "seed": plain.read_field(row, "seed", plain.read_whole),
        **{name: plain.read_field(row, name, plain.read_real) for name in MEASURES},
        "verdict": str(Fate(plain.read_field(row, "verdict", plain.read_text))),
        "precise": plain.check_type(row.get("precise"), bool),
        "problem": plain.read_field(row, "problem", plain.read_text),
        "profile": [plain.read_real(v) for v in plain.check_type(row.get("profile"), list)],
    }
