"""The last lesson: a network that does not train, and every cure at hand."""

from __future__ import annotations

import random
from collections.abc import Sequence

import streamlit as st

from gradflow.charts.learn.figure import LessonLine, Role, lesson_figure
from gradflow.charts.series import Series
from gradflow.core import codec
from gradflow.core.lessons.path import AND, LessonPath
from gradflow.core.lessons.patients import MOST_CURES, Patient, Treatment, draw_patient
from gradflow.core.lessons.schema import Lesson
from gradflow.core.lessons.subjects import MEASURES
from gradflow.core.numbers import format_number
from gradflow.core.remedies import REMEDIES
from gradflow.core.text import _
from gradflow.ui import blocks
from gradflow.ui.classroom.panel import ask_class, find_class
from gradflow.ui.learn import compute, state
from gradflow.ui.learn.parts import (
    draw_question,
    draw_ways_on,
    find_prediction,
    name_question,
)
from gradflow.ui.learn.words import fill, write_question
from gradflow.ui.long_work import compute_parts
from gradflow.ui.naming import describe_setting
from gradflow.ui.present.present import is_presenting
from gradflow.ui.settings.state import read_widget, show_in_widget
from gradflow.ui.stage import Stage

_CHOICE = "learn_cures"
_DESCRIBED = ("activation", "initialization", "init_std", "depth", "learning_rate")
"""Settings of a network by which its reader looks for what is wrong."""


def show_cure(stage: Stage, lesson: Lesson, path: LessonPath) -> None:
    """Show a network that does not train, what is chosen to cure it, and what came of that."""
    patient = draw_patient(lesson, path.seed)
    before = compute.treat(patient, ())
    code = find_class(path.classroom)
    predicted = find_prediction(path, code)
    chosen = tuple(filter(None, predicted.split(AND)))
    with stage.controls, st.container(key="learn_words"):
        draw_question(lesson)
        st.caption(_describe(patient))
    with stage.controls, st.container(key="learn_choice", gap="small"):
        if not (is_presenting() or code):  # a class votes
            _draw_choice(compute.list_cures(patient, ()), chosen)
    with (
        stage.controls,
        st.container(key="learn_more", gap="small"),
        st.container(horizontal=True, vertical_alignment="center"),
    ):
        draw_ways_on(path, patient.experiment, _("See it in Explore"))
        _draw_others(path, is_asked=bool(code))
    with stage.controls, st.container(key="learn_class_place"):
        _ask_class(code, lesson, path, patient)
    row = MEASURES[lesson.measure]
    lines = [_make_line(_("as it is"), before, Role.CHOSEN)]
    with stage.picture:
        if path.shown:
            lines += _draw_all(patient)
        elif chosen:
            after = compute.treat(patient, chosen)
            lines.append(_make_line(_name(chosen), after, Role.RUN))
            _draw_result(lesson, after)
            if after.trains:
                blocks.write_text(_(lesson.why))
        blocks.show_figure(
            lesson_figure(
                lines, x_axis=_(row.x_axis), y_axis=_(row.y_axis), mode=blocks.read_mode()
            ),
            "learn_cure",
            _("The loss of the network as it is, and with the chosen cures"),
        )


def _ask_class(code: str, lesson: Lesson, path: LessonPath, patient: Patient) -> None:
    cures = compute.list_cures(patient, ())
    ballot = {
        "kind": lesson.kind,
        "title": _(lesson.title),
        "question": f"{write_question(lesson)} {_describe(patient)}",
        "choices": [{"code": cure, "label": _(REMEDIES[cure].label)} for cure in cures],
    }
    right = [c for c in cures if compute.treat(patient, (c,)).trains] if path.shown else None
    ask_class(code, name_question(path), ballot, right, "")


def _describe(patient: Patient) -> str:
    fields = codec.to_fields(patient.experiment)
    parts = [describe_setting(name, fields[name]) for name in _DESCRIBED if name in fields]
    return _("This network: {settings}.").format(settings=", ".join(parts))


def _name(cures: Sequence[str]) -> str:
    return " + ".join(_(REMEDIES[code].label) for code in cures)


def _draw_result(lesson: Lesson, after: Treatment) -> None:
    if after.trains:
        start, end = after.losses.start, after.losses.reached
        answer = fill(lesson.answer, {"start": start, "result": end})
        st.success(answer, icon=":material/check_circle:")
        return
    values = {
        "after": format_number(after.losses.reached),
        "constant": format_number(after.constant),
    }
    st.warning(
        _(
            "Not yet: the loss ends at {after}; guessing gives {constant}. "
            "Try another cure, or add one."
        ).format(**values),
        icon=":material/lightbulb:",
    )


def _draw_choice(codes: Sequence[str], tried: Sequence[str]) -> None:
    if tried and read_widget(_CHOICE) is None:  # a link
        show_in_widget(_CHOICE, [code for code in tried if code in codes])
    st.pills(
        _("Cures: choose one to {most}").format(most=MOST_CURES),
        codes,
        selection_mode="multi",
        key=_CHOICE,
        format_func=lambda code: _(REMEDIES[code].label),
        help=_("They are applied in the order in which you choose them."),
    )
    selected = read_widget(_CHOICE) or []
    st.button(
        _("Train it"),
        key="learn_train",
        type="primary",
        icon=":material/fitness_center:",
        disabled=not 0 < len(selected) <= MOST_CURES,
        on_click=_train,
    )


def _train() -> None:
    selected = read_widget(_CHOICE) or []
    state.commit(AND.join(selected[:MOST_CURES]))


def _draw_others(path: LessonPath, *, is_asked: bool) -> None:
    st.button(
        _("Another one"),
        key="learn_other",
        type="tertiary",
        on_click=_draw_another,
        args=(path.seed,),
    )
    if not (path.shown or is_asked):  # a class has a button of its own for that
        st.button(_("Show what helps"), key="learn_show", type="tertiary", on_click=state.show_run)


def _draw_another(seed: int) -> None:
    state.predict_again()
    state.draw_again(random.choice([other for other in range(1, 10_000) if other != seed]))
    show_in_widget(_CHOICE, [])


def _draw_all(patient: Patient) -> list[LessonLine]:
    """Train with each cure alone, and say which help; return the line of the best, if any."""
    codes = compute.list_cures(patient, ())
    treated = compute_parts(codes, lambda code: compute.treat(patient, (code,)))
    helping = sorted((c for c in codes if treated[c].trains), key=lambda c: treated[c].share)
    names = ", ".join(_(REMEDIES[code].label) for code in helping)
    blocks.write_text(
        _("**{count} of {all} cures make it train, the best first:** {names}.").format(
            count=len(helping), all=len(codes), names=names
        )
    )
    return [_make_line(_(REMEDIES[c].label), treated[c], Role.RUN) for c in helping[:1]]


def _make_line(name: str, treatment: Treatment, role: Role) -> LessonLine:
    return LessonLine(Series(name, treatment.losses.x, treatment.losses.y), role)
