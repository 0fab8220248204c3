"""What becomes of the settings of a link."""

import pytest

from gradflow.core.errors import InvalidExperiment
from gradflow.ui.forged import made, names


def pair(texts):
    """Two whole numbers, of which the second is the larger one."""
    low, high = (int(texts.get(name, default)) for name, default in (("low", 1), ("high", 9)))
    if low >= high:
        raise InvalidExperiment("low: not below high", fields=("low", "high"))
    return low, high


@pytest.mark.parametrize(
    ("texts", "expected", "problems"),
    [
        ({}, (1, 9), []),
        ({"low": "3"}, (3, 9), []),
        ({"low": "8", "high": "4"}, (1, 9), ["low: not below high"]),
        ({"low": "3", "<b>": "4"}, (3, 9), ["<b>: there is no such setting here"]),
        ({"a": "3", "b": "4"}, (1, 9), ["a, b: there is no such setting here"]),
    ],
)
def test_what_is_possible_holds_and_the_rest_is_named(texts, expected, problems):
    found, link = made(pair, texts, {"low", "high"})
    assert found == expected
    assert link.problems == problems
    assert set(link.used) == {name for name in texts if name in {"low", "high"}} - (
        {"low", "high"} if "low: not below high" in problems else set()
    )


def test_an_error_without_a_name_drops_everything():
    def picky(texts):
        if texts:
            raise InvalidExperiment("something is wrong")
        return "usual"

    found, link = made(picky, {"low": "1", "high": "2"}, {"low", "high"})
    assert (found, link.problems, link.used) == ("usual", ["something is wrong"], {})


def test_names_are_cut_short():
    assert len(names(["x" * 10_000])) < 200
