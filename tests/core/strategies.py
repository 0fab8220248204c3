"""Hypothesis strategies: valid experiments over all settings, and rubbish for every field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from pydantic.fields import FieldInfo

import gradflow as gf
from gradflow.core.codec import field_names
from gradflow.core.experiment import MAX_BATCH, MAX_DEPTH, MAX_WIDTH
from gradflow.core.spec import Spec, bounds, choice_enum

SMALL = {"depth": 12, "width": 64, "batch_size": 64, "dimension": 64, "groups": 8}


def value_of(name: str, field: FieldInfo) -> st.SearchStrategy[Any]:
    """All allowed values of one field; sizes small, so that few experiments are too large."""
    if enum := choice_enum(field):
        return st.sampled_from(enum) | st.sampled_from(list(map(str, enum)))
    if field.annotation is bool:
        return st.booleans()
    if name == "widths":
        return st.lists(st.integers(1, 64), max_size=8).map(tuple)
    low, high, excluded = bounds(field)
    if field.annotation is int:
        high = SMALL.get(name, high)
        return st.integers(int(low), int(high))
    return st.floats(low, high, exclude_min=excluded)


@st.composite
def specs(draw: st.DrawFn, spec: type[Spec], **fixed: Any) -> Spec:
    """A valid spec: choices first, then the settings that apply to them."""
    fields = {
        name: f for name, f in spec.model_fields.items() if f.annotation not in (gf.MLP, gf.Data)
    }
    values = {
        name: draw(value_of(name, field)) for name, field in fields.items() if choice_enum(field)
    } | fixed
    if spec is gf.MLP:
        values["widths"] = draw(value_of("widths", fields["widths"]))
    applicable = spec.applicable(values)
    for name, field in fields.items():
        if name in applicable and name not in values and draw(st.booleans()):
            values[name] = draw(value_of(name, field))
    if values.get("normalization") == "group":
        groups = values.setdefault("groups", 1)
        if values["widths"]:
            values["widths"] = tuple(w * groups for w in values["widths"])
        else:
            values["width"] = values.get("width", 1) * groups
    return spec(**{name: value for name, value in values.items() if name in applicable})


@st.composite
def experiments(draw: st.DrawFn) -> gf.Experiment:
    network, data = draw(specs(gf.MLP)), draw(specs(gf.Data))
    if data.batch_size == 1 and network.normalization == "batch":
        data = gf.Data(
            **{n: getattr(data, n) for n in data.applicable(dict(data))} | {"batch_size": 2}
        )
    return draw(specs(gf.Experiment, network=network, data=data))


NUMBERS = st.integers().map(str) | st.floats().map(repr)
TEXTS = (
    st.text(max_size=20)
    | NUMBERS
    | st.sampled_from([
        "nan", "inf", "-inf", "1e400", "-0", "0x10", "1_000", " 5 ", "٣", "²", "½", "True", "",
        "\ud800", "\x00", "None", "[]", "{}", "tanh", "TANH", "9" * 5000, str(MAX_DEPTH + 1),
        str(MAX_WIDTH + 1), str(MAX_BATCH + 1), "3-3", "1-", "--", "<script>", "%00", "200", "4096",
    ])
)  # fmt: skip


def refusal(make: Callable[[], Any]) -> gf.InvalidExperiment | None:
    """How ``make`` refuses its settings; any other exception goes through."""
    try:
        make()
    except gf.InvalidExperiment as error:
        return error
    return None


queries = st.dictionaries(st.sampled_from(field_names()) | st.text(max_size=5), TEXTS, max_size=6)

ANYTHING = st.recursive(
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=3)
    | st.sampled_from([10**4000, object(), 1j]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=3,
)
