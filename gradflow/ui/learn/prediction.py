"""What a learner chooses from, as a component of ours: curves, or a slider of factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from gradflow.charts.learn.figure import choose_scale, sketch_line, write_value
from gradflow.charts.series import Scale, Series, explain_marks
from gradflow.core.lessons.outcome import Outcome
from gradflow.core.lessons.path import is_prediction
from gradflow.core.lessons.schema import Kind, Lesson
from gradflow.core.lessons.subjects import MEASURES, Curve, Measure
from gradflow.core.numbers import format_number
from gradflow.core.text import _
from gradflow.ui.assets import write_shim
from gradflow.ui.learn import state
from gradflow.ui.learn.words import LETTERS, write_ends, write_question
from gradflow.ui.settings.state import read_widget

_mount = st.components.v2.component(
    "gradflow_predict", js=write_shim("predict.js"), isolate_styles=False
)
_KEY = "learn_predict"


def describe_choices(lesson: Lesson, outcome: Outcome) -> dict[str, Any]:
    """Describe what there is to choose from, for a browser: drawings and words, no answer."""
    is_factor = lesson.kind is Kind.FACTOR
    is_share = lesson.measure is Measure.DEAD
    lines = (
        list_factor_lines(lesson, outcome.run)
        if is_factor
        else list_option_lines(outcome, is_share=is_share)
    )
    scale = choose_scale(lines)
    names = [f"×{format_number(factor)}" for factor in lesson.factors]
    codes = [str(i) for i in range(len(lines))] if is_factor else list(outcome.options)
    return {
        "kind": lesson.kind,
        "choices": [
            {
                "code": code,
                "label": names[i] if is_factor else LETTERS[i],
                "alt": _describe_line(line, is_share=is_share, backwards=outcome.run.backwards),
                "text": _("{factor} per layer").format(factor=names[i]) if is_factor else "",
                "points": sketch_line(line, scale),
            }
            for i, (code, line) in enumerate(zip(codes, lines, strict=True))
        ],
        "ends": write_ends(scale, is_share=is_share),
        "level": _find_level(lesson, scale),
        "axes": _write_axes(lesson, lines, scale),
    }


def _find_level(lesson: Lesson, scale: Scale) -> float | None:
    """Find how high in a small drawing 1 lies, where a gradient or a signal starts."""
    if lesson.measure in (Measure.LOSS, Measure.DEAD):
        return None
    return round((0.0 - scale.low) / (scale.high - scale.low), 4)


def _write_axes(lesson: Lesson, lines: Sequence[Series], scale: Scale) -> str:
    row = MEASURES[lesson.measure]
    return "   ".join([f"↑ {_(row.y_axis)}", f"→ {_(row.x_axis)}", *explain_marks(lines, scale)])


def describe_ballot(lesson: Lesson, outcome: Outcome) -> dict[str, Any]:
    """Describe a question for phones: what is asked, and what there is to choose from."""
    return {
        **describe_choices(lesson, outcome),
        "title": _(lesson.title),
        "question": write_question(lesson),
    }


def list_option_lines(outcome: Outcome, *, is_share: bool) -> list[Series]:
    """List the curves to choose from."""
    curves = outcome.options.values()
    return [Series(LETTERS[i], c.x, c.y, is_share=is_share) for i, c in enumerate(curves)]


def list_factor_lines(lesson: Lesson, run: Curve) -> list[Series]:
    """List what each factor of the slider would give over the layers of the run."""
    count = len(run.x)
    powers = np.arange(count, dtype=np.float64)
    if run.backwards:
        powers = powers[::-1]
    return [Series("", run.x, float(factor) ** powers) for factor in lesson.factors]


def _describe_line(line: Series, *, is_share: bool, backwards: bool) -> str:
    ends = line.values[[-1, 0]] if backwards else line.values[[0, -1]]
    start, end = (write_value(float(value), is_share=is_share) for value in ends)
    return _("from {start} to {end}").format(start=start, end=end)


def draw_prediction(lesson: Lesson, code: str, outcome: Outcome) -> None:
    """Draw what there is to choose from, and the button that runs the network."""
    _mount(
        key=f"{_KEY}_{code}",
        data={
            **describe_choices(lesson, outcome),
            "chosen": state.read_draft(code),
            "label": _("Your prediction"),
            "run": _("Run it"),
            "none": _("Slide: what do you expect?"),
        },
        on_choice_change=lambda: _take(lesson, code, "choice"),
        on_run_change=lambda: _take(lesson, code, "run"),
    )


def _take(lesson: Lesson, code: str, event: str) -> None:
    prediction = (read_widget(f"{_KEY}_{code}") or {}).get(event)
    if not isinstance(prediction, str) or not is_prediction(lesson, prediction):
        return  # what a browser sends may be anything
    state.keep_draft(code, prediction)
    if event == "run":
        state.commit(prediction)


def list_names(lesson: Lesson, outcome: Outcome) -> dict[str, str]:
    """List what each possible prediction is called."""
    if lesson.kind is Kind.FACTOR:
        return {str(i): f"×{format_number(factor)}" for i, factor in enumerate(lesson.factors)}
    return {code: LETTERS[i] for i, code in enumerate(outcome.options)}
