"""Experiments as flat settings: what a URL carries and what widgets edit.

The settings of a network, of ``Data`` and of ``Experiment`` have distinct names, so that one flat
mapping holds them; ``architecture`` says which network it is. All settings that apply are
written, defaults included, so that a link keeps its meaning when a default changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from gradflow.core.catalog import (
    LOSSES,
    READOUTS,
    TABLES,
    Architecture,
    Loss,
    Readout,
    Targets,
)
from gradflow.core.environment import read_limits
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.experiment import (
    MLP,
    NETWORKS,
    Data,
    Experiment,
    LayerSettings,
    NetworkSpec,
)
from gradflow.core.spec import Spec, find_owners
from gradflow.core.text import Text

PARTS: tuple[type[Spec], ...] = (*NETWORKS.values(), Data, Experiment)
"""The specs whose settings the flat mapping holds."""
_REMEMBERED = 256
"""Experiments that are remembered: each takes 0.6 ms to validate, at every run of a page."""
_NESTED = ("network", "data")  # fields of an experiment that are specs themselves


@cache
def list_field_names() -> tuple[str, ...]:
    """List the names of all flat settings, each once."""
    names = (name for part in PARTS for name in part.model_fields if name not in _NESTED)
    return tuple(dict.fromkeys(names))


def find_network(values: Mapping[str, Any]) -> type[NetworkSpec]:
    """Return the class of the network that flat settings are about.

    Raises:
        InvalidExperiment: there is no such architecture.
    """
    code = values.get("architecture", Architecture.MLP)
    if not isinstance(code, str) or code not in set(Architecture):
        allowed = Text("one of {codes}", codes=", ".join(Architecture))
        raise InvalidExperiment.for_value("architecture", code, allowed)
    return NETWORKS[Architecture(code)]


def to_fields(experiment: Experiment) -> dict[str, Any]:
    """Write all settings that apply as one flat mapping of Python values."""
    return dict(_write_fields(experiment))


@lru_cache(maxsize=_REMEMBERED)
def _write_fields(experiment: Experiment) -> tuple[tuple[str, Any], ...]:
    values: dict[str, Any] = {}
    for spec, own in (
        (experiment.network, dict(experiment.network)),
        (experiment.data, experiment.data_values),
        (experiment, dict(experiment)),
    ):
        values.update({n: own[n] for n in spec.list_applicable(own) if n not in _NESTED})
    return tuple(values.items())


def from_fields(values: Mapping[str, Any]) -> Experiment:
    """Make an experiment of flat settings; those that do not apply are ignored.

    Raises:
        InvalidExperiment: an unknown name or an impossible value.
    """
    # With their types: 1, 1.0 and true are equal, and not equally valid.
    items = tuple((name, type(value), value) for name, value in values.items())
    try:
        hash(items)
    except TypeError:  # a list, say, for validation to refuse
        return _validate_fields(values)
    return _remember_experiment(items, read_limits())


@lru_cache(maxsize=_REMEMBERED)
def _remember_experiment(
    items: tuple[tuple[str, type, Any], ...], _limits: tuple[float, float]
) -> Experiment:
    """Make an experiment once; under other limits of the server it may be refused."""
    return _validate_fields({name: value for name, _type, value in items})


def _validate_fields(values: Mapping[str, Any]) -> Experiment:
    if unknown := [name for name in values if name not in list_field_names()]:
        known = ", ".join(list_field_names())
        message = Text(
            "{name}: there is no such setting; settings are {known}",
            name=quote_value(unknown[0])[1:-1],
            known=known,
        )
        raise InvalidExperiment(message, fields=tuple(unknown))
    network, data = (
        part(**{n: values[n] for n in part.list_applicable(values) if n in values})
        for part in (find_network(values), Data)
    )
    rest = {n: values[n] for n in Experiment.list_applicable(values) if n in values}
    return Experiment(network=network, data=data, **rest)


def to_query(experiment: Experiment) -> dict[str, str]:
    """Write the settings as URL query parameters: stable codes, numbers that read back exactly."""
    return {name: write_text(value) for name, value in to_fields(experiment).items() if value != ()}


def from_query(query: Mapping[str, str]) -> Experiment:
    """Make an experiment of URL query parameters; missing settings take their defaults.

    Raises:
        InvalidExperiment: an unknown name, a value that does not parse or is out of range.
    """
    values: dict[str, Any] = dict(query)
    if "widths" in values:
        values["widths"] = parse_widths(values["widths"])
    return from_fields(values)


def find_without_effect(query: Mapping[str, str], experiment: Experiment) -> dict[str, str]:
    """Find the settings of a query that have no effect on its experiment, and the reason.

    Returns:
        Name → the setting that makes it useless: ``architecture``, ``widths``, or a choice with
        another option that would use it.
    """
    known, used = set(list_field_names()), to_fields(experiment)
    reasons: dict[str, str] = {}
    for name in (name for name in query if name in known and name not in used):
        needed, owner = name, _find_owner(name, experiment)
        while owner and owner not in used:  # itself without effect
            needed, owner = owner, _find_owner(owner, experiment)
        if owner is None and name in MLP.exempt and used.get("widths"):
            reasons[name] = "widths"
        elif owner is None or needed in TABLES[type(used[owner])][used[owner]].parameters:
            reasons[name] = "architecture"
        else:
            reasons[name] = owner
    return reasons


def _find_owner(name: str, experiment: Experiment) -> str | None:
    parts = (type(experiment.network), Data, Experiment)
    return next((find_owners(part).get(name) for part in parts if name in part.model_fields), None)


def switch_architecture(values: Mapping[str, Any], architecture: Architecture) -> dict[str, Any]:
    """Move flat settings to another architecture; settings that both have stay where possible."""
    old, new = find_network(values), NETWORKS[architecture]
    kept = set(list_field_names()) - {n for spec in NETWORKS.values() for n in spec.model_fields}
    kept |= set(NetworkSpec.model_fields)
    if old is new:
        kept |= set(new.model_fields)
    elif issubclass(old, LayerSettings) and issubclass(new, LayerSettings):
        kept |= set(LayerSettings.model_fields)
    fields = {n: value for n, value in values.items() if n in kept} | {"architecture": architecture}
    while True:
        try:
            return to_fields(from_fields(fields))
        except InvalidExperiment as error:
            bad = [name for name in error.fields if name in fields and name != "architecture"]
            fields = {n: v for n, v in fields.items() if bad and n not in bad}
            fields["architecture"] = architecture


def adapt_choices(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Change what does not go with a choice that was just made: targets, loss and readout.

    Args:
        name: the setting that was chosen; it stays.
        values: flat settings with the choice; the others change only where they must.
    """
    fields = {
        n: values.get(n, default)
        for n, default in (
            ("targets", Targets.CLASSES),
            ("loss", Loss.CROSS_ENTROPY),
            ("readout", Readout.NONE),
        )
    }
    if name not in fields:
        return dict(values)
    targets, row = Targets(fields["targets"]), LOSSES[Loss(fields["loss"])]
    if targets not in row.targets and name == "loss":
        fields["targets"] = row.targets[-1]
    elif targets not in row.targets:
        fields["loss"] = _USUAL_LOSSES[targets]
    row = LOSSES[Loss(fields["loss"])]
    if row.probabilities and not READOUTS[Readout(fields["readout"])].probabilities:
        other = {"loss": Loss.BCE_WITH_LOGITS} if name == "readout" else {"readout": "sigmoid"}
        fields |= other
    return {**values, **{n: str(v) for n, v in fields.items() if n in values or n == name}}


_USUAL_LOSSES = {
    Targets.CLASSES: Loss.CROSS_ENTROPY,
    Targets.BINARY: Loss.BCE_WITH_LOGITS,
    Targets.NUMBERS: Loss.MSE,
}


def parse_widths(text: str) -> tuple[int | str, ...]:
    """Split a text such as ``750-700-650``, ``750, 700`` or ``750 700`` into widths.

    They are not validated: what is no number stays text, for the spec to refuse.
    """
    for separator in ",;-–×":
        text = text.replace(separator, " ")
    return tuple(int(t) if t.isdecimal() and len(t) < 10 else t for t in text.split())


def write_text(value: Any) -> str:
    """Write the value of a setting as a URL has it."""
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
