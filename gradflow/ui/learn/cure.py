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
from gradflow.ui.learn import compute, state
from gradflow.ui.learn.parts import draw_question, draw_ways_on
from gradflow.ui.learn.words import fill
from gradflow.ui.long_work import compute_parts
from gradflow.ui.naming import describe_setting
from gradflow.ui.present.present import is_presenting
from gradflow.ui.settings.state import read_widget, show_in_widget
from gradflow.ui.stage import Stage

_CHOICE = "learn_cures"
_DESCRIBED = ("activation", "initialization", "init_std", "depth", "learning_rate")
"""Settings of a network by which its reader looks for what is wrong."""
_BEST = 3
"""Cures whose runs are drawn where all were tried."""


def show_cure(stage: Stage, lesson: Lesson, path: LessonPath) -> None:
    """Show a network that does not train, what is chosen to cure it, and what came of that."""
    patient = draw_patient(lesson, path.seed)
    before = compute.treat(patient, ())
    predicted = "" if is_presenting() else path.predictions.get(path.lesson, "")
    chosen = tuple(filter(None, predicted.split(AND)))
    treated: dict[str, Treatment] = {}
    with stage.controls, st.container(key="learn_words"):
        draw_question(lesson)
        st.caption(_describe(patient))
        if path.shown:
            treated = _draw_all(patient)
        elif chosen:
            after = compute.treat(patient, chosen)
            treated = {_name(chosen): after}
            _draw_result(lesson, before, after)
    with stage.controls, st.container(key="learn_more", gap="small"):
        if not is_presenting():
            _draw_choice(compute.list_cures(patient, ()), chosen)
        if path.shown or any(treatment.trains for treatment in treated.values()):
            blocks.write_text(_(lesson.why))
        with st.container(horizontal=True, vertical_alignment="center"):
            draw_ways_on(path, patient.experiment)
            _draw_others(path)
    row = MEASURES[lesson.measure]
    lines = [_make_line(_("as it is"), before, Role.CHOSEN)]
    lines += [_make_line(name, treatment, Role.RUN) for name, treatment in treated.items()]
    with stage.picture:
        blocks.show_figure(
            lesson_figure(
                lines, x_axis=_(row.x_axis), y_axis=_(row.y_axis), mode=blocks.read_mode()
            ),
            "learn_cure",
            _("The loss of the network as it is, and with the chosen cures"),
        )


def _describe(patient: Patient) -> str:
    fields = codec.to_fields(patient.experiment)
    parts = [describe_setting(name, fields[name]) for name in _DESCRIBED if name in fields]
    return _("This network: {settings}.").format(settings=", ".join(parts))


def _name(cures: Sequence[str]) -> str:
    return " + ".join(_(REMEDIES[code].label) for code in cures)


def _draw_result(lesson: Lesson, before: Treatment, after: Treatment) -> None:
    if after.trains:
        start, end = after.losses.start, after.losses.reached
        answer = fill(lesson.answer, {"start": start, "result": end})
        st.success(answer, icon=":material/check_circle:")
        return
    values = {
        "before": format_number(before.losses.reached),
        "after": format_number(after.losses.reached),
        "constant": format_number(after.constant),
    }
    st.warning(
        _(
            "Not yet: the loss ends at {after}, {before} without the cure. Guessing the "
            "frequency of each class gives {constant}. Try another cure, or add one."
        ).format(**values),
        icon=":material/lightbulb:",
    )


def _draw_choice(codes: Sequence[str], tried: Sequence[str]) -> None:
    if tried and read_widget(_CHOICE) is None:  # a link
        show_in_widget(_CHOICE, [code for code in tried if code in codes])
    st.pills(
        _("Cures, in the order of choice"),
        codes,
        selection_mode="multi",
        key=_CHOICE,
        format_func=lambda code: _(REMEDIES[code].label),
    )
    selected = read_widget(_CHOICE) or []
    st.button(
        _("Train it"),
        key="learn_train",
        type="primary",
        icon=":material/fitness_center:",
        disabled=not 0 < len(selected) <= MOST_CURES,
        help=_("Choose one to {most} cures.").format(most=MOST_CURES),
        on_click=_train,
    )


def _train() -> None:
    selected = read_widget(_CHOICE) or []
    state.commit(AND.join(selected[:MOST_CURES]))


def _draw_others(path: LessonPath) -> None:
    st.button(
        _("Another network"),
        key="learn_other",
        type="tertiary",
        on_click=_draw_another,
        args=(path.seed,),
    )
    if not path.shown:
        st.button(_("Show what helps"), key="learn_show", type="tertiary", on_click=state.show_run)


def _draw_another(seed: int) -> None:
    state.predict_again()
    state.draw_again(random.choice([other for other in range(1, 10_000) if other != seed]))
    show_in_widget(_CHOICE, [])


def _draw_all(patient: Patient) -> dict[str, Treatment]:
    """Train with each cure alone, and say which help; return the best."""
    codes = compute.list_cures(patient, ())
    treated = compute_parts(codes, lambda code: compute.treat(patient, (code,)))
    helping = sorted((c for c in codes if treated[c].trains), key=lambda c: treated[c].share)
    names = ", ".join(_(REMEDIES[code].label) for code in helping)
    blocks.write_text(
        _("**{count} of {all} cures make it train, the best first:** {names}.").format(
            count=len(helping), all=len(codes), names=names
        )
    )
    return {_(REMEDIES[code].label): treated[code] for code in helping[:_BEST]}


def _make_line(name: str, treatment: Treatment, role: Role) -> LessonLine:
    return LessonLine(Series(name, treatment.losses.x, treatment.losses.y), role)
