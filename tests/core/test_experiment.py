"""Specs: what is valid, what is refused, and what the refusal says."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradflow as gf
from gradflow.core.catalog import TABLES, Architecture
from gradflow.core.codec import PARTS
from gradflow.core.experiment import NETWORKS
from gradflow.core.spec import find_bounds, find_enum, list_options
from tests.core.strategies import ANYTHING, catch_refusal, experiments, specs
from tests.reading import read_numbers

FIELDS = [
    (part, name)
    for part in PARTS
    for name, field in part.model_fields.items()
    if name not in ("network", "data")
]
NUMBERS = [
    (part, name) for part, name in FIELDS if part.model_fields[name].annotation in (int, float)
]
CHOICES = [
    (part, name)
    for part, name in FIELDS
    if find_enum(part.model_fields[name]) and name != "architecture"
]


def enable(part, name):
    """Settings under which a dependent field applies: those of any table row that names it."""
    for enum, table in TABLES.items():
        for code, row in table.items():
            if name in row.parameters:
                owner = next(n for p, n in CHOICES if find_enum(p.model_fields[n]) is enum)
                return enable(part, owner) | {owner: code}
    return {}


def name_field(pair):
    return pair[1] if isinstance(pair, tuple) else None


@pytest.mark.parametrize("field", NUMBERS, ids=name_field)
def test_bounds(field):
    part, name = field
    low, high, excluded = find_bounds(part.model_fields[name])
    whole = part.model_fields[name].annotation is int
    step = 1 if whole else 1e-9
    settings_ = enable(part, name)
    # Where a limit is shared with another setting, the allowed end need not be valid alone.
    if name not in ("width", "groups", "batch_size", "dimension", "depth", "heads"):
        for value in (low + step if excluded else low, high):
            assert getattr(part(**settings_, **{name: value}), name) == value
    bad = [low - 1, high + 1, math.nan, math.inf, -math.inf, "x", None, [], {}, 10**400]
    bad += [low] if excluded else []
    bad += [2.5] if whole else []
    for value in bad:
        with pytest.raises(gf.InvalidExperiment) as caught:
            part(**settings_, **{name: value})
        message = str(caught.value)
        assert caught.value.fields == (name,)
        assert message.startswith(f"{name}: ")
        allowed = read_numbers(message.partition("choose")[2])
        assert [low, high] == pytest.approx(allowed[:2], rel=1e-3)
        if isinstance(value, (int, float)) and value != 10**400:
            assert str(value).replace("nan", "NaN").replace("inf", "Infinity") in message
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, gf.GradflowError)


@pytest.mark.parametrize("field", CHOICES, ids=name_field)
def test_choices(field):
    part, name = field
    enum = find_enum(part.model_fields[name])
    own = part.model_fields.get("architecture")
    possible = list_options(enum, own.default) if own else list(enum)
    for value in ("unknown", "", 3, None, enum.__name__, []):
        with pytest.raises(gf.InvalidExperiment) as caught:
            part(**enable(part, name), **{name: value})
        message = str(caught.value)
        assert caught.value.fields == (name,)
        assert message.startswith(f"{name}: ")
        assert all(code in message for code in possible)
    for code in possible:
        settings_ = enable(part, name)
        settings_ |= {"groups": 8} if code == "group" else {}
        settings_ |= {"network": gf.MLP(readout="sigmoid")} if code == "bce" else {}
        assert getattr(part(**settings_, **{name: str(code)}), name) is code


def test_a_spec_is_of_one_architecture():
    for code, spec in NETWORKS.items():
        assert spec(architecture=code) == spec()
        for other in set(Architecture) - {code}:
            with pytest.raises(gf.InvalidExperiment, match=r"architecture: .*another spec"):
                spec(architecture=other)


def test_options_of_other_architectures_are_refused():
    with pytest.raises(gf.InvalidExperiment, match=r"normalization: .*batch, layer, rms, group"):
        gf.MLP(normalization="instance")
    for network in (gf.ConvNet(), gf.Transformer()):
        with pytest.raises(gf.InvalidExperiment, match="source: moons is not possible"):
            gf.Experiment(network=network, data=gf.Data(source="moons"))


def test_the_size_of_gaussian_images_follows_the_network():
    network = gf.ConvNet(image_size=5)
    experiment = gf.Experiment(network=network, data=gf.Data(source="gaussian"))
    assert experiment.data.features == 3 * 5 * 5
    with pytest.raises(gf.InvalidExperiment, match=r"dimension: 10 has no effect .* 75 numbers"):
        gf.Experiment(network=network, data=gf.Data(source="gaussian", dimension=10))


@pytest.mark.parametrize("part", PARTS)
def test_unknown_settings(part):
    with pytest.raises(gf.InvalidExperiment, match=f"colour: .*no such setting; {part.__name__}"):
        part(colour="red")


def test_positional_arguments_are_refused():
    with pytest.raises(TypeError):
        gf.MLP(3)


@pytest.mark.parametrize("field", FIELDS, ids=name_field)
def test_frozen(field):
    part, name = field
    spec = part()
    with pytest.raises(ValueError, match="frozen"):
        setattr(spec, name, getattr(spec, name))


@pytest.mark.parametrize("field", FIELDS, ids=name_field)
def test_a_setting_without_effect_is_refused(field):
    part, name = field
    settings_ = enable(part, name)
    if not settings_:
        return
    default = part.model_fields[name].default
    other = {bool: True, int: 4, float: 0.3}.get(type(default)) or next(
        code for code in type(default) if code != default
    )
    if name in part.list_applicable({}):
        return  # applies by default
    with pytest.raises(gf.InvalidExperiment, match=f"{name}: .*has no effect with") as caught:
        part(**{name: other})
    assert caught.value.fields == (name,)
    assert getattr(part(**settings_, **{name: other}), name) == other


@given(experiments(), experiments())
@settings(max_examples=100, deadline=None)
def test_specs_are_values(a, b):
    assert a == copy.deepcopy(a) == pickle.loads(pickle.dumps(a))
    assert hash(a) == hash(pickle.loads(pickle.dumps(a)))
    assert (a == b) == (a.model_dump() == b.model_dump())
    assert len({a, copy.copy(a), b}) == (1 if a == b else 2)


@pytest.mark.parametrize("name", ["depth", "init_std", "activation", "zero_last", "widths"])
def test_a_number_too_long_to_print(name):
    with pytest.raises(gf.InvalidExperiment, match=name):
        gf.MLP(**{name: 10**5000})
    with pytest.raises(gf.InvalidExperiment, match=name):
        gf.MLP(**{name: "9" * 5000})


@pytest.mark.parametrize("part", PARTS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_rubbish_of_any_type(part, data):
    values = data.draw(st.dictionaries(st.sampled_from(list(part.model_fields)), ANYTHING))
    error = catch_refusal(lambda: part(**values))
    assert error is None or (error.fields and str(error))


@given(specs(gf.MLP))
@settings(max_examples=100, deadline=None)
def test_depth_counts_the_readout(spec):
    assert len(spec.hidden_widths) == spec.depth - 1
    assert len(spec.list_fans(7, 5)) == spec.depth
    assert spec.list_fans(7, 5)[0][0] == 7
    assert spec.list_fans(7, 5)[-1][1] == 5


def test_fans():
    assert gf.MLP(widths=(4, 3)).list_fans(7, 2) == [(7, 4), (4, 3), (3, 2)]
    # Dense: a layer sees the input and all outputs before it.
    dense = gf.MLP(widths=(4, 3), connection="dense")
    assert dense.list_fans(7, 2) == [(7, 4), (11, 3), (14, 2)]


def test_widths_replace_depth_and_width():
    assert gf.MLP(widths=[5, 6]).depth == 3
    for name in ("depth", "width"):
        with pytest.raises(gf.InvalidExperiment, match=f"{name}: 9 cannot be combined"):
            gf.MLP(widths=(5, 6), **{name: 9})


def test_groups_divide_every_width():
    assert gf.MLP(normalization="group", groups=4, widths=(8, 12)).groups == 4
    with pytest.raises(gf.InvalidExperiment, match="groups: 8 does not divide the width 12"):
        gf.MLP(normalization="group", groups=8, widths=(8, 12))


def test_the_digits_are_1797():
    assert gf.Data(batch_size=1797).batch_size == 1797
    with pytest.raises(gf.InvalidExperiment, match=r"batch_size: 1,798 .* from 1 to 1,797"):
        gf.Data(batch_size=1798)
    assert gf.Data(source="gaussian", batch_size=1798).batch_size == 1798


def test_batch_norm_needs_two_samples():
    data, network = gf.Data(batch_size=1), gf.MLP(normalization="batch")
    with pytest.raises(gf.InvalidExperiment, match=r"batch_size: 1 .*batch normalization"):
        gf.Experiment(network=network, data=data)
    evaluated = gf.MLP(normalization="batch", norm_mode="evaluation")
    assert gf.Experiment(network=evaluated, data=data)
    assert gf.Experiment(network=gf.MLP(normalization="layer"), data=data)
