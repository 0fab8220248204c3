"""A lesson's texts with the numbers of its runs, in the reader's language."""

from __future__ import annotations

import string
from collections.abc import Mapping

from gradflow.charts.series import Scale
from gradflow.core.lessons.outcome import Outcome, list_values
from gradflow.core.lessons.schema import Lesson, Option
from gradflow.core.numbers import format_number, format_share
from gradflow.core.text import Text

LETTERS = string.ascii_uppercase


def fill(template: str, values: Mapping[str, str | float]) -> str:
    """Put values into a text of a lesson, in the reader's language."""
    return str(Text(template, **values)) if "{" in template else str(Text(template))


def write_question(lesson: Lesson) -> str:
    """Write what is asked, with the lesson's settings."""
    return fill(lesson.question, list_values(lesson))


def write_answer(lesson: Lesson, outcome: Outcome) -> tuple[str, str]:
    """Write what the runs gave, and why."""
    values = list_values(lesson, outcome)
    if lesson.measure == "dead":  # shares of units
        shares = {code: format_share(curve.reached) for code, curve in outcome.options.items()}
        values |= shares | {"result": format_share(outcome.run.reached)}
    return fill(lesson.answer, values), fill(lesson.why, values)


def write_label(lesson: Lesson, option: Option) -> str:
    """Write what was run for an option."""
    return fill(option.label, lesson.settings | option.settings)


def write_ends(scale: Scale, *, is_share: bool) -> dict[str, str]:
    """Write what the upper and the lower end of a small drawing's axis stand for."""
    if is_share:
        return {"top": format_share(1.0), "bottom": format_share(0.0)}
    if scale.log:
        return {"top": format_number(10**scale.high, 1), "bottom": format_number(10**scale.low, 1)}
    return {"top": format_number(scale.high, 2), "bottom": format_number(max(scale.low, 0.0), 2)}
