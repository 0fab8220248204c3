"""The schema of a lesson's file, and the files themselves."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gradflow.core.errors import GradflowError, quote_value
from gradflow.core.lessons.subjects import Measure, Subject, make_subject
from gradflow.core.text import Text, join_texts

_DATA = Path(__file__).parent / "data"
"""The lessons in their order: ``NUMBER_CODE.toml``."""
_FILE = re.compile(r"\d+_([a-z]+)\.toml")
_CODE = r"^[a-z][a-z_]*$"
_DIGIT = re.compile(r"\d+")
MEASURED = ("result", "left", "start", "layers", "slope")
"""Names under which every text can quote what a run gives; see ``outcome.list_values``."""
Value = str | bool | int | float


class InvalidLesson(GradflowError, ValueError):
    """A lesson's file is impossible; the message names field, value and the way out."""


class Kind(StrEnum):
    """How a learner predicts."""

    FACTOR = "factor"
    CURVES = "curves"
    CURE = "cure"


class Option(BaseModel):
    """One of the curves to choose from: that of a run with some settings changed.

    Attributes:
        code: its name in links and texts.
        label: what was run, in a few words; shown with the answer. It quotes its own settings.
        settings: what differs from the lesson's settings; nothing in the right one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=_CODE)
    label: str = Field(min_length=1)
    settings: dict[str, Value] = Field(default_factory=dict)


class Lesson(BaseModel):
    """One question, the ways to predict the answer, and the settings of the run that gives it.

    Exactly one of ``factors``, ``options`` and ``patients`` says how a learner predicts. Texts
    quote numbers by name, ``{depth}`` or ``{result}``, and have none of their own.

    Attributes:
        title: a few words.
        question: what is asked, in one to three sentences.
        answer: what the run gives, in one sentence.
        why: two or three sentences.
        measure: what is looked at.
        settings: flat settings of the run, as in the links of the page that *try it* opens.
        factors: the numbers on a slider, rising.
        options: curves to choose from.
        patients: what makes networks sick: changed settings, of which one is drawn.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1, max_length=40)
    question: str = Field(min_length=1, max_length=400)
    answer: str = Field(min_length=1, max_length=250)
    why: str = Field(min_length=1, max_length=700)
    measure: Measure
    settings: dict[str, Value] = Field(default_factory=dict)
    factors: tuple[float, ...] = Field((), max_length=9)
    options: tuple[Option, ...] = Field((), max_length=4)
    patients: tuple[dict[str, Value], ...] = ()

    @property
    def kind(self) -> Kind:
        """How a learner predicts."""
        if self.options:
            return Kind.CURVES
        return Kind.CURE if self.patients else Kind.FACTOR

    @property
    def truth(self) -> Option:
        """The option whose settings are the lesson's own."""
        return next(option for option in self.options if not option.settings)

    def make_subject(self, seed: int, changes: Mapping[str, Value] = {}) -> Subject:
        """Make the run that gives the answer, or one with settings changed."""
        return make_subject(self.measure, self.settings | dict(changes), seed)

    @field_validator("factors")
    @classmethod
    def _check_factors(cls, factors: tuple[float, ...]) -> tuple[float, ...]:
        if factors and (len(factors) < 3 or factors[0] <= 0 or list(factors) != sorted({*factors})):
            raise _refuse("factors", list(factors), Text("three to nine rising numbers above 0"))
        return factors

    @model_validator(mode="after")
    def _check_kinds(self) -> Self:
        given = {"factors": self.factors, "options": self.options, "patients": self.patients}
        used = [name for name, value in given.items() if value]
        if len(used) != 1:
            allowed = Text("exactly one of factors, options and patients")
            raise _refuse(Lesson.__name__, used, allowed)
        return self

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        codes = [option.code for option in self.options]
        if codes and (len(codes) < 2 or len({*codes}) < len(codes)):
            raise _refuse("options", codes, Text("two to four with codes of their own"))
        right = [option.code for option in self.options if not option.settings]
        if codes and len(right) != 1:
            allowed = Text("exactly one without settings: the run that the question is about")
            raise _refuse("options", right, allowed)
        return self

    @model_validator(mode="after")
    def _check_runs(self) -> Self:
        if self.patients and self.measure is not Measure.LOSS:
            raise _refuse("measure", self.measure, Text("loss, by which a cured network is known"))
        changes = ({}, *(option.settings for option in self.options), *self.patients)
        for changed in changes:
            try:
                self.make_subject(0, changed)
            except GradflowError as error:
                raise InvalidLesson(Text("settings: {why}", why=error.message)) from None
        return self

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        asked = {*self.settings, "slope"}
        told = asked | {*MEASURED, *(option.code for option in self.options)}
        for name in ("title", "question"):
            _check_text(name, getattr(self, name), asked)
        for name in ("answer", "why"):
            _check_text(name, getattr(self, name), told)
        for option in self.options:
            _check_text("label", option.label, {*self.settings, *option.settings})
        return self


