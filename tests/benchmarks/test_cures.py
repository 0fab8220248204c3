"""How the benchmark of cures measures an order."""

from types import SimpleNamespace

import pytest

from benchmarks.cures import choose_places, correlate
from gradflow.core.remedies import Ranking


def test_an_order_is_compared_with_the_losses_that_are_known() -> None:
    order = Ranking(SimpleNamespace(code=code) for code in "abcde")
    assert correlate(order, {"a": 0.1, "c": 0.5, "e": 2.0}) == pytest.approx(1)
    assert correlate(order, {"a": 2.0, "b": 1.0, "c": 0.5, "d": 0.1}) == pytest.approx(-1)
    assert correlate(order, {"a": 0.1, "b": 0.5, "c": 0.2}) == pytest.approx(0.5)


def test_places_begin_and_end_with_the_list() -> None:
    assert choose_places(4, 10) == [0, 1, 2, 3]
    assert choose_places(21, 5) == [0, 5, 10, 15, 20]
