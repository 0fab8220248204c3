"""Where sliders stop."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gradflow.core import codec
from gradflow.core.spec import find_bounds
from gradflow.ui.toolbar.marks import list_marks

FIELDS = {
    f"{part.__name__}.{name}": field
    for part in codec.PARTS
    for name, field in part.model_fields.items()
    if field.annotation in (int, float)
}


@pytest.mark.parametrize("name", FIELDS)
def test_marks_of_every_setting_are_allowed_and_in_order(name: str) -> None:
    field = FIELDS[name]
    low, high, _excluded = find_bounds(field)
    assert low is not None
    assert high is not None
    marks = list_marks(low, high, whole=field.annotation is int, usual=float(field.default))
    assert marks == sorted(set(marks))
    assert len(marks) <= 350
    if high > 1e6 and field.annotation is int:
        assert marks == []
        return
    assert low <= marks[0]
    assert marks[-1] == high or high - marks[-1] < 0.2 * high
    if field.annotation is int:
        assert all(type(mark) is int for mark in marks)
        assert field.default in marks
        assert {2**n for n in range(13) if low <= 2**n <= high} <= set(marks)


def test_a_step_changes_a_number_by_less_than_a_fifth() -> None:
    marks = [mark for mark in list_marks(0, 100, whole=False, usual=1) if mark > 0]
    assert marks[0] == 0.01
    assert all(1.04 < b / a < 1.26 for a, b in pairwise(marks))


def test_both_signs_have_the_same_marks() -> None:
    marks = list_marks(-10, 10, whole=False, usual=0.01)
    assert marks == [-mark for mark in reversed(marks)]
    assert 0.0 in marks
