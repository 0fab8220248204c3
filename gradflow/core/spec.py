"""The base of all specs: frozen, validated, and able to say which of their fields apply.

A field is *dependent* if some option of a choice field lists it in its ``parameters`` (say
``init_std`` under ``initialization="normal"``). It applies only while that option is chosen; a
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
    """Base class of the networks' specs, ``Data`` and ``Experiment``."""

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
        """Fields that apply under these (possibly unvalidated) values, in declaration order."""
        return [name for name in cls.model_fields if cls.applies(name, values)]

    @classmethod
    def applies(cls, name: str, values: Mapping[str, Any]) -> bool:
        """Whether a field has an effect under these (possibly unvalidated) values."""
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
            raise InvalidExperiment(
                f"{name}: {quote_value(values[name])} has no effect with "
                f"{owner}={quote_value(values[owner])}; leave it out or choose another {owner}",
                fields=(name,),
            )
        return self


@cache
def find_owners(spec: type[Spec]) -> dict[str, str]:
    """Dependent field → the choice field whose options use it."""
    found = {}
    for name, field in spec.model_fields.items():
        if enum := find_enum(field):
            for row in TABLES[enum].values():
                found.update(dict.fromkeys(row.parameters, name))
    return {name: owner for name, owner in found.items() if name in spec.model_fields}


def find_enum(field: FieldInfo) -> type[StrEnum] | None:
    """The enum of a choice field, ``None`` for other fields."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, StrEnum) else None


def list_options(enum: type[StrEnum], architecture: str) -> list[StrEnum]:
    """The options of a choice that an architecture has, in order."""
    table = TABLES[enum]
    return [code for code in enum if not table[code].only or architecture in table[code].only]


def find_bounds(field: FieldInfo) -> tuple[float | None, float | None, bool]:
    """``(low, high, low is excluded)`` of a numeric field."""
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
        return Text("whole numbers from {low:g} to {high:g}, one per layer", low=low, high=high)
    low, high, excluded = find_bounds(field)
    if low is None or high is None:
        return Text("an {kind}", kind=kind.__name__) if isinstance(kind, type) else Text("another")
    templates = _WHOLE_NUMBERS if kind is int else _NUMBERS
    return Text(templates[excluded], low=low, high=high)


# By whether the lower bound is excluded.
_WHOLE_NUMBERS = (
    N_("a whole number from {low:g} to {high:g}"),
    N_("a whole number above {low:g} up to {high:g}"),
)
_NUMBERS = (
    N_("a number from {low:g} to {high:g}"),
    N_("a number above {low:g} up to {high:g}"),
)


def _translate(spec: type[Spec], error: ValidationError) -> InvalidExperiment:
    """Turn pydantic's error into one of ours, a line for each setting at fault."""
    messages: list[Text] = []
    fields: list[str] = []
    for item in error.errors():
        cause = item.get("ctx", {}).get("error")
        if not isinstance(cause, InvalidExperiment):
            name = str(item["loc"][0]) if item["loc"] else spec.__name__
            cause = _refuse(spec, name, item)
        messages.append(cause.args[0])
        fields += cause.fields
    return InvalidExperiment(join_texts(*messages, separator="\n"), fields=tuple(fields))


def _refuse(spec: type[Spec], name: str, item: ErrorDetails) -> InvalidExperiment:
    """Make the error about one setting of which pydantic says what is wrong."""
    if item["type"] != "extra_forbidden":
        return InvalidExperiment.for_value(name, item["input"], describe_allowed(spec, name))
    message = Text(
        "{name}: there is no such setting; {spec} has {known}",
        name=name,
        spec=spec.__name__,
        known=", ".join(spec.model_fields),
    )
    return InvalidExperiment(message, fields=(name,))
