"""Tables and mappings of results that many readers share, and that none of them can change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

K = TypeVar("K")
V = TypeVar("V")


class Table:
    """Named columns that cannot be changed; a data frame is made when it is looked at.

    Making a frame takes a millisecond or two, and a report has three; who computes with a few
    columns takes them as arrays.

    Args:
        columns: arrays of one length, which become read-only; texts in arrays of objects.
        index: labels of the rows in the frame, from 0 by default.
    """

    def __init__(
        self, columns: Mapping[str, npt.NDArray[Any]], index: pd.Index[Any] | None = None
    ) -> None:
        self._columns = dict(columns)
        self._index = index
        self._frame: pd.DataFrame | None = None
        for column in self._columns.values():
            column.setflags(write=False)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Self:
        """Make a table of a copy of a frame, whose texts must be all the objects in it."""
        columns = {str(name): column.to_numpy(copy=True) for name, column in frame.items()}
        return cls(columns, frame.index)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._columns[name]

    def get_numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column of numbers as float64."""
        return np.asarray(self._columns[name], np.float64)

    def take_none(self) -> Self:
        """Make a table with these columns and no rows."""
        return type(self)({name: column[:0] for name, column in self._columns.items()})

    def to_frame(self) -> pd.DataFrame:
        """Return a frame of one's own: writing into it changes neither the table nor others'."""
        if self._frame is None:
            columns = {
                name: pd.Series(column, self._index, "str") if column.dtype == object else column
                for name, column in self._columns.items()
            }
            self._frame = pd.DataFrame(columns, self._index, copy=False)
        return self._frame.copy(deep=False)  # pandas copies a column when it is written to


class TableField:
    """A field of a dataclass that is given as a table or a frame, and read as a frame."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"_{name}"

    def __get__(self, instance: Any, owner: type) -> pd.DataFrame:
        if instance is None:
            raise AttributeError(self._slot)  # so that the field has no default
        return get_table(instance, self._slot[1:]).to_frame()

    def __set__(self, instance: Any, value: Table | pd.DataFrame) -> None:
        table = value if isinstance(value, Table) else Table.from_frame(value)
        vars(instance)[self._slot] = table


def get_table(instance: Any, name: str) -> Table:
    """Return the table behind a ``TableField``."""
    table: Table = vars(instance)[f"_{name}"]
    return table


class FrozenMapping(Mapping[K, V]):
    """A copy of a mapping that cannot be changed, and that can be pickled."""

    def __init__(self, values: Mapping[K, V]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: K) -> V:
        return self._values[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._values!r})"


def freeze_mappings(instance: Any, *names: str) -> None:
    """Freeze mappings among the fields of a frozen dataclass, in its ``__post_init__``."""
    for name in names:
        values = vars(instance)[name]
        if values is not None and not isinstance(values, FrozenMapping):
            object.__setattr__(instance, name, FrozenMapping(values))
