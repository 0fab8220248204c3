"""What arrows go through when the lessons are presented: each question, then its run."""

from __future__ import annotations

from gradflow.core.lessons.path import LessonPath
from gradflow.core.lessons.schema import load_lessons
from gradflow.core.text import _
from gradflow.ui.learn.state import FORM
from gradflow.ui.present.steps import Step, StepList


def list_learn_steps(path: LessonPath) -> StepList:
    """List every lesson twice: what it asks, and what the run gives."""
    steps = []
    for code, lesson in load_lessons().items():
        asked = path.model_copy(update={"lesson": code, "shown": False})
        told = asked.model_copy(update={"shown": True})
        for place in (asked, told):
            short = {"lesson": code}  # phones predict for themselves
            steps.append(Step(_(lesson.title), FORM.codec.to_query(place), short))
    codes = list(load_lessons())
    return StepList(steps, 2 * codes.index(path.lesson) + int(path.shown))
