"""Hypothesis strategies: valid experiments over all settings, and rubbish for every field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from hypothesis import assume
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

import gradflow as gf
from gradflow.core.catalog import LOSSES, READOUTS, Architecture
from gradflow.core.codec import list_field_names
from gradflow.core.experiment import MAX_BATCH, MAX_DEPTH, MAX_WIDTH, NETWORKS
from gradflow.core.spec import Spec, find_bounds, find_enum, list_options

SMALL = {
    "depth": 12,
    "width": 64,
    "batch_size": 64,
    "dimension": 64,
    "groups": 8,
    "channels": 8,
    "growth_rate": 6,
    "image_size": 9,
    "heads": 4,
}
"""Largest sizes that are drawn."""
PROBABLE = [code for code, row in READOUTS.items() if row.probabilities]
NESTED = ("network", "data", "architecture")


def find_values(name: str, field: FieldInfo, architecture: str = "mlp") -> st.SearchStrategy[Any]:
    """Find all allowed values of one field; small sizes, so that few experiments are too large."""
    if enum := find_enum(field):
        possible = list_options(enum, architecture)
        return st.sampled_from(possible) | st.sampled_from(list(map(str, possible)))
    if field.annotation is bool:
        return st.booleans()
    if get_origin(field.annotation) is Literal:
        return st.sampled_from(get_args(field.annotation))
    if name == "widths":
        return st.lists(st.integers(1, 64), max_size=8).map(tuple)
    low, high, excluded = find_bounds(field)
    if field.annotation is int:
        high = SMALL.get(name, high)
        return st.integers(int(low), int(high))
    return st.floats(low, high, exclude_min=excluded)


@st.composite
def specs(draw: st.DrawFn, spec: type[Spec], architecture: str = "mlp", **fixed: Any) -> Spec:
    """A valid spec: choices first, then the settings that apply to them."""
    fields = {name: field for name, field in spec.model_fields.items() if name not in NESTED}
    values = {
        name: draw(find_values(name, field, architecture))
        for name, field in fields.items()
        if find_enum(field) and name != "architecture"
    } | fixed
    if spec is gf.MLP:
        values["widths"] = draw(find_values("widths", fields["widths"]))
    if values.get("connection") == "dense" and values.get("downsampling") == "stride":
        values["downsampling"] = "max_pool"
    if values.get("downsampling", "none") != "none":
        values["stages"] = 2
        values["depth"] = draw(st.integers(3, SMALL["depth"]))
    if values.get("padding") == "circular":
        values["kernel"] = draw(st.sampled_from((1, 3)))
    applicable = spec.list_applicable(values | {"architecture": architecture})
    for name, field in fields.items():
        if name in applicable and name not in values and draw(st.booleans()):
            values[name] = draw(find_values(name, field, architecture))
    if values.get("normalization") == "group":
        groups = values.setdefault("groups", 1)
        if values.get("widths"):
            values["widths"] = tuple(w * groups for w in values["widths"])
        for name in ("width", "channels", "growth_rate"):
            if name in fields:
                values[name] = values.get(name, 1) * groups
    if spec is gf.Transformer:
        values["width"] = values.get("width", 8) * values.setdefault("heads", 1)
    return spec(**{name: value for name, value in values.items() if name in applicable})


@st.composite
def experiments(draw: st.DrawFn) -> gf.Experiment:
    architecture = draw(st.sampled_from(Architecture))
    network = draw(specs(NETWORKS[architecture], architecture))
    data = draw(specs(gf.Data, architecture))
    loss = draw(st.sampled_from([c for c, row in LOSSES.items() if data.targets in row.targets]))
    if LOSSES[loss].probabilities:
        network = network.model_copy(update={"readout": draw(st.sampled_from(PROBABLE))})
    if data.batch_size == 1 and getattr(network, "normalization", "") == "batch":
        values = {n: getattr(data, n) for n in data.list_applicable(dict(data))}
        if architecture != "mlp":
            values.pop("dimension", None)
        data = gf.Data(**values | {"batch_size": 2})
    try:
        return draw(specs(gf.Experiment, network=network, data=data, loss=loss))
    except gf.InvalidExperiment as error:
        assume("TFLOP" not in str(error))  # a format that this processor is slow in
        raise


NUMBERS = st.integers().map(str) | st.floats().map(repr)
ODD_NUMBERS = [
    *("nan", "inf", "-inf", "1e400", "-0", "0x10", "1_000", " 5 ", "200", "4096"),
    *("٣", "²", "½", "3-3", "1-", "--"),
]
ODD_TEXTS = ["True", "None", "[]", "{}", "tanh", "TANH", "<script>", "%00", "\ud800", "\x00", ""]
TOO_LARGE = ["9" * 5000, *(str(limit + 1) for limit in (MAX_DEPTH, MAX_WIDTH, MAX_BATCH))]
TEXTS = st.text(max_size=20) | NUMBERS | st.sampled_from([*ODD_NUMBERS, *ODD_TEXTS, *TOO_LARGE])


def catch_refusal(make: Callable[[], Any]) -> gf.InvalidExperiment | None:
    """Return the error with which ``make`` refuses its settings; others go through."""
    try:
        make()
    except gf.InvalidExperiment as error:
        return error
    return None


queries = st.dictionaries(
    st.sampled_from(list_field_names()) | st.text(max_size=5), TEXTS, max_size=6
)

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
