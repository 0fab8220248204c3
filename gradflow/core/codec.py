"""Experiments as flat text fields: what a URL carries and what widgets edit.

All settings of ``MLP``, ``Data`` and ``Experiment`` have distinct names, so one flat mapping
holds them. Only settings that apply are written, every one of them, so that a link keeps its
meaning when a default changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradflow.core.errors import InvalidExperiment
from gradflow.core.experiment import MLP, Data, Experiment
from gradflow.core.spec import Spec, shown

_NESTED: dict[str, type[Spec]] = {"network": MLP, "data": Data}
PARTS: tuple[type[Spec], ...] = (MLP, Data, Experiment)


def field_names() -> list[str]:
    """The names of all flat settings."""
    return [name for part in PARTS for name in part.model_fields if name not in _NESTED]


def to_fields(experiment: Experiment) -> dict[str, Any]:
    """All settings that apply, flat, as Python values."""
    values: dict[str, Any] = {}
    for spec in (experiment.network, experiment.data, experiment):
        own = dict(spec)
        values.update({n: own[n] for n in spec.applicable(own) if n not in _NESTED})
    return values


def from_fields(values: Mapping[str, Any]) -> Experiment:
    """An experiment from flat settings; those that do not apply are passed over.

    Raises:
        InvalidExperiment: an unknown name or an impossible value.
    """
    if unknown := [name for name in values if name not in field_names()]:
        known = ", ".join(field_names())
        raise InvalidExperiment(
            f"{shown(unknown[0])[1:-1]}: there is no such setting; settings are {known}",
            fields=tuple(unknown),
        )
    network, data = (
        part(**{n: values[n] for n in part.applicable(values) if n in values})
        for part in (MLP, Data)
    )
    rest = {n: values[n] for n in Experiment.applicable(values) if n in values}
    return Experiment(network=network, data=data, **rest)


def to_query(experiment: Experiment) -> dict[str, str]:
    """The settings as URL query parameters: stable codes, numbers that read back exactly."""
    return {name: _to_text(value) for name, value in to_fields(experiment).items() if value != ()}


def from_query(query: Mapping[str, str]) -> Experiment:
    """Inverse of :func:`to_query`; missing settings take their defaults.

    Raises:
        InvalidExperiment: an unknown name, a value that does not parse or is out of range.
    """
    values: dict[str, Any] = dict(query)
    if "widths" in values:
        values["widths"] = parse_widths(values["widths"])
    return from_fields(values)


def parse_widths(text: str) -> tuple[int | str, ...]:
    """Widths from text such as ``750-700-650``, ``750, 700`` or ``750 700``, not yet validated."""
    for separator in ",;-–×":
        text = text.replace(separator, " ")
    return tuple(int(t) if t.isdecimal() and len(t) < 10 else t for t in text.split())


def _to_text(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)