def _check_text(field: str, text: str, names: Collection[str]) -> None:
    """Refuse a text with a number of its own, or one that quotes what there is not."""
    listed = ", ".join(f"{{{name}}}" for name in sorted(names))
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        raise _refuse(field, text, Text("braces in pairs, around a name")) from None
    for literal, quoted, _spec, _conversion in parts:
        if number := _DIGIT.search(literal):
            allowed = Text(
                "no number in a text, but the name of one that is set or measured: {names}",
                names=listed,
            )
            raise _refuse(field, number.group(), allowed)
        if quoted is not None and quoted not in names:
            raise _refuse(field, f"{{{quoted}}}", Text("one of {names}", names=listed))


def _refuse(field: str, value: object, allowed: Text) -> InvalidLesson:
    return InvalidLesson(
        Text(
            "{field}: {value} is not allowed; choose {allowed}",
            field=field,
            value=quote_value(value),
            allowed=allowed,
        )
    )


def parse_lesson(content: str, name: str) -> Lesson:
    """Read a lesson from the text of its file.

    Args:
        content: TOML.
        name: of the file, for the message.

    Raises:
        InvalidLesson: it is no TOML, or breaks a rule of ``Lesson``.
    """
    try:
        values: dict[str, Any] = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise InvalidLesson(
            Text("{name}: this is no TOML: {error}", name=name, error=str(error))
        ) from None
    try:
        return Lesson(**values)
    except ValidationError as error:
        problems = [_describe_problem(dict(item)) for item in error.errors()]
        raise InvalidLesson(
            Text("{name}: {problems}", name=name, problems=join_texts(*problems, separator="; "))
        ) from None


def _describe_problem(item: Mapping[str, Any]) -> Text:
    """Describe what pydantic says of one field: where, which value, and what would do."""
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, InvalidLesson):
        message: Text = cause.args[0]
        return message
    field = ".".join(map(str, item["loc"])) or Lesson.__name__
    if item["type"] == "extra_forbidden":
        return Text(
            "{field}: there is no such field; a lesson has {known}",
            field=field,
            known=", ".join(Lesson.model_fields),
        )
    if item["type"] == "missing":
        return Text("{field} is missing; write it", field=field)
    return Text(
        "{field}: {value} is not allowed: {rule}",
        field=field,
        value=quote_value(item["input"]),
        rule=str(item["msg"]),
    )


@cache
def load_lessons() -> Mapping[str, Lesson]:
    """Load all lessons, by code, in the order of their files' names.

    Raises:
        InvalidLesson: one of the files is impossible.
    """
    lessons: dict[str, Lesson] = {}
    for file in sorted(_DATA.glob("*.toml")):
        match = _FILE.fullmatch(file.name)
        if match is None or match[1] in lessons:
            raise InvalidLesson(
                Text(
                    "{name}: this is no name of a lesson; choose NUMBER_CODE.toml with a code of "
                    "its own in small letters, such as 03_initialization.toml",
                    name=file.name,
                )
            )
        lessons[match[1]] = parse_lesson(file.read_text(encoding="utf-8"), file.name)
    return lessons
