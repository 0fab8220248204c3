"""The base class of all specs: frozen, validated, and able to say which of their fields apply.

A field is *dependent* if some option of a choice field lists it in its ``parameters`` (say
``init_std`` under ``initialization="normal"``). It applies only while such an option is chosen; a
spec that sets it otherwise is refused, because a setting that changes nothing is a lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gradflow.core.catalog import TABLES
from gradflow.core.errors import InvalidExperiment, quote_value
from gradflow.core.text import N_, Text, join_texts


class Spec(BaseModel):
    """Base class of the networks' specs, of ``Data``, ``Experiment`` and ``TrainingPlan``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    exempt: ClassVar[frozenset[str]] = frozenset()
    """Fields whose applicability the subclass checks itself."""

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _translate(type(self), error) from None

    @classmethod
    def list_applicable(cls, values: Mapping[str, Any]) -> list[str]:
        """List the fields that apply under ``values`` (validated or not), in their order."""
        return [name for name in cls.model_fields if cls.applies(name, values)]

    @classmethod
    def applies(cls, name: str, values: Mapping[str, Any]) -> bool:
        """Return whether a field has an effect under ``values`` (validated or not)."""
        owner = find_owners(cls).get(name)
        if owner is None:
            return True
        enum = find_enum(cls.model_fields[owner])
        assert enum is not None
        value = values.get(owner, cls.model_fields[owner].default)
        # A StrEnum member equals its code; anything but text may not even be hashable.
        row = TABLES[enum].get(value) if isinstance(value, str) else None
        return row is not None and name in row.parameters and cls.applies(owner, values)

    @model_validator(mode="after")
    def _refuse_settings_without_effect(self) -> Self:
        values = dict(self)
        applicable = self.list_applicable(values)
        for name, field in type(self).model_fields.items():
            if name in applicable or name in self.exempt or values[name] == field.default:
                continue
            owner = find_owners(type(self))[name]
            message = Text(
                "{name}: {value} has no effect with {owner}={choice}; leave it out or choose "
                "another {owner}",
                name=name,
                value=quote_value(values[name]),
                owner=owner,
                choice=quote_value(values[owner]),
            )
            raise InvalidExperiment(message, fields=(name,))
        return self


@cache
def find_owners(spec: type[Spec]) -> dict[str, str]:
    """Map each dependent field to the choice field whose options use it."""
    owners = {}
    for name, field in spec.model_fields.items():
        if enum := find_enum(field):
            for row in TABLES[enum].values():
                owners.update(dict.fromkeys(row.parameters, name))
    return {name: owner for name, owner in owners.items() if name in spec.model_fields}


def find_enum(field: FieldInfo) -> type[StrEnum] | None:
    """Return the enum of a choice field, ``None`` for other fields."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, StrEnum) else None


def list_options(enum: type[StrEnum], architecture: str) -> list[StrEnum]:
    """List the options of a choice that an architecture has, in their order."""
    table = TABLES[enum]
    return [code for code in enum if not table[code].only or architecture in table[code].only]


def find_bounds(field: FieldInfo) -> tuple[float | None, float | None, bool]:
    """Return ``(low, high, low is excluded)`` of a numeric field, ``None`` where there is none."""
    low = high = None
    excluded = False
    for item in field.metadata:
        if isinstance(item, Ge):
            low = float(item.ge)  # type: ignore[arg-type]
        elif isinstance(item, Gt):
            low, excluded = float(item.gt), True  # type: ignore[arg-type]
        elif isinstance(item, Le):
            high = float(item.le)  # type: ignore[arg-type]
    return low, high, excluded


def describe_allowed(spec: type[Spec], name: str) -> Text:
    """Say what a field accepts."""
    field = spec.model_fields[name]
    if enum := find_enum(field):
        own = spec.model_fields.get("architecture")
        return Text(
            "one of {codes}", codes=", ".join(list_options(enum, own.default) if own else enum)
        )
    kind = field.annotation
    if get_origin(kind) is Literal:
        return Text("one of {codes}", codes=", ".join(map(str, get_args(kind))))
    if kind is bool:
        return Text("true or false")
    if get_origin(kind) is tuple:
        low, high, _ = find_bounds(get_args(get_args(kind)[0])[1])
        assert low is not None
        assert high is not None
        return Text("whole numbers from {low} to {high}, one per layer", low=low, high=high)
    low, high, excluded = find_bounds(field)
    if low is None or high is None:
        return Text("an {kind}", kind=kind.__name__) if isinstance(kind, type) else Text("another")
    templates = _WHOLE_NUMBERS if kind is int else _NUMBERS
    # As whole numbers, bounds are written in full.
    low, high = (int(bound) if bound.is_integer() else bound for bound in (low, high))
    return Text(templates[excluded], low=low, high=high)


# By whether the lower bound is excluded.
_WHOLE_NUMBERS = (
    N_("a whole number from {low} to {high}"),
    N_("a whole number above {low} up to {high}"),
)
_NUMBERS = (
    N_("a number from {low} to {high}"),
    N_("a number above {low} up to {high}"),
)


def _translate(spec: type[Spec], error: ValidationError) -> InvalidExperiment:
    """Turn pydantic's error into an ``InvalidExperiment``, one line per setting at fault."""
    messages: list[Text] = []
    fields: list[str] = []
    for item in error.errors():
        cause = item.get("ctx", {}).get("error")
        if not isinstance(cause, InvalidExperiment):
            name = str(item["loc"][0]) if item["loc"] else spec.__name__
            cause = _make_error(spec, name, item)
        messages.append(cause.args[0])
        fields += cause.fields
    return InvalidExperiment(join_texts(*messages, separator="\n"), fields=tuple(fields))


def _make_error(spec: type[Spec], name: str, item: ErrorDetails) -> InvalidExperiment:
    """Make the error about one setting from what pydantic says of it."""
    if item["type"] != "extra_forbidden":
        return InvalidExperiment.for_value(name, item["input"], describe_allowed(spec, name))
    message = Text(
        "{name}: there is no such setting; {spec} has {known}",
        name=name,
        spec=spec.__name__,
        known=", ".join(spec.model_fields),
    )
    return InvalidExperiment(message, fields=(name,))
