"""How far a learner is: the lesson that is shown, and what was predicted in which."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, model_validator

from gradflow.core.errors import InvalidExperiment
from gradflow.core.lessons.schema import Kind, Lesson, load_lessons
from gradflow.core.spec import Spec
from gradflow.core.text import Text

BETWEEN, WITHIN, AND = "~", ".", "-"
"""What separates lessons, a lesson from its prediction, and cures, in a link."""
_PREDICTION = re.compile(r"[a-z0-9_-]{1,80}")


class LessonPath(Spec):
    """A place on the path through the lessons, as a link carries it.

    Raises ``InvalidExperiment`` where there is no such lesson or no such prediction.
    """

    lesson: str = Field("", title="Lesson", description="The code of a lesson.")
    answers: str = Field(
        "", max_length=1000, title="Predictions", description="Of the lessons that were answered."
    )
    shown: bool = Field(
        False, title="Shown", description="Whether the run is shown, whatever was predicted."
    )
    seed: int = Field(1, ge=1, le=9999, title="Draw", description="Draws the weights of the runs.")

    @model_validator(mode="after")
    def _check_lesson(self) -> Self:
        lessons = load_lessons()
        if not self.lesson:
            object.__setattr__(
                self, "lesson", next(iter(lessons))
            )  # frozen, but still in the making
        elif self.lesson not in lessons:
            allowed = Text("one of {codes}", codes=", ".join(lessons))
            raise InvalidExperiment.for_value("lesson", self.lesson, allowed)
        return self

    @model_validator(mode="after")
    def _check_answers(self) -> Self:
        lessons = load_lessons()
        for entry in filter(None, self.answers.split(BETWEEN)):
            code, _separator, prediction = entry.partition(WITHIN)
            lesson = lessons.get(code)
            if lesson is None or not is_prediction(lesson, prediction):
                allowed = Text("predictions such as slopes.2{between}relu.none", between=BETWEEN)
                raise InvalidExperiment.for_value("answers", entry, allowed)
        return self

    @property
    def predictions(self) -> dict[str, str]:
        """What was predicted, by the code of the lesson."""
        entries = (entry.partition(WITHIN) for entry in self.answers.split(BETWEEN) if entry)
        return {code: prediction for code, _separator, prediction in entries}


def is_prediction(lesson: Lesson, prediction: str) -> bool:
    """Whether a text can be a prediction in a lesson: a place, an option's code, or cures."""
    match lesson.kind:
        case Kind.FACTOR:
            return prediction in map(str, range(len(lesson.factors)))
        case Kind.CURVES:
            return prediction in {option.code for option in lesson.options}
    return _PREDICTION.fullmatch(prediction) is not None


def write_predictions(predictions: dict[str, str]) -> str:
    """Write predictions as a link has them, in the order of the lessons."""
    return BETWEEN.join(
        f"{code}{WITHIN}{predictions[code]}" for code in load_lessons() if code in predictions
    )
