"""What a server's owner sets: numbers and switches, and a sentence for everything else."""

from __future__ import annotations

import pytest

from gradflow.core import environment


@pytest.mark.parametrize("text", ["", "  "])
def test_a_variable_without_a_value_is_as_if_it_were_not_there(text, monkeypatch):
    for name in (environment.MAX_GIB, environment.MAX_TRAINING_TFLOP, environment.PROCESSES):
        monkeypatch.setenv(name, text)
    assert environment.read_limits()[0] == environment.DEFAULT_MAX_GIB
    assert environment.read_training_limit() == environment.DEFAULT_MAX_TRAINING_TFLOP
    assert environment.count_processes() == 1
    assert not environment.read_switch("GRADFLOW_METRICS", text)


@pytest.mark.parametrize("text", ["abc", "0", "-2", "nan", "inf", "1e999", "2GiB", "١x"])
def test_an_impossible_limit_is_named_with_its_value(text, monkeypatch):
    monkeypatch.setenv(environment.MAX_GIB, text)
    with pytest.raises(environment.InvalidEnvironment) as caught:
        environment.read_limits()
    assert not isinstance(caught.value, ValueError)  # settings would be blamed for it
    expected = f'GRADFLOW_MAX_GIB: "{text}" is not allowed; choose a number above 0'
    assert str(caught.value) == expected


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "two", "1025", "9" * 5000, "²"])
def test_an_impossible_number_of_processes(text, monkeypatch):
    monkeypatch.setenv(environment.PROCESSES, text)
    with pytest.raises(environment.InvalidEnvironment, match="a whole number from 1 to 1,024"):
        environment.count_processes()


def test_a_switch_is_on_or_off():
    assert [environment.read_switch("X", text) for text in ("1", "True", "on", "0", "OFF")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(environment.InvalidEnvironment, match=r'^X: "maybe" .* 1 or 0'):
        environment.read_switch("X", "maybe")
