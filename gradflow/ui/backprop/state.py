"""The part of the session that belongs to the page on backpropagation; see ``state``.

Each of its two parts has a slot of flat settings, from which a spec is made; the URL carries the
part, the spec's fields and the chosen layer or step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import streamlit as st

from gradflow.core.errors import quote_value
from gradflow.core.spec import Spec
from gradflow.core.teaching.chain import MAX_LENGTH, Chain
from gradflow.core.teaching.fields import to_query
from gradflow.core.teaching.perceptron import (
    INPUTS,
    MAX_HIDDEN,
    MAX_OUTPUTS,
    MAX_UPDATES,
    Perceptron,
)
from gradflow.core.teaching.perceptron_steps import list_steps
from gradflow.ui import forged, state
from gradflow.ui.state import Slot


class Part(StrEnum):
    """What the page shows."""

    CHAIN = "chain"
    NETWORK = "network"


CHAIN = Slot("backprop_chain", "chain_")
NETWORK = Slot("backprop_network", "network_")
_PART, _PART_WIDGET, _EXAMPLE = "backprop_part", "backprop_part_widget", "backprop_example"
_URL = "backprop_url"


def load() -> None:
    """Take the settings from the URL when the session starts and when the URL was changed."""
    query = st.query_params.to_dict()
    known = _PART in st.session_state
    if known and ("part" not in query or query == st.session_state.get(_URL)):
        return
    if not known:
        _put_chain({})
        _put_network({})
    asked = query.pop("part", None)
    part = Part(asked) if asked in set(Part) else Part.CHAIN
    st.session_state[_PART] = part
    if asked == part:
        (_put_chain if part is Part.CHAIN else _put_network)(query)
    elif asked is not None:
        st.session_state[CHAIN.problem] = _refusal("part", asked, " or ".join(Part))


def _put_chain(query: dict[str, str]) -> None:
    fields = {name: text for name, text in query.items() if name != "layer"}
    spec, link = forged.made(lambda texts: Chain(**texts), fields, Chain.model_fields)
    problems = link.problems
    layer = _place("layer", query, spec.length, spec.length, problems)
    _put(CHAIN, _chain_values(spec) | {"layer": layer}, problems)


def _put_network(query: dict[str, str]) -> None:
    fields = {name: text for name, text in query.items() if name != "step"}
    spec, link = forged.made(lambda texts: Perceptron(**texts), fields, Perceptron.model_fields)
    problems = link.problems
    step = _place("step", query, 1, _step_count(spec), problems)
    _put(NETWORK, _network_values(spec) | {"step": step}, problems)


def _place(name: str, query: dict[str, str], default: int, count: int, problems: list[str]) -> int:
    text = query.get(name, str(default))
    if text.isdecimal() and len(text) < 9 and 1 <= int(text) <= count:
        return int(text)
    problems.append(_refusal(name, text, f"a whole number from 1 to {count}"))
    return default


def _refusal(name: str, text: str, allowed: str) -> str:
    return f"{name}: {quote_value(text)} is not allowed; choose {allowed}"


def _put(slot: Slot, values: dict[str, Any], problems: list[str]) -> None:
    st.session_state[slot.key] = values
    st.session_state[slot.problem] = "\n".join(problems)
    for key in list(st.session_state):
        if str(key).startswith(slot.widgets):
            del st.session_state[key]


def example_key() -> str:
    """The key of the choice of an example, which always waits for one."""
    st.session_state[_EXAMPLE] = None
    return _EXAMPLE


def example_chosen(examples: Mapping[str, Chain]) -> None:
    """Callback of that choice: make every control of the chain show the example."""
    if name := st.session_state[_EXAMPLE]:
        spec = examples[name]
        _put(CHAIN, _chain_values(spec) | {"layer": spec.length}, [])


def part() -> Part:
    """The part that is shown."""
    return Part(st.session_state[_PART])


def part_key() -> str:
    """The key of the choice of a part, prepared to show the current one."""
    st.session_state[_PART_WIDGET] = part()
    return _PART_WIDGET


def part_chosen() -> None:
    """Callback of that choice."""
    st.session_state[_PART] = st.session_state[_PART_WIDGET]


def settled(spec: Spec, **place: int) -> None:
    """Let the URL carry the current part, its spec and the chosen layer or step."""
    query = {"part": str(part()), **to_query(spec), **{n: str(v) for n, v in place.items()}}
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state[_URL] = query


def _chain_values(spec: Chain) -> dict[str, Any]:
    weights, biases = ((v * MAX_LENGTH)[:MAX_LENGTH] for v in (spec.weights, spec.biases))
    return {
        "length": spec.length,
        "activation": str(spec.activation),
        "dtype": str(spec.dtype),
        "input": spec.input,
        "target": spec.target,
        "each": max(len(spec.weights), len(spec.biases)) > 1,
        "weight": weights[0],
        "bias": biases[0],
        **{f"w{i}": value for i, value in enumerate(weights, 1)},
        **{f"b{i}": value for i, value in enumerate(biases, 1)},
    }


def chain() -> Chain:
    """The chain that the controls describe, whether they are drawn yet or not."""
    before = state.settings(CHAIN)
    for name, new in state.widget_values(CHAIN):
        state.store(name, new, CHAIN)
    values = st.session_state[CHAIN.key]
    layers = range(1, values["length"] + 1)
    if values["each"] and not before["each"]:  # one by one starts from what all had together
        values |= {f"w{i}": values["weight"] for i in range(1, MAX_LENGTH + 1)}
        values |= {f"b{i}": values["bias"] for i in range(1, MAX_LENGTH + 1)}
    each = values["each"]
    return Chain(
        **{n: values[n] for n in ("length", "activation", "dtype", "input", "target")},
        weights=tuple(values[f"w{i}"] for i in layers) if each else (values["weight"],),
        biases=tuple(values[f"b{i}"] for i in layers) if each else (values["bias"],),
    )


def layer() -> int:
    """The chosen layer of the chain."""
    values = st.session_state[CHAIN.key]
    return min(int(values["layer"]), int(values["length"]))


def layer_key() -> str:
    """The key of the choice of a layer, prepared to show the current one."""
    key = f"{CHAIN.widgets}layer"
    st.session_state[key] = layer()
    return key


def _network_values(spec: Perceptron) -> dict[str, Any]:
    units = (*spec.hidden, *(spec.hidden[-1:] * MAX_HIDDEN))
    targets = (*spec.targets, *((0.0,) * MAX_OUTPUTS))
    return {
        "layers": len(spec.hidden),
        **{f"units{i}": units[i - 1] for i in range(1, MAX_HIDDEN + 1)},
        "outputs": len(spec.targets),
        **{f"x{i}": value for i, value in enumerate(spec.inputs, 1)},
        **{f"t{i}": targets[i - 1] for i in range(1, MAX_OUTPUTS + 1)},
        "activation": str(spec.activation),
        "learning_rate": spec.learning_rate,
        "seed": spec.seed,
        "updates": spec.updates,
    }


def network() -> Perceptron:
    """The small network that the controls describe; a changed setting takes back all updates."""
    before = state.settings(NETWORK)
    for name, new in state.widget_values(NETWORK):
        state.store(name, new, NETWORK)
    values = st.session_state[NETWORK.key]
    if values != before:
        values["updates"] = 0
    return Perceptron(
        inputs=tuple(values[f"x{i}"] for i in range(1, INPUTS + 1)),
        hidden=tuple(values[f"units{i}"] for i in range(1, values["layers"] + 1)),
        targets=tuple(values[f"t{i}"] for i in range(1, values["outputs"] + 1)),
        **{n: values[n] for n in ("activation", "learning_rate", "seed", "updates")},
    )


def _step_count(spec: Perceptron) -> int:
    return len(list_steps(len(spec.hidden) + 1))


def step(spec: Perceptron) -> int:
    """The current step of the small network, from 1."""
    return min(int(st.session_state[NETWORK.key]["step"]), _step_count(spec))


def go_to(number: int) -> Callable[[], None]:
    """A callback that makes ``number`` the current step."""
    return lambda: st.session_state[NETWORK.key].update(step=number)


def apply_update() -> None:
    """Callback: take one more update; the step stays."""
    values = st.session_state[NETWORK.key]
    values["updates"] = min(values["updates"] + 1, MAX_UPDATES)


def take_back_updates() -> None:
    """Callback: back to the first weights."""
    st.session_state[NETWORK.key]["updates"] = 0
