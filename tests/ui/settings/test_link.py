"""Settings taken from a link."""

from typing import Any

import pytest

from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import Experiment
from gradflow.ui.settings.codecs import EXPERIMENTS
from gradflow.ui.settings.link import join_names, parse_link


class PairCodec:
    """Two whole numbers, of which the second is the larger one."""

    def list_names(self) -> set[str]:
        return {"low", "high"}

    def from_query(self, texts: dict[str, str]) -> tuple[int, int]:
        low, high = (int(texts.get(name, default)) for name, default in (("low", 1), ("high", 9)))
        if low >= high:
            raise InvalidExperiment("low: not below high", fields=("low", "high"))
        return low, high

    def describe_unused(self, texts: Any, settings: Any) -> str:
        return ""


@pytest.mark.parametrize(
    ("query", "expected", "problems"),
    [
        ({}, (1, 9), []),
        ({"low": "3"}, (3, 9), []),
        ({"low": "8", "high": "4"}, (1, 9), ["low: not below high"]),
        ({"low": "3", "utm_source": "mail", "fbclid": "x"}, (3, 9), []),
        ({"a": "3", "<b>": "4"}, (1, 9), []),
    ],
)
def test_what_is_possible_holds_and_only_impossible_values_are_named(query, expected, problems):
    link = parse_link(PairCodec(), query)
    assert link.settings == expected
    assert list(map(str, link.problems)) == problems


def test_defaults_complete_a_link_and_give_way_to_it():
    assert parse_link(PairCodec(), {"low": "3"}, {"low": "2", "high": "5"}).settings == (3, 5)


def test_an_error_without_a_name_drops_everything():
    class Picky(PairCodec):
        def from_query(self, texts: dict[str, str]) -> tuple[int, int]:
            if texts:
                raise InvalidExperiment("something is wrong")
            return 0, 0

    link = parse_link(Picky(), {"low": "1", "high": "2"})
    assert (link.settings, list(link.problems)) == ((0, 0), ["something is wrong"])


def test_settings_without_effect_are_named_with_what_makes_them_so():
    link = parse_link(EXPERIMENTS, {"dimension": "7", "depth": "5", "source": "digits"})
    assert link.settings.network.depth == 5
    (problem,) = link.problems
    assert "dimension=7 (no effect with source=digits)" in str(problem)
    assert parse_link(EXPERIMENTS, {}).settings == Experiment()


def test_names_are_cut_short():
    assert len(join_names(["x" * 10_000])) < 200
