"""The page of lessons: a question, a prediction, the run over it, and why."""

from __future__ import annotations

import streamlit as st

from gradflow.charts.learn.figure import LessonLine, Role, lesson_figure
from gradflow.charts.series import Series
from gradflow.core.errors import GradflowError
from gradflow.core.lessons.outcome import Outcome
from gradflow.core.lessons.path import LessonPath
from gradflow.core.lessons.schema import Kind, Lesson, load_lessons
from gradflow.core.lessons.subjects import MEASURES, Measure
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.assets import write_shim
from gradflow.ui.classroom.panel import ask_class, find_class
from gradflow.ui.learn import compute, state
from gradflow.ui.learn.cure import show_cure
from gradflow.ui.learn.parts import (
    draw_question,
    draw_ways_on,
    find_prediction,
    name_question,
)
from gradflow.ui.learn.prediction import (
    describe_ballot,
    draw_prediction,
    list_factor_lines,
    list_names,
)
from gradflow.ui.learn.steps import list_learn_steps
from gradflow.ui.learn.words import write_answer, write_label
from gradflow.ui.present.present import draw_steps, is_presenting
from gradflow.ui.settings.state import read_widget
from gradflow.ui.stage import Stage, draw_head, make_stage

_mount_path = st.components.v2.component(
    "gradflow_path", js=write_shim("path.js"), isolate_styles=False
)


def show_lesson() -> None:
    """Show the lesson that the learner has come to."""
    path, problem = state.FORM.read_possible()
    draw_steps(lambda: list_learn_steps(path))
    with draw_head(_("Lessons")):
        _draw_path(path)
    if problem:
        blocks.show_error(problem)
    state.PAGE.sync_url(path)
    lesson = state.find_lesson(path)
    stage = make_stage()
    try:
        if lesson.kind is Kind.CURE:
            show_cure(stage, lesson, path)
        else:
            _show_prediction(stage, lesson, path)
    except GradflowError as error:
        with stage.picture:
            blocks.show_error(error)


def _draw_path(path: LessonPath) -> None:
    lessons = load_lessons()
    key = "learn_dots"
    _mount_path(
        key=key,
        data={
            "lessons": [
                {"code": code, "title": _(lesson.title), "done": code in path.predictions}
                for code, lesson in lessons.items()
            ],
            "current": list(lessons).index(path.lesson),
            "label": _("Lessons"),
            "back": _("Previous lesson (←)"),
            "next": _("Next lesson (→)"),
        },
        on_lesson_change=lambda: _take_lesson(key),
    )


def _take_lesson(key: str) -> None:
    code = (read_widget(key) or {}).get("lesson")
    if isinstance(code, str):
        state.go_to(code)


def _show_prediction(stage: Stage, lesson: Lesson, path: LessonPath) -> None:
    outcome = compute.answer(path.lesson, path.seed)
    code = find_class(path.classroom)
    predicted = find_prediction(path, code)
    is_revealed = path.shown or bool(predicted)
    answer, why = write_answer(lesson, outcome)
    with stage.controls, st.container(key="learn_words"):
        draw_question(lesson)
        if predicted:
            _draw_verdict(lesson, outcome, predicted)
        if is_revealed:
            blocks.write_text(f"**{answer}**")
        elif not (is_presenting() or code):
            st.caption(_("Predict first: choose what you expect, then run it."))
    with stage.controls, st.container(key="learn_more", gap="small"):
        if is_revealed:
            blocks.write_text(why)
            draw_ways_on(path, lesson.make_subject(path.seed))
            _draw_repetitions(path, predicted)
    with stage.controls, st.container(key="learn_class_place"):
        ballot = describe_ballot(lesson, outcome)
        right = [outcome.right] if is_revealed else None
        ask_class(code, name_question(path), ballot, right, answer)
    with stage.picture:
        if not is_revealed:
            draw_prediction(lesson, path.lesson, outcome)
            return
        row = MEASURES[lesson.measure]
        blocks.show_figure(
            lesson_figure(
                _list_lines(lesson, outcome, predicted),
                x_axis=_(row.x_axis),
                y_axis=_(row.y_axis),
                mode=blocks.read_mode(),
            ),
            "learn_run",
            _("The run over what was predicted"),
        )


def _draw_repetitions(path: LessonPath, predicted: str) -> None:
    with st.container(horizontal=True):
        if predicted:
            st.button(
                _("Predict again"), key="learn_again", type="tertiary", on_click=state.predict_again
            )
        st.button(
            _("Other weights"),
            key="learn_draw",
            type="tertiary",
            help=_("Runs the same network with another draw of its weights and data."),
            on_click=state.draw_again,
            args=(path.seed % 9999 + 1,),
        )


def _draw_verdict(lesson: Lesson, outcome: Outcome, predicted: str) -> None:
    names = list_names(lesson, outcome)
    mine, right = names[predicted], names[outcome.right]
    if predicted == outcome.right:
        text = _("You predicted {mine}: that is right.").format(mine=mine)
        st.success(text, icon=":material/check_circle:")
        return
    text = _("You predicted {mine}; the run is nearest to {right}.").format(mine=mine, right=right)
    st.warning(text, icon=":material/lightbulb:")


def _list_lines(lesson: Lesson, outcome: Outcome, predicted: str) -> list[LessonLine]:
    """List what was predicted and the other curves by their letters, then the run."""
    is_share = lesson.measure is Measure.DEAD
    run = Series(_("the run"), outcome.run.x, outcome.run.y, is_share=is_share)
    lines = []
    names = list_names(lesson, outcome)
    if lesson.kind is Kind.FACTOR:
        drawn = dict(zip(names, list_factor_lines(lesson, outcome.run), strict=True))
        shown = [code for code in drawn if code in (predicted, outcome.right)]
        series = [Series(names[code], drawn[code].layers, drawn[code].values) for code in shown]
    else:
        shown = list(outcome.options)
        labels = {option.code: write_label(lesson, option) for option in lesson.options}
        series = [
            Series(f"{names[code]}: {labels[code]}", curve.x, curve.y, is_share=is_share)
            for code, curve in outcome.options.items()
        ]
    for code, line in zip(shown, series, strict=True):
        role = Role.CHOSEN if code == predicted else Role.OTHER
        letter = "" if lesson.kind is Kind.FACTOR else names[code]
        lines.append(LessonLine(line, role, letter, outcome.run.backwards))
    return [*lines, LessonLine(run, Role.RUN)]
