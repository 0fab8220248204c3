"""Experiments as URL fields, and back."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import gradflow as gf
from gradflow.core.codec import from_fields, from_query, list_field_names, to_fields, to_query
from tests.core.strategies import ANYTHING, TEXTS, catch_refusal, experiments, queries


@given(experiments())
@settings(max_examples=300, deadline=None)
def test_a_url_carries_every_setting(experiment):
    query = to_query(experiment)
    assert from_query(query) == experiment
    assert from_query(dict(parse_qsl(urlencode(query)))) == experiment
    assert from_fields(to_fields(experiment)) == experiment
    assert gf.Experiment(**experiment.model_dump(mode="json")) == experiment
    assert gf.Experiment.model_validate_json(experiment.model_dump_json()) == experiment
    assert hash(from_query(query)) == hash(experiment)
    assert {name for name in list_field_names() if name in query} == set(query)
    # Every setting that differs from the default is in the link.
    for part in (experiment.network, experiment.data, experiment):
        for name, field in type(part).model_fields.items():
            changed = getattr(part, name) != field.get_default(call_default_factory=True)
            if changed and name not in ("network", "data"):
                # Some follow from others: the depth from a list of widths, say.
                implied = {"depth": "widths", "dimension": "image_size"}.get(name)
                assert name in query or implied in query


@given(queries)
@example({"depth": "\ud800"})
@example({"depth": "9" * 5000})
@example({"widths": "1" * 5000})
@settings(max_examples=500, deadline=None)
def test_rubbish_is_refused_or_understood(query):
    if error := catch_refusal(lambda: from_query(query)):
        assert error.fields
        assert str(error).encode()  # can be sent to a browser
    else:
        assert from_query(to_query(from_query(query))) == from_query(query)


@pytest.mark.parametrize("name", list_field_names())
@given(text=TEXTS)
@settings(max_examples=40, deadline=None)
def test_rubbish_in_one_field(name, text):
    error = catch_refusal(lambda: from_query({name: text}))
    assert error is None or name in str(error)


@given(st.dictionaries(st.sampled_from(list_field_names()), ANYTHING, max_size=3))
@settings(max_examples=300, deadline=None)
def test_rubbish_of_any_type(values):
    error = catch_refusal(lambda: from_fields(values))
    assert error is None or error.fields


def test_missing_settings_take_their_defaults():
    assert from_query({}) == gf.Experiment()
    assert from_query({"depth": "3"}) == gf.Experiment(network=gf.MLP(depth=3))


def test_settings_without_effect_are_passed_over():
    assert from_query({"init_std": "0.5", "loss_scale": "8"}) == gf.Experiment()


def test_unknown_names_are_refused():
    with pytest.raises(gf.InvalidExperiment, match=r"colour: there is no such setting.*depth"):
        from_query({"colour": "red"})


@pytest.mark.parametrize("text", ["750-700-650", "750, 700, 650", "750 700 650", "750;700–650"])
def test_widths_are_read_as_people_write_them(text):
    assert from_query({"widths": text}).network.hidden_widths == (750, 700, 650)


@pytest.mark.parametrize("text", ["750-x", "0", "4097-1", "1.5", "-".join(["8"] * 200)])
def test_impossible_widths(text):
    with pytest.raises(gf.InvalidExperiment, match="widths"):
        from_query({"widths": text})


def test_setting_names_are_distinct():
    assert len(set(list_field_names())) == len(list_field_names())


def test_codes_in_urls_are_stable():
    """Links out there carry these; renaming one breaks them."""
    query = to_query(
        gf.Experiment(
            network=gf.MLP(depth=3, initialization="kaiming_normal", normalization="group"),
            data=gf.Data(source="gaussian"),
            dtype="float16",
        )
    )
    assert query == {
        "architecture": "mlp",
        "readout": "none",
        "depth": "3",
        "width": "128",
        "connection": "plain",
        "activation": "tanh",
        "initialization": "kaiming_normal",
        "fan_mode": "fan_in",
        "gain": "standard",
        "bias_std": "0.0",
        "normalization": "group",
        "groups": "8",
        "norm_position": "before",
        "source": "gaussian",
        "batch_size": "256",
        "dimension": "64",
        "scale": "1.0",
        "offset": "0.0",
        "correlation": "0.0",
        "targets": "classes",
        "loss": "cross_entropy",
        "dtype": "float16",
        "loss_scale": "1.0",
        "device": "auto",
        "seed": "0",
        "learning_rate": "0.01",
        "clip_norm": "0.0",
    }


def test_what_is_remembered_cannot_be_changed_and_does_not_hide_a_refusal() -> None:
    experiment = from_fields({"depth": 7, "clip_norm": 0.5})
    assert experiment == gf.Experiment(network=gf.MLP(depth=7), clip_norm=0.5)
    assert from_query({"clip_norm": "0.5", "depth": "7"}) == experiment
    to_fields(experiment)["depth"] = 8
    to_query(experiment)["depth"] = "8"
    assert to_fields(experiment)["depth"] == 7
    assert to_query(experiment)["depth"] == "7"
    for _again in range(2):  # a list cannot be looked up, and a refusal is not remembered
        assert catch_refusal(lambda: from_fields({"depth": [7]})) is not None
        assert catch_refusal(lambda: from_fields({"depth": 7, "clip_norm": -0.5})) is not None
        assert from_fields({"widths": [7, 5]}) == from_fields({"widths": (7, 5)})
