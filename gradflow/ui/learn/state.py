"""What the page of lessons keeps: the place on the path, and a prediction not yet made."""

from __future__ import annotations

from gradflow.core.lessons.path import LessonPath, write_predictions
from gradflow.core.lessons.schema import Lesson, load_lessons
from gradflow.ui.settings.codecs import SpecCodec
from gradflow.ui.settings.form import Form
from gradflow.ui.settings.page import Page
from gradflow.ui.settings.state import SessionValue


class PathCodec(SpecCodec[LessonPath]):
    """A place on the path; a link has only what differs from the beginning."""

    def to_query(self, settings: LessonPath) -> dict[str, str]:
        """Write the lesson, and whatever else is not as it was at first."""
        texts, first = super().to_query(settings), super().to_query(LessonPath())
        return {n: text for n, text in texts.items() if n == "lesson" or text != first[n]}


FORM = Form("learn_path", PathCodec(LessonPath), LessonPath)
PAGE = Page("learn", {"": FORM})
_DRAFTS: SessionValue[dict[str, str]] = SessionValue("learn_drafts", dict)
"""Predictions by lesson that are chosen, and may still change."""


def read_path() -> LessonPath:
    """Read where the learner is."""
    return FORM.read_possible()[0]


def find_lesson(path: LessonPath) -> Lesson:
    """Find the lesson that is shown."""
    return load_lessons()[path.lesson]


def read_draft(code: str) -> str:
    """Read what is chosen in a lesson so far; may be empty."""
    return _DRAFTS.get().get(code, "")


def keep_draft(code: str, prediction: str) -> None:
    """Keep what is chosen in a lesson."""
    _DRAFTS.set(_DRAFTS.get() | {code: prediction})


def go_to(code: str) -> None:
    """Go to a lesson, in a callback."""
    if code in load_lessons():  # what a browser sends may be anything
        _change(lesson=code, shown=False)


def commit(prediction: str) -> None:
    """Take a prediction as made: the run is shown."""
    path = read_path()
    predictions = path.predictions | {path.lesson: prediction}
    _change(answers=write_predictions(predictions), shown=False)


def show_run() -> None:
    """Show the run without a prediction."""
    _change(shown=True)


def predict_again() -> None:
    """Take a prediction back."""
    path = read_path()
    rest = {code: text for code, text in path.predictions.items() if code != path.lesson}
    keep_draft(path.lesson, "")
    _change(answers=write_predictions(rest), shown=False)


def draw_again(seed: int) -> None:
    """Take other weights and data."""
    _change(seed=seed)


def _change(**settings: object) -> None:
    FORM.replace(LessonPath(**(dict(read_path()) | settings)))
