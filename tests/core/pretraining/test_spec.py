"""Specs of pretraining: what applies, what is refused, and that messages say how to mend it."""

import pytest

from gradflow.core.errors import InvalidExperiment
from gradflow.core.pretraining.spec import (
    METHODS,
    STARTS,
    FineTuning,
    Method,
    Stack,
    Start,
    Transfer,
)
from gradflow.core.pretraining.transfer import WAYS, Way
from gradflow.core.teaching.fields import to_query


@pytest.mark.parametrize(
    "spec", [Stack(), FineTuning(starts="relu_small"), Transfer(first="97", task="others")]
)
def test_specs_survive_the_address(spec):
    fields = to_query(spec)
    assert type(spec)(**{name: fields[name] for name in spec.list_applicable(dict(spec))}) == spec


def test_starts_and_digits_are_put_in_order():
    assert FineTuning(starts="relu_pretrained").starts == ("pretrained", "relu")
    assert Transfer(first="9110").first == "019"
    assert Transfer(first="019", task="others").new == "2345678"
    assert Transfer(first="019").new == "0123456789"


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        (Stack, {"method": "svm"}, ("method", "svm", "rbm, autoencoder")),
        (Stack, {"k": 99}, ("k", "99", "1 to 10")),
        (Stack, {"method": "autoencoder", "k": 3}, ("k", "3", "no effect", "autoencoder")),
        (Stack, {"activation": "tanh"}, ("activation", "tanh", "no effect", "rbm")),
        (Stack, {"method": "autoencoder", "activation": "gelu"}, ("gelu", "sigmoid, tanh, relu")),
        (Stack, {"learning_rate": "nan"}, ("learning_rate", "nan", "0.001 to 1")),
        (FineTuning, {"starts": "moon"}, ("starts", "moon", "pretrained, small")),
        (FineTuning, {"starts": ()}, ("starts", "pretrained, small")),
        (FineTuning, {"labelled": 5000}, ("labelled", "5000", "20 to 1,297")),
        (Transfer, {"first": "4"}, ("first", "4", "two to ten")),
        (Transfer, {"first": "0123456789", "task": "others"}, ("first", "two to eight")),
        (Transfer, {"layers": 2, "reused": 3}, ("reused", "3", "from 1 to 2")),
    ],
)
def test_refusals_name_field_value_and_range(kind, fields, words):
    with pytest.raises(InvalidExperiment) as error:
        kind(**fields)
    for word in words:
        assert word in str(error.value)
    assert set(error.value.fields) <= set(fields)
    assert error.value.fields


def test_only_what_the_method_uses_applies():
    rbm, autoencoder = Stack().list_applicable({}), Stack.list_applicable({"method": "autoencoder"})
    assert {"k", "sampled"} <= set(rbm)
    assert "activation" not in rbm
    assert "activation" in autoencoder
    assert not {"k", "sampled"} & set(autoencoder)


def test_the_stack_of_a_fine_tuning_is_its_own_with_any_seed():
    spec = FineTuning(method="autoencoder", activation="tanh", width=32, epochs=3, seed=5)
    expected = {"method": "autoencoder", "activation": "tanh", "width": 32, "epochs": 3}
    assert spec.build_stack() == Stack(**expected, seed=5)
    assert spec.build_stack(7) == Stack(**expected, seed=7)


def test_every_choice_has_a_row():
    for table, codes in ((METHODS, Method), (STARTS, Start), (WAYS, Way)):
        assert set(table) == set(codes)
