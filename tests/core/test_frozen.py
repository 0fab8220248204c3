"""Tables and mappings that nobody can change."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from gradflow.core.frozen import FrozenMapping, Table, TableField, freeze_mappings, get_table

FRAME = pd.DataFrame(
    {
        "layer": np.array([3, 1, 2]),
        "norm": [0.5, np.nan, np.inf],
        "module": pd.Series(["a", "", "ü"], dtype="str"),
        "flag": [True, False, True],
    }
)


@dataclass(frozen=True, kw_only=True)
class Holder:
    name: str
    rows: TableField = TableField()
    more: dict[str, int] | None = None

    def __post_init__(self) -> None:
        freeze_mappings(self, "more")


@pytest.mark.parametrize(
    "frame", [FRAME, FRAME.iloc[:0], FRAME.set_index(pd.Index([7, 8, 9])), pd.DataFrame()]
)
def test_a_frame_comes_back_as_it_was(frame: pd.DataFrame) -> None:
    table = Table.from_frame(frame)
    pd.testing.assert_frame_equal(table.to_frame(), frame)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(table)).to_frame(), frame)
    assert len(table) == len(frame)
    assert list(table) == list(frame)


def test_columns_are_read_as_arrays_that_cannot_be_written() -> None:
    table = Table.from_frame(FRAME)
    assert table["module"].tolist() == ["a", "", "ü"]
    assert table.get_numbers("layer").dtype == np.float64
    np.testing.assert_array_equal(table.get_numbers("norm"), [0.5, np.nan, np.inf])
    assert "norm" in table
    assert "other" not in table
    for name in table:
        with pytest.raises(ValueError, match="read-only"):
            table[name][0] = table[name][1]
    assert len(table.take_none()) == 0
    assert list(table.take_none()) == list(table)


def test_writing_into_one_frame_changes_no_other() -> None:
    table = Table.from_frame(FRAME)
    mine, other = table.to_frame(), table.to_frame()
    mine.loc[:, "norm"] = -1.0
    mine.loc[0, "module"] = "mine"
    mine["layer"] += 10
    mine["new"] = 0
    pd.testing.assert_frame_equal(other, FRAME)
    pd.testing.assert_frame_equal(table.to_frame(), FRAME)
    assert table["layer"].tolist() == [3, 1, 2]


def test_the_frame_a_table_was_made_of_may_be_changed() -> None:
    frame = FRAME.copy()
    table = Table.from_frame(frame)
    frame.loc[:, "norm"] = -1.0
    frame["layer"] = 0
    pd.testing.assert_frame_equal(table.to_frame(), FRAME)


def test_a_field_takes_a_table_or_a_frame_and_has_no_default() -> None:
    holder = Holder(name="x", rows=FRAME)
    pd.testing.assert_frame_equal(holder.rows, FRAME)
    assert Holder(name="y", rows=get_table(holder, "rows")).rows.equals(holder.rows)
    renamed = replace(holder, name="z")
    pd.testing.assert_frame_equal(renamed.rows, FRAME)
    for duplicate in (copy.deepcopy(holder), pickle.loads(pickle.dumps(holder))):
        pd.testing.assert_frame_equal(duplicate.rows, FRAME)
    with pytest.raises(TypeError, match="rows"):
        Holder(name="x")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        holder.rows = FRAME  # type: ignore[misc]


def test_a_frozen_mapping_is_a_copy_that_reads_like_a_dictionary() -> None:
    own = {"a": 1, "b": 2}
    holder = Holder(name="x", rows=FRAME, more=own)
    own["a"] = 9
    assert holder.more == {"a": 1, "b": 2}
    assert holder.more == {"a": 1, "b": 2}
    assert holder.more != {"a": 9, "b": 2}
    assert isinstance(holder.more, FrozenMapping)
    assert {**holder.more} == {"a": 1, "b": 2}
    assert pickle.loads(pickle.dumps(holder.more)) == holder.more
    with pytest.raises(TypeError):
        holder.more["a"] = 5  # type: ignore[index]
    assert replace(holder, more=None).more is None
